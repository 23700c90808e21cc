package pushchannel

import (
	"net/http"
	"net/url"
	"testing"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
)

// FuzzEndpoint: an endpoint that is let through leads a request to an allowed host and to no other.
func FuzzEndpoint(f *testing.F) {
	f.Add("https://sim.example:8443/fcm")
	f.Add("https://sim.example:8443@evil.example/")
	f.Add("https://evil.example\\@sim.example:8443/")
	f.Add("https://[::1%25eth0]/")
	allowed, err := ParseEndpoints("sim.example:8443, push.example")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if allowed.check(&pushv1.ChannelEndpoint{URL: pushv1.HTTPSURL(text)}) != nil || text == "" {
			return
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, text, http.NoBody)
		if err != nil {
			return // It leads nowhere.
		}
		if host := hostPort(&url.URL{Host: r.URL.Host}); host != "sim.example:8443" && host != "push.example:443" {
			t.Errorf("%q leads to %q", text, host)
		}
	})
}
