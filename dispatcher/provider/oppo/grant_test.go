package oppo

import (
	"fmt"
	"testing"
	"time"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/provider/providertest"
)

// TestSign has the vector of
//
//	printf '%s' "$appKey" 1767182400000 "$masterSecret" | sha256sum
func TestSign(t *testing.T) {
	t.Parallel()
	const want = "51882a8d5640478c9599b48b102723ffa6c7666e0d5a8026762bed46107118c6"
	if got := sign(appKey, "1767182400000", masterSecret); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestGrantAnswers(t *testing.T) {
	t.Parallel()
	now := noon()
	made := func(ago time.Duration) string {
		return fmt.Sprintf(`{"code":0,"data":{"auth_token":"t","create_time":%d}}`, now.Add(-ago).UnixMilli())
	}
	const early = 5 * time.Minute
	tests := []struct {
		name   string
		status int
		body   string
		want   message.Class
		code   string
		life   time.Duration
	}{
		{"good", 200, made(0), message.Accepted, "0", 24*time.Hour - early},
		{"made before", 200, made(20 * time.Hour), message.Accepted, "0", 4*time.Hour - early},
		{"made too long ago", 200, made(25 * time.Hour), message.Accepted, "0", time.Hour - early},
		{"made in the future", 200, made(-time.Hour), message.Accepted, "0", 24*time.Hour - early},
		{"made at no time", 200, `{"code":0,"data":{"auth_token":"t"}}`, message.Accepted, "0", 24*time.Hour - early},
		{"no token", 200, `{"code":0,"data":{}}`, message.Transient, "", 0},
		{"no data", 200, `{"code":0,"data":"x"}`, message.Transient, "", 0},
		{"not JSON", 200, `<html>`, message.Transient, "", 0},
		{"bad signature", 200, `{"code":16,"message":"x"}`, message.CredentialRejected, "16", 0},
		{"bad clock", 200, `{"code":19,"message":"x"}`, message.CredentialRejected, "19", 0},
		{"wrong method", 200, `{"code":12,"message":"x"}`, message.CredentialRejected, "12", 0},
		{"a code of tomorrow", 200, `{"code":77,"message":"x"}`, message.CredentialRejected, "77", 0},
		{"redirect", 302, ``, message.CredentialRejected, "", 0},
		{"too fast", 200, `{"code":55,"message":"x"}`, message.Throttled, "55", 0},
		{"down", 503, ``, message.Transient, "", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			token, o := grant{caller: decoder()}.read(provider.Answer{Status: tt.status, Body: []byte(tt.body)}, now, "s")
			if o.Class != tt.want || o.Code != tt.code || (token.Value.Reveal() != "") != (tt.life > 0) {
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
	f := &fake{Fake: deliver()}
	deps := providertest.Deps()
	deps.Tokens = &providertest.TokenStore{}
	p := start(t, f, deps)
	p.Send(t.Context(), providertest.Notification(), providertest.Targets(1))
	again, err := New(p.row, deps)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	again.Send(t.Context(), providertest.Notification(), providertest.Targets(1))
	if n := f.minted.Load(); n != 1 {
		t.Errorf("two pods fetched %d tokens, want 1", n)
	}
	if o := again.Probe(t.Context()); o.Class != message.Accepted || f.minted.Load() != 2 {
		t.Errorf("a probe must fetch a token: got %+v after %d", o, f.minted.Load())
	}
	for name, change := range map[string]func(*config.Channel){
		"secret": func(c *config.Channel) { c.OPPO.MasterSecret = config.NewSecret("another") },
		"app":    func(c *config.Channel) { c.OPPO.AppKey = "another" },
		"region": func(c *config.Channel) { c.Endpoint.URL = "https://localhost/another" },
	} {
		other := p.row
		member := *p.row.OPPO
		other.OPPO = &member
		change(&other)
		o, err := New(other, deps)
		if err != nil {
			t.Fatal(err)
		}
		if o.Close(); o.tokens.Name() == p.tokens.Name() {
			t.Errorf("another %s uses the same token", name)
		}
	}
}
