package fcm

import (
	"net/url"
	"strings"
	"testing"

	"github.com/offlinepush/operator/dispatcher/config"
)

// FuzzAccount: a key file is taken or refused without quoting it, and its tokens come from Google or from the endpoint.
func FuzzAccount(f *testing.F) {
	f.Add([]byte(`{"type":"service_account","project_id":"p","client_email":"e","private_key":"x","token_uri":"https://oauth2.googleapis.com/token"}`))
	f.Add([]byte(`{"private_key":{"x":1}}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		a, err := parseAccount(content, "chat-4711")
		if err != nil && len(a.PrivateKey) > 16 && strings.Contains(err.Error(), a.PrivateKey) {
			t.Errorf("the error quotes the key: %v", err)
		}
		if err == nil && (a.key == nil || a.ProjectID != "chat-4711") {
			t.Errorf("got %+v", a.ProjectID)
		}
	})
}

// FuzzTokenURL: no key file sends its proof to anybody else.
func FuzzTokenURL(f *testing.F) {
	f.Add("https://oauth2.googleapis.com/token")
	f.Add("https://evil.example/.googleapis.com")
	f.Add("https://evil.example\\.googleapis.com/token")
	f.Add("https://sim.example:8443/fcm/token")
	f.Fuzz(func(t *testing.T, uri string) {
		to, err := serviceAccount{TokenURI: uri}.tokenURL(config.Endpoint{URL: "https://sim.example:8443/fcm"})
		if err != nil {
			return
		}
		u, err := url.Parse(to)
		if err != nil || u.Scheme != "https" || u.User != nil ||
			u.Host != "sim.example:8443" && u.Host != "accounts.google.com" && !strings.HasSuffix(u.Host, ".googleapis.com") {
			t.Errorf("%q sends the proof to %q (%v)", uri, to, err)
		}
		if strings.ContainsAny(u.Host, "/\\@#? ") {
			t.Errorf("%q sends the proof to the host %q", uri, u.Host)
		}
	})
}
