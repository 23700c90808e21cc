package harmonyos

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/provider/providertest"
)

const (
	project    = "736430079244736"
	subAccount = "110047110"
	keyID      = "key-1"
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
		"project_id": project, "key_id": keyID, "private_key": privatePEM(), "sub_account": subAccount,
		"auth_uri": "https://oauth-login.cloud.huawei.com/oauth2/v3/authorize", "token_uri": audience,
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
		Name: "harmonyos", Vendor: "HarmonyOS", AppType: 1,
		HarmonyOS: &config.HarmonyOSChannel{
			ProjectID: project, ReceiptID: "RCP1", ServiceAccount: config.NewSecret(string(account(t, nil))),
			ReceiptUser: config.NewSecret("user"), ReceiptKey: config.NewSecret("receipt-key"),
		},
	}
}

// fake is a fake of Push Kit v3.
type fake struct {
	t *testing.T
	providertest.Fake
	// onSend sees every push to real phones, if set.
	onSend func(http.ResponseWriter, *http.Request, request) (done bool)
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if want := "/v3/" + project + "/messages:send"; r.URL.Path != want || r.Method != http.MethodPost {
		f.t.Errorf("%s %s, want POST %s", r.Method, r.URL.Path, want)
	}
	if got := r.Header.Get("push-type"); got != "0" && f.onSend == nil {
		f.t.Errorf("push-type %q", got)
	}
	f.checkJWT(r)
	if f.Revoked {
		w.WriteHeader(http.StatusUnauthorized)
		answer(w, "80200001", "Authentication Error "+r.Header.Get("Authorization"))
		return
	}
	var m request
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		f.t.Errorf("body: %v", err)
	}
	if tokens := m.Target.Token; len(tokens) == 1 && tokens[0] == nobody {
		w.WriteHeader(http.StatusBadRequest)
		answer(w, "80300007", `{"illegalTokens":{"tokenFormatError":["`+nobody+`"]}}`)
		return
	}
	if f.onSend == nil || !f.onSend(w, r, m) {
		f.send(w, r, m)
	}
}

func (f *fake) checkJWT(r *http.Request) {
	bearer, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	claims := jwt.MapClaims{}
	token, err := jwt.ParseWithClaims(bearer, claims,
		func(*jwt.Token) (any, error) { return &newKey().PublicKey, nil },
		jwt.WithValidMethods([]string{"PS256"}), jwt.WithIssuedAt(), jwt.WithExpirationRequired(),
		jwt.WithIssuer(subAccount), jwt.WithAudience("https://oauth-login.cloud.huawei.com/oauth2/v3/token"))
	if err != nil || token.Header["kid"] != keyID || token.Header["typ"] != "JWT" {
		f.t.Errorf("JWT: %v, header %v, claims %v", err, token.Header, claims)
	}
}

func (f *fake) send(w http.ResponseWriter, r *http.Request, m request) {
	var bad []string
	for _, token := range m.Target.Token {
		switch f.Treat(token) {
		case providertest.Deliver:
		case providertest.RefuseToken:
			bad = append(bad, token)
		case providertest.Fail:
			answer(w, "81000001", "Inner Error")
			return
		case providertest.Echo:
			answer(w, "80100001", r.Header.Get("Authorization")+" for "+strings.Join(m.Target.Token, ","))
			return
		}
	}
	if len(bad) == 0 {
		answer(w, "80000000", "Success")
		return
	}
	code := "80100000"
	if len(bad) == len(m.Target.Token) {
		code = "80300007"
	}
	msg, _ := json.Marshal(map[string]any{"illegalTokens": map[string]any{"tokenFormatError": bad}})
	answer(w, code, string(msg))
}

func answer(w http.ResponseWriter, code, msg string) {
	_ = json.NewEncoder(w).Encode(map[string]string{"code": code, "msg": msg, "requestId": "157440955549500001002006"})
}

func TestSuite(t *testing.T) {
	t.Parallel()
	providertest.Run(t, providertest.Vendor{
		Row:     row(t),
		New:     func(c config.Channel, d provider.Deps) (provider.Provider, error) { return New(c, d) },
		Serve:   func(f providertest.Fake) http.Handler { return &fake{t: t, Fake: f} },
		Secrets: []string{privatePEM(), privatePEM()[100:200], "eyJ", "receipt-key"},
	})
}
