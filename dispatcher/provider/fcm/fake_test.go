package fcm

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/provider/providertest"
)

const (
	project     = "chat-4711"
	clientEmail = "push@chat-4711.iam.gserviceaccount.com"
	keyID       = "key-1"
)

// newKey is made once for all tests: making one takes time.
var newKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

func privatePEM() string {
	der, err := x509.MarshalPKCS8PrivateKey(newKey())
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// account makes a service account; a changed field with an empty value is left out.
func account(t *testing.T, changed map[string]string) []byte {
	t.Helper()
	fields := map[string]string{
		"type": "service_account", "project_id": project, "private_key_id": keyID,
		"private_key": privatePEM(), "client_email": clientEmail, "token_uri": defaultTokenURL,
	}
	for k, v := range changed {
		fields[k] = v
		if v == "" {
			delete(fields, k)
		}
	}
	b, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func row(t *testing.T) config.Channel {
	t.Helper()
	return config.Channel{
		Name: "fcm", Vendor: "FCM", AppType: 1,
		FCM: &config.FCMChannel{ProjectID: project, ServiceAccount: config.NewSecret(string(account(t, nil)))},
	}
}

// google is a fake of Google's two servers.
type google struct {
	t *testing.T
	providertest.Fake
	minted  atomic.Int64
	revoked sync.Map         // access tokens
	now     func() time.Time // nil: the process's clock
	// onSend sees every message, if set.
	onSend func(http.ResponseWriter, *http.Request, request) (done bool)
}

func (g *google) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == providertest.TokenPath {
		g.token(w, r)
		return
	}
	if want := "/v1/projects/" + project + "/messages:send"; r.URL.Path != want || r.Method != http.MethodPost {
		g.t.Errorf("%s %s, want POST %s", r.Method, r.URL.Path, want)
	}
	g.send(w, r)
}

func (g *google) token(w http.ResponseWriter, r *http.Request) {
	if got := r.PostFormValue("grant_type"); got != "urn:ietf:params:oauth:grant-type:jwt-bearer" {
		g.t.Errorf("grant_type %q", got)
	}
	claims := jwt.MapClaims{}
	token, err := jwt.ParseWithClaims(r.PostFormValue("assertion"), claims,
		func(*jwt.Token) (any, error) { return &newKey().PublicKey, nil },
		jwt.WithValidMethods([]string{"RS256"}), jwt.WithIssuedAt(), jwt.WithExpirationRequired(),
		jwt.WithTimeFunc(provider.Deps{Now: g.now}.Clock()), jwt.WithIssuer(clientEmail), jwt.WithAudience("https://"+r.Host+r.URL.Path))
	if err != nil || token.Header["kid"] != keyID || claims["scope"] != "https://www.googleapis.com/auth/firebase.messaging" {
		g.t.Errorf("assertion: %v, header %v, claims %v", err, token.Header, claims)
	}
	if g.Revoked {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = fmt.Fprint(w, `{"error":"invalid_grant","error_description":"Invalid JWT Signature."}`)
		return
	}
	_, _ = fmt.Fprintf(w, `{"access_token":"%s%d","expires_in":3599,"token_type":"Bearer"}`, accessToken, g.minted.Add(1))
}

const accessToken = "ya29.access-token-"

func (g *google) send(w http.ResponseWriter, r *http.Request) {
	var m request
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		g.t.Errorf("body: %v", err)
	}
	auth := r.Header.Get("Authorization")
	if _, revoked := g.revoked.Load(strings.TrimPrefix(auth, "Bearer ")); revoked || !strings.HasPrefix(auth, "Bearer "+accessToken) {
		refuse(w, http.StatusUnauthorized, `{"status":"UNAUTHENTICATED","message":"Request had invalid authentication credentials."}`)
		return
	}
	if g.onSend != nil && g.onSend(w, r, m) {
		return
	}
	if m.ValidateOnly {
		refuse(w, http.StatusBadRequest, inner(withCode("INVALID_ARGUMENT", "INVALID_ARGUMENT", "The registration token is not a valid FCM registration token")))
		return
	}
	switch g.Treat(m.Message.Token) {
	case providertest.Deliver:
		_, _ = fmt.Fprintf(w, `{"name":"projects/%s/messages/0:%s"}`, project, "id")
	case providertest.RefuseToken:
		refuse(w, http.StatusNotFound, `{"status":"NOT_FOUND","message":"Requested entity was not found.",
			"details":[{"@type":"type.googleapis.com/google.firebase.fcm.v1.FcmError","errorCode":"UNREGISTERED"}]}`)
	case providertest.Fail:
		refuse(w, http.StatusServiceUnavailable, `{"status":"UNAVAILABLE","message":"The service is currently unavailable."}`)
	case providertest.Echo:
		words, _ := json.Marshal("cannot take " + auth + " for " + m.Message.Token)
		refuse(w, http.StatusBadRequest, fmt.Sprintf(`{"status":"INVALID_ARGUMENT","message":%s}`, words))
	}
}

// inner is the value of "error".
func inner(body string) string {
	return strings.TrimSuffix(strings.TrimPrefix(body, `{"error":`), "}")
}

func refuse(w http.ResponseWriter, status int, body string) {
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `{"error":%s}`, body)
}

func TestSuite(t *testing.T) {
	t.Parallel()
	providertest.Run(t, providertest.Vendor{
		Row:     row(t),
		New:     func(c config.Channel, d provider.Deps) (provider.Provider, error) { return New(c, d) },
		Serve:   func(f providertest.Fake) http.Handler { return &google{t: t, Fake: f} },
		Secrets: []string{privatePEM(), privatePEM()[100:200], accessToken},
	})
}
