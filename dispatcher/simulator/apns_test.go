package simulator_test

import (
	"crypto/tls"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/offlinepush/operator/dispatcher/simulator"
	"github.com/offlinepush/operator/dispatcher/simulator/apns"
)

// TestAPNsByPathAndByHost has a phone in each environment, and one app with a key and one with a certificate.
func TestAPNsByPathAndByHost(t *testing.T) {
	t.Parallel()
	b := start(t, simulator.Options{})
	var withKey, withCertificate apns.App
	check(t, b.CreateApp(t.Context(), apns.Name, apns.App{BundleID: "io.chat"}, &withKey))
	check(t, b.CreateApp(t.Context(), apns.Name, apns.App{BundleID: "io.old", Auth: "Certificate"}, &withCertificate))
	key := must(jwt.ParseECPrivateKeyFromPEM([]byte(withKey.PrivateKey)))(t)
	token := jwt.NewWithClaims(jwt.SigningMethodES256, jwt.MapClaims{"iss": withKey.TeamID, "iat": time.Now().Unix()})
	token.Header["kid"] = withKey.KeyID
	bearer := must(token.SignedString(key))(t)
	shown := b.server.HTTPClient()
	transport, _ := shown.Transport.(*http.Transport)
	transport.TLSClientConfig.Certificates = []tls.Certificate{
		must(tls.X509KeyPair([]byte(withCertificate.Certificate), []byte(withCertificate.PrivateKey)))(t),
	}
	defer shown.CloseIdleConnections()
	for base, vendor := range map[string]string{
		b.server.URL + "/apns":               apns.Name,
		b.server.URL + "/apns-sandbox":       apns.SandboxName,
		"https://api.push.apple.com":         apns.Name,
		"https://api.sandbox.push.apple.com": apns.SandboxName,
	} {
		for _, app := range []string{"io.chat", "io.old"} {
			p := must(b.CreatePhone(t.Context(), simulator.NewPhone{Vendor: vendor, App: app}))(t)
			client := b.vendors
			req := must(http.NewRequestWithContext(t.Context(), http.MethodPost, base+"/3/device/"+p.Token, strings.NewReader(`{"aps":{"alert":"Hi"}}`)))(t)
			req.Header.Set("Apns-Topic", app)
			if app == "io.chat" {
				req.Header.Set("Authorization", "bearer "+bearer)
			} else {
				client = shown
			}
			res, err := client.Do(req)
			check(t, err)
			check(t, res.Body.Close())
			arrivals := must(b.Notifications(t.Context(), p.ID, 0, patience))(t)
			if res.StatusCode != http.StatusOK || len(arrivals) != 1 || arrivals[0].Content.Content != "Hi" || p.VoIPToken == "" {
				t.Errorf("%s, %s: %s, the phone has %+v", base, app, res.Status, arrivals)
			}
		}
	}
}
