package webpush

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/provider/providertest"
	simulated "github.com/offlinepush/operator/dispatcher/simulator/webpush"
)

const (
	// The keys of RFC 8291, appendix A: the browser's pair and its secret, and the sender's pair, which is good for VAPID too.
	uaPrivate = "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"
	uaPublic  = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
	uaAuth    = "BTBZMqHH6r4Tts7J_aSIgg"
	asPrivate = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
	asPublic  = "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8"

	subject  = "mailto:push@example.com"
	pushHost = "updates.push.services.mozilla.com"
	pushPath = "/wpush/v2/"
)

func row() config.Channel {
	return config.Channel{
		Name: "web", Vendor: "WebPush", AppType: 1,
		WebPush: &config.WebPushChannel{
			Subject: subject, PublicKey: asPublic, PrivateKey: config.NewSecret(asPrivate),
			AllowedHosts: []string{"fcm.googleapis.com", pushHost, "*.notify.windows.com"},
		},
	}
}

// token is the subscription of a browser that is called name.
func token(name string) string {
	return fmt.Sprintf(`{"endpoint":"https://%s%s%s","keys":{"p256dh":%q,"auth":%q}}`, pushHost, pushPath, name, uaPublic, uaAuth)
}

// service is a fake push service behind a gateway.
type service struct {
	t *testing.T
	providertest.Fake
	now func() time.Time // nil: the process's clock
	// onPush sees every push, if set.
	onPush func(w http.ResponseWriter, r *http.Request, plaintext string) (done bool)
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, name, ok := strings.Cut(r.URL.Path, "/"+pushHost+pushPath)
	if !ok || r.Method != http.MethodPost {
		s.t.Errorf("%s %s", r.Method, r.URL.Path)
	}
	s.checkToken(r, "https://"+pushHost)
	if s.Revoked {
		refuse(w, http.StatusUnauthorized, 109, "Invalid Authentication")
		return
	}
	sealed, err := io.ReadAll(r.Body)
	if err != nil {
		return // the client has gone
	}
	plaintext, err := open(sealed)
	if err != nil {
		s.t.Errorf("the browser cannot read: %v", err)
	}
	if s.onPush != nil && s.onPush(w, r, plaintext) {
		return
	}
	switch s.Treat(name) {
	case providertest.Deliver:
		w.Header().Set("Location", "https://"+pushHost+"/m/id-1")
		w.WriteHeader(http.StatusCreated)
	case providertest.RefuseToken:
		refuse(w, http.StatusGone, 106, "No such subscription")
	case providertest.Fail:
		refuse(w, http.StatusServiceUnavailable, 201, "Use exponential back-off for retries")
	case providertest.Echo:
		refuse(w, http.StatusBadRequest, 110, r.Header.Get("Authorization")+" for https://"+pushHost+pushPath+name+" alias "+name)
	}
}

// checkToken checks the VAPID token as RFC 8292 says.
func (s *service) checkToken(r *http.Request, origin string) {
	signed, key, ok := strings.Cut(strings.TrimPrefix(r.Header.Get("Authorization"), "vapid t="), ", k=")
	point, err := decode(key)
	if err != nil || !ok {
		s.t.Errorf("Authorization %q", r.Header.Get("Authorization"))
		return
	}
	public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	if err != nil || key != asPublic {
		s.t.Errorf("key %q: %v", key, err)
		return
	}
	claims := &jwt.RegisteredClaims{}
	now := provider.Deps{Now: s.now}.Clock()
	_, err = jwt.ParseWithClaims(signed, claims, func(*jwt.Token) (any, error) { return public, nil },
		jwt.WithValidMethods([]string{"ES256"}), jwt.WithAudience(origin), jwt.WithSubject(subject),
		jwt.WithExpirationRequired(), jwt.WithTimeFunc(now))
	if err != nil || claims.ExpiresAt.Sub(now()) > 24*time.Hour {
		s.t.Errorf("token: %v, expires %v", err, claims.ExpiresAt)
	}
}

func refuse(w http.ResponseWriter, status, errno int, words string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{
		"code": status, "errno": errno, "error": http.StatusText(status), "message": words,
	})
}

// open is the browser's side.
func open(sealed []byte) (string, error) {
	browser, err := simulated.NewBrowser(uaPrivate, uaAuth)
	if err != nil {
		return "", err
	}
	text, err := browser.Decrypt(sealed)
	return string(text), err
}

// start runs a fake service and a provider that takes it for a gateway.
func start(t *testing.T, s *service, deps provider.Deps) *Provider {
	t.Helper()
	s.t = t
	if s.Treat == nil {
		s.Treat = func(string) providertest.Treatment { return providertest.Deliver }
	}
	server := httptest.NewUnstartedServer(s)
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	c := row()
	c.Endpoint = providertest.Endpoint(server)
	p, err := New(c, deps)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func targets(n int) []provider.Target {
	list := make([]provider.Target, n)
	for i := range list {
		list[i] = provider.Target{Token: token("good-" + strconv.Itoa(i)), UserHash: "u"}
	}
	return list
}

func TestSuite(t *testing.T) {
	t.Parallel()
	providertest.Run(t, providertest.Vendor{
		Row:     row(),
		New:     func(c config.Channel, d provider.Deps) (provider.Provider, error) { return New(c, d) },
		Serve:   func(f providertest.Fake) http.Handler { return &service{t: t, Fake: f} },
		Secrets: []string{asPrivate, uaPublic, uaAuth, "eyJ", pushPath, "token-00"},
		Token:   token, LocalProbe: true,
		Bare: map[int]message.Class{
			200: message.Accepted, 204: message.Accepted, 400: message.Rejected, 401: message.CredentialRejected,
			403: message.CredentialRejected, 404: message.InvalidToken, 429: message.Throttled, 500: message.Transient,
			503: message.Transient,
		},
	})
}
