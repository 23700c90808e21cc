package accesstoken

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/provider/providertest"
)

func tokenUntil(value string, life time.Duration) provider.AccessToken {
	return provider.AccessToken{Value: config.NewSecret(value), ExpiresAt: time.Now().Add(life)}
}

// pod is one process that mints tokens named after itself.
func pod(name string, store provider.TokenStore) *Cache {
	n := 0
	return &Cache{
		store: store, name: "fcm/1", now: time.Now, log: slog.New(slog.DiscardHandler), turn: make(chan struct{}, 1),
		mint: func(context.Context) (provider.AccessToken, message.Outcome) {
			n++
			return tokenUntil(name+string(rune('0'+n)), time.Hour), message.Outcome{Class: message.Accepted}
		},
	}
}

func want(t *testing.T, p *Cache, refused, token string) {
	t.Helper()
	got, o := p.Get(t.Context(), refused)
	if got != token || o.Class != message.Accepted {
		t.Errorf("got %q and %+v, want %q", got, o, token)
	}
}

func TestPodsShareTokens(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &providertest.TokenStore{}
		a, b := pod("a", store), pod("b", store)
		want(t, a, "", "a1")
		want(t, b, "", "a1")
		time.Sleep(time.Hour) // virtual
		want(t, b, "", "b1")
		want(t, a, "", "b1")
		want(t, a, "b1", "a2") // a call was refused
		want(t, b, "b1", "a2") // the same, later
		store.Race = tokenUntil("c1", time.Hour)
		want(t, a, "a2", "c1") // another pod was faster
		store.Race = tokenUntil("c2", -time.Hour)
		want(t, a, "c1", "a4") // faster, but with a dead one
		store.Err = errors.New("down")
		want(t, b, "a2", "b2")
		want(t, b, "", "b2")
		want(t, pod("c", nil), "", "c1")
	})
}

func TestGetEndsWithItsContext(t *testing.T) {
	t.Parallel()
	p := pod("a", nil)
	p.turn <- struct{}{} // another caller is minting
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if token, o := p.Get(ctx, ""); token != "" || o.Class != message.Transient {
		t.Errorf("got %q and %+v", token, o)
	}
}

func TestDoTriesOnceMore(t *testing.T) {
	t.Parallel()
	expired := message.Outcome{Class: message.AuthExpired, Code: "11"}
	for name, tt := range map[string]struct {
		answers []message.Outcome
		want    message.Class
		tokens  []string
	}{
		"at once":     {[]message.Outcome{{Class: message.Accepted}}, message.Accepted, []string{"a1"}},
		"after one":   {[]message.Outcome{expired, {Class: message.Throttled}}, message.Throttled, []string{"a1", "a2"}},
		"never taken": {[]message.Outcome{expired, expired}, message.CredentialRejected, []string{"a1", "a2"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var used []string
			o := pod("a", nil).Do(t.Context(), func(token string) message.Outcome {
				used = append(used, token)
				return tt.answers[len(used)-1]
			})
			if o.Class != tt.want || !slices.Equal(used, tt.tokens) {
				t.Errorf("got %+v with %v, want %s with %v", o, used, tt.want, tt.tokens)
			}
		})
	}
}

func TestDoWithoutAToken(t *testing.T) {
	t.Parallel()
	refused := message.Outcome{Class: message.CredentialRejected, Code: "1101"}
	c := New("row/1", func(context.Context) (provider.AccessToken, message.Outcome) { return provider.AccessToken{}, refused }, providertest.Deps())
	if o := c.Do(t.Context(), func(string) message.Outcome { t.Error("called"); return message.Outcome{} }); o != refused {
		t.Errorf("got %+v", o)
	}
}

func TestLasting(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for life, want := range map[time.Duration]time.Duration{
		time.Hour: 55 * time.Minute, 10 * time.Second: 8 * time.Second, 1000 * time.Hour: 24*time.Hour - 5*time.Minute,
	} {
		if got := Lasting("t", now, life, 24*time.Hour).ExpiresAt.Sub(now); got != want {
			t.Errorf("%s: is used for %s, want %s", life, got, want)
		}
	}
}
