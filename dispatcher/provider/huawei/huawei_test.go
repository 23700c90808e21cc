package huawei

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/provider/providertest"
)

// start runs a fake Huawei and a provider of it.
func start(t *testing.T, f *fake, deps provider.Deps) *Provider {
	t.Helper()
	f.t = t
	f.Treat = func(string) providertest.Treatment { return providertest.Deliver }
	s := httptest.NewTLSServer(f)
	t.Cleanup(s.Close)
	c := row()
	c.Endpoint = providertest.Endpoint(s)
	p, err := New(c, deps)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func TestCodes(t *testing.T) {
	t.Parallel()
	providertest.Docs(t, "../../../docs/vendors/huawei.md", Codes())
	index := provider.IndexCodes(Codes())
	for _, code := range []string{"1101", "1101/20002"} {
		if index[code].Class != message.CredentialRejected {
			t.Errorf("%s: got %+v", code, index[code])
		}
	}
}

func TestSendRefreshesOnce(t *testing.T) {
	t.Parallel()
	f := &fake{}
	p := start(t, f, providertest.Deps())
	send := func() message.Outcome {
		return p.Send(t.Context(), providertest.Notification(), providertest.Targets(2))[1]
	}
	if o := send(); o.Class != message.Accepted || f.minted.Load() != 1 {
		t.Fatalf("first: %+v with %d tokens", o, f.minted.Load())
	}
	f.revoked.Store(accessToken+"1", true)
	if o := send(); o.Class != message.Accepted || f.minted.Load() != 2 {
		t.Errorf("after the end: %+v with %d tokens", o, f.minted.Load())
	}
	f.revoked.Store(accessToken+"2", true)
	f.revoked.Store(accessToken+"3", true)
	if o := send(); o.Class != message.CredentialRejected || o.Code != "80200003" || f.minted.Load() != 3 {
		t.Errorf("a fresh token is refused: %+v with %d tokens", o, f.minted.Load())
	}
}

func TestProvidersShareThroughTheStore(t *testing.T) {
	t.Parallel()
	f := &fake{}
	deps := providertest.Deps()
	deps.Tokens = &providertest.TokenStore{}
	p := start(t, f, deps)
	second := row()
	second.Endpoint = config.Endpoint{URL: "https://localhost", AuthURL: p.grant.URL}
	other, err := New(second, deps)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	p.Send(t.Context(), providertest.Notification(), providertest.Targets(1))
	if token, _ := other.sender.Tokens.Get(t.Context(), ""); token != accessToken+"1" {
		t.Errorf("the second pod uses %q", token)
	}
	second.Huawei.AppSecret = config.NewSecret("rotated")
	rotated, err := New(second, deps)
	if err != nil {
		t.Fatal(err)
	}
	defer rotated.Close()
	if rotated.sender.Tokens.Name() == p.sender.Tokens.Name() {
		t.Error("a new credential uses the old one's token")
	}
	if o := p.Probe(t.Context()); o.Class != message.Accepted || o.HTTPStatus != http.StatusOK || f.minted.Load() != 2 {
		t.Errorf("a probe must mint: got %+v after %d", o, f.minted.Load())
	}
}

func TestGrantAnswers(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		status int
		body   string
		want   message.Class
		code   string
		wait   time.Duration
	}{
		{"granted", 200, `{"access_token":"t","expires_in":3600,"token_type":"Bearer"}`, message.Accepted, "", 0},
		{"no JSON", 200, `<html>`, message.Transient, "", 0},
		{"an error with status 200", 200, `{"error":1101,"sub_error":20002}`, message.CredentialRejected, "1101/20002", 0},
		{"malformed id", 400, `{"error":1101,"sub_error":20002,"error_description":"bad client_id format"}`, message.CredentialRejected, "1101/20002", 0},
		{"numbers in text", 400, `{"error":"1101","sub_error":"20002"}`, message.CredentialRejected, "1101/20002", 0},
		{"without a second number", 400, `{"error":1101}`, message.CredentialRejected, "1101", 0},
		{"an error of tomorrow", 403, `{"error":9999}`, message.CredentialRejected, "9999", 0},
		{"not found", 404, ``, message.CredentialRejected, "", 0},
		{"too many tokens", 503, `{"error":1301}`, message.Throttled, "1301", 5 * time.Minute},
		{"too many tokens without words", 503, ``, message.Throttled, "", 5 * time.Minute},
		{"failed", 500, ``, message.Transient, "", 0},
		{"gateway", 502, ``, message.Transient, "", 0},
		{"timeout", 504, ``, message.Transient, "", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(tt.status)
				_, _ = w.Write([]byte(tt.body))
			}))
			defer s.Close()
			c := row()
			c.Endpoint = providertest.Endpoint(s)
			p, err := New(c, providertest.Deps())
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			if o := p.Probe(t.Context()); o.Class != tt.want || o.Code != tt.code || o.RetryAfter != tt.wait {
				t.Errorf("got %+v", o)
			}
		})
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	p, err := New(row(), providertest.Deps())
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if got := p.sender.URL; got != "https://push-api.cloud.huawei.com/v1/104711/messages:send" {
		t.Errorf("pushes go to %s", got)
	}
	if got := p.grant.URL; got != "https://oauth-login.cloud.huawei.com/oauth2/v3/token" {
		t.Errorf("tokens come from %s", got)
	}
	c := row()
	c.Huawei.AppSecret = config.NewSecret("secret\n")
	if _, err := New(c, providertest.Deps()); err == nil || !strings.Contains(err.Error(), "huawei: appSecret: begins or ends with a blank") {
		t.Errorf("got %v", err)
	}
}

func TestReceiptsNeedTheMember(t *testing.T) {
	t.Parallel()
	if _, err := Receipts(config.Channel{Name: "x"}, provider.Callback{}); err == nil {
		t.Error("a row of another vendor is taken")
	}
}
