package fcm

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"strings"
	"testing"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/provider/providertest"
)

func TestParseAccount(t *testing.T) {
	t.Parallel()
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(ec)
	if err != nil {
		t.Fatal(err)
	}
	ecPEM := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	broken := strings.Replace(privatePEM(), "MII", "AII", 1)
	tests := []struct {
		name    string
		account []byte
		project string
		want    string
	}{
		{"good", account(t, nil), project, ""},
		{"any project", account(t, nil), "", ""},
		{"without type and key id", account(t, map[string]string{"type": "", "private_key_id": "", "token_uri": ""}), project, ""},
		{"empty", nil, project, "is not JSON"},
		{"not JSON", []byte(privatePEM()), project, "is not JSON"},
		{"wrong type of a field", []byte(`{"client_email":17}`), project, "client_email: must be string"},
		{"of an app", []byte(`{"type":"authorized_user"}`), project, "type: must be service_account"},
		{"google-services.json", []byte(`{"project_info":{"project_id":"p"}}`), project, "project_id: is missing"},
		{"no project", account(t, map[string]string{"project_id": ""}), project, "project_id: is missing"},
		{"no email", account(t, map[string]string{"client_email": ""}), project, "client_email: is missing"},
		{"no key", account(t, map[string]string{"private_key": ""}), project, "private_key: is missing"},
		{"broken key", account(t, map[string]string{"private_key": broken}), project, "private_key: is not an RSA key"},
		{"EC key", account(t, map[string]string{"private_key": ecPEM}), project, "private_key: is not an RSA key"},
		{"broken key of another project", account(t, map[string]string{"private_key": broken}), "other-1", "private_key: is not an RSA key"},
		{"other project", account(t, nil), "other-1", `fcm.projectID: is "other-1", the service account is of project "chat-4711"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := parseAccount(tt.account, tt.project)
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			if _, mismatch := errors.AsType[*provider.MismatchError](err); mismatch != (tt.name == "other project") {
				t.Errorf("got a mismatch: %t, of %v", mismatch, err)
			}
			if err != nil && (strings.Contains(err.Error(), "MII") || strings.Contains(err.Error(), "17")) {
				t.Errorf("the error quotes the key: %v", err)
			}
		})
	}
	if got, err := parseAccount(account(t, nil), ""); got.ProjectID != project || err != nil {
		t.Errorf("got project %q, %v", got.ProjectID, err)
	}
}

func TestTokenURL(t *testing.T) {
	t.Parallel()
	tests := []struct{ uri, authURL, want string }{
		{"https://sim.example:8443/token", "", "https://sim.example:8443/token"},
		{"https://sim.example/token", "", ""},
		{"https:///token", "", ""},
		{"", "", defaultTokenURL},
		{"https://oauth2.googleapis.com/token", "", "https://oauth2.googleapis.com/token"},
		{"https://accounts.google.com/o/oauth2/token", "", "https://accounts.google.com/o/oauth2/token"},
		{"https://evil.example/token", "https://sim.example/token", "https://sim.example/token"},
		{"https://evil.example/token", "", ""},
		{"https://evilgoogleapis.com/token", "", ""},
		{"https://oauth2.googleapis.com:8443/token", "", ""},
		{"https://oauth2.googleapis.com@evil.example/token", "", ""},
		{"http://oauth2.googleapis.com/token", "", ""},
		{"://", "", ""},
	}
	for _, tt := range tests {
		c := row(t)
		c.FCM.ServiceAccount = config.NewSecret(string(account(t, map[string]string{"token_uri": tt.uri})))
		c.Endpoint = config.Endpoint{URL: "https://sim.example:8443/fcm", AuthURL: tt.authURL}
		p, err := New(c, providertest.Deps())
		switch {
		case tt.want == "" && (err == nil || !strings.Contains(err.Error(), "set endpoint.authURL")):
			t.Errorf("%q: got %v", tt.uri, err)
		case tt.want != "" && (err != nil || p.grant.url != tt.want):
			t.Errorf("%q: got %v", tt.uri, err)
		}
	}
}
