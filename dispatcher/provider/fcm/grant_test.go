package fcm

import (
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/provider/providertest"
)

func TestGrantAnswers(t *testing.T) {
	t.Parallel()
	now := time.Now()
	tests := []struct {
		name   string
		status int
		body   string
		want   message.Class
		code   string
		life   time.Duration
	}{
		{"good", 200, `{"access_token":"t","expires_in":3600}`, message.Accepted, "", 55 * time.Minute},
		{"short", 200, `{"access_token":"t","expires_in":10}`, message.Accepted, "", 8 * time.Second},
		{"endless", 200, `{"access_token":"t","expires_in":9223372036854775807}`, message.Accepted, "", 24*time.Hour - 5*time.Minute},
		{"no token", 200, `{"expires_in":10}`, message.Transient, "", 0},
		{"no life", 200, `{"access_token":"t"}`, message.Transient, "", 0},
		{"not JSON", 200, `<html>`, message.Transient, "", 0},
		{"deleted key", 400, `{"error":"invalid_grant","error_description":"x"}`, message.CredentialRejected, "invalid_grant", 0},
		{"deleted account", 401, `{"error":"invalid_client"}`, message.CredentialRejected, "invalid_client", 0},
		{"other refusal", 400, `{"error":"unsupported_grant_type"}`, message.CredentialRejected, "unsupported_grant_type", 0},
		{"redirect", 302, ``, message.CredentialRejected, "", 0},
		{"too fast", 429, ``, message.Throttled, "", 0},
		{"down", 503, `{"error":"backend"}`, message.Transient, "backend", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			g := grant{codes: provider.IndexCodes(Codes()), now: time.Now}
			token, o := g.read(provider.Answer{Status: tt.status, Body: []byte(tt.body)}, now)
			if o.Class != tt.want || o.Code != tt.code {
				t.Errorf("got %+v", o)
			}
			if tt.life > 0 && !token.ExpiresAt.Equal(now.Add(tt.life)) {
				t.Errorf("is used for %s, want %s", token.ExpiresAt.Sub(now), tt.life)
			}
		})
	}
}

func TestProvidersShareThroughTheStore(t *testing.T) {
	t.Parallel()
	g := &google{Fake: providertest.Fake{Treat: deliver}}
	deps := providertest.Deps()
	deps.Tokens = &providertest.TokenStore{}
	p := start(t, g, deps)
	p.Send(t.Context(), providertest.Notification(), providertest.Targets(1))
	second, err := New(config.Channel{
		Name: "fcm", Vendor: "FCM", FCM: row(t).FCM,
		Endpoint: config.Endpoint{URL: "https://localhost", AuthURL: p.grant.url},
	}, deps)
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	if token, _ := second.tokens.Get(t.Context(), ""); token != accessToken+"1" {
		t.Errorf("the second pod uses %q", token)
	}
	rotated := row(t)
	rotated.FCM.ServiceAccount = config.NewSecret(string(account(t, map[string]string{"private_key_id": "key-2"})))
	third, err := New(rotated, deps)
	if err != nil {
		t.Fatal(err)
	}
	defer third.Close()
	if third.tokens.Name() == p.tokens.Name() {
		t.Error("a new credential uses the old one's token")
	}
	if o := p.Probe(t.Context()); o.Class != message.Accepted || o.HTTPStatus != http.StatusOK || g.minted.Load() != 2 {
		t.Errorf("a probe must mint: got %+v after %d", o, g.minted.Load())
	}
}

// TestAWrongClockOfThePodDoesNoHarm: the store's time is Google's, the pod's is
// 20 minutes, and then 2 days, away from it.
func TestAWrongClockOfThePodDoesNoHarm(t *testing.T) {
	t.Parallel()
	for _, wrong := range []time.Duration{20 * time.Minute, -20 * time.Minute, 48 * time.Hour, -48 * time.Hour} {
		t.Run(wrong.String(), func(t *testing.T) {
			t.Parallel()
			var later atomic.Int64
			right := func() time.Time { return time.Now().Add(wrong + time.Duration(later.Load())) }
			g := &google{now: right}
			deps := providertest.Deps()
			store := &providertest.TokenStore{}
			deps.Tokens, deps.Now = store, right
			p := start(t, g, deps)
			for _, want := range []int64{1, 1, 2} { // the third time the first token is over
				if o := p.Send(t.Context(), providertest.Notification(), providertest.Targets(1))[0]; o.Class != message.Accepted {
					t.Errorf("got %+v", o)
				}
				if got := g.minted.Load(); got != want {
					t.Errorf("%d tokens were minted, want %d", got, want)
				}
				later.Add(int64(29 * time.Minute))
			}
			ends := store.Get(p.tokens.Name()).ExpiresAt
			if left := ends.Sub(right()); left < 20*time.Minute || left > time.Hour {
				t.Errorf("the shared token ends in %s by the store's time", left)
			}
		})
	}
}

func FuzzGrant(f *testing.F) {
	f.Add(200, []byte(`{"access_token":"t","expires_in":3600}`))
	f.Add(400, []byte(`{"error":"invalid_grant","error_description":"x"}`))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		g := grant{codes: provider.IndexCodes(Codes()), now: time.Now}
		now := time.Now()
		token, o := g.read(provider.Answer{Status: status, Body: body}, now)
		if (o.Class == message.Accepted) != (token.Value.Reveal() != "") {
			t.Errorf("%d %q: token and outcome %+v disagree", status, body, o)
		}
		if o.Class == message.Accepted && (!token.ExpiresAt.After(now) || token.ExpiresAt.After(now.Add(24*time.Hour))) {
			t.Errorf("%d %q: lives until %s", status, body, token.ExpiresAt)
		}
	})
}
