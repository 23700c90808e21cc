package meizu

import (
	"net/url"
	"strings"
	"testing"

	"github.com/offlinepush/operator/dispatcher/provider"
)

// FuzzRedirect: a push follows an answer to Meizu's own hosts only, over HTTPS.
func FuzzRedirect(f *testing.F) {
	f.Add([]byte(`{"code":"1003","redirect":"https://server-api-push.meizu.com/x"}`))
	f.Add([]byte(`{"code":1003,"redirect":"https://u:p@evil.example\\.meizu.com/"}`))
	f.Add([]byte(`{"code":1003,"redirect":"https://evil.example#.meizu.com"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		to := redirect(provider.Answer{Status: 200, Body: body}, "https://127.0.0.1:1/meizu")
		if to == "" {
			return
		}
		u, err := url.Parse(to)
		if err != nil || u.Scheme != "https" || u.User != nil || u.Host != "127.0.0.1:1" && !strings.HasSuffix(u.Host, ".meizu.com") {
			t.Errorf("%q leads to %q", body, to)
		}
		if strings.ContainsAny(u.Host, "/\\@#? ") {
			t.Errorf("%q leads to the host %q", body, u.Host)
		}
	})
}
