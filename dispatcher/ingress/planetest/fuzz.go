package planetest

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/offlinepush/operator/dispatcher/wire"
)

// FuzzInput is a request of a stranger who knows a key.
type FuzzInput struct{ Method, Path, Body, Key string }

// Fuzz fails when the request makes the handler panic or call itself at fault.
func Fuzz(t *testing.T, h http.Handler, in FuzzInput) {
	t.Helper()
	u, err := url.Parse(in.Path)
	if err != nil || !strings.HasPrefix(u.Path, "/") || u.Host != "" {
		t.Skip("no path of a request")
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(in.Body))
	r.Method, r.URL = in.Method, u
	r.Header.Set("Authorization", "Bearer "+in.Key)
	r.Header.Set(wire.SecretHeader, "secret")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code >= http.StatusInternalServerError {
		t.Errorf("%s %q: %d %s", in.Method, in.Path, w.Code, w.Body)
	}
}
