package vivo

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/provider/providertest"
)

// TestSign has a signature that md5sum made.
func TestSign(t *testing.T) {
	t.Parallel()
	a := app{id: appID, key: appKey, secret: config.NewSecret(appSecret)}
	if got := a.sign(1798761600000); got != "0e56aa1b5a1fee867180e35fc5d6d12c" {
		t.Errorf("got %s", got)
	}
}

func TestNew(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(*config.VivoChannel)
		want   string
	}{
		"good":             {func(*config.VivoChannel) {}, ""},
		"no id":            {func(c *config.VivoChannel) { c.AppID = 0 }, "vivo: appID: is 0; copy the AppID"},
		"no key":           {func(c *config.VivoChannel) { c.AppKey = "" }, "vivo: appKey: is empty; copy the AppKey from vivo's console"},
		"no secret":        {func(c *config.VivoChannel) { c.AppSecret = config.Secret{} }, "vivo: appSecret: is empty; copy the AppSecret from vivo's console"},
		"secret of a file": {func(c *config.VivoChannel) { c.AppSecret = config.NewSecret(appSecret + "\n") }, "vivo: appSecret: begins or ends with a blank"},
	} {
		c := row()
		tt.change(c.Vivo)
		p, err := New(c, providertest.Deps())
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", name, err, tt.want)
		}
		if err != nil && strings.Contains(err.Error(), appSecret) {
			t.Errorf("%s: the error quotes the secret: %v", name, err)
		}
		if err == nil && (p.base != "https://api-push.vivo.com.cn" || p.MaxTargets() != 1000 || p.Requests(7) != 7) {
			t.Errorf("%s: got %+v", name, p)
		}
	}
	c := row()
	c.Endpoint.URL = "https://sim.example/vivo/"
	if p, err := New(c, providertest.Deps()); err != nil || p.base != "https://sim.example/vivo" {
		t.Errorf("got %+v, %v", p, err)
	}
}

func TestExchange(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		status int
		body   string
		want   message.Class
		code   string
	}{
		"good":          {200, `{"result":0,"desc":"ok","authToken":"t"}`, message.Accepted, "0"},
		"no token":      {200, `{"result":0,"desc":"ok"}`, message.Transient, "0"},
		"wrong secret":  {200, `{"result":10206,"desc":"sign"}`, message.CredentialRejected, "10206"},
		"10000":         {200, `{"result":10000,"desc":"auth"}`, message.CredentialRejected, "10000"},
		"wrong message": {200, `{"result":10050,"desc":"regId"}`, message.CredentialRejected, "10050"},
		"too often":     {200, `{"result":10072,"desc":"slow"}`, message.Throttled, "10072"},
		"of tomorrow":   {200, `{"result":19999,"desc":"moon"}`, message.Transient, "19999"},
		"down":          {500, ``, message.Transient, ""},
		"no such page":  {404, ``, message.CredentialRejected, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := start(t, &fake{onAuth: func(w http.ResponseWriter) bool {
				w.WriteHeader(tt.status)
				answer(w, tt.body)
				return true
			}}, nil)
			if o := p.Probe(t.Context()); o.Class != tt.want || o.Code != tt.code {
				t.Errorf("got %+v", o)
			}
		})
	}
}

func TestSendRefreshesOnce(t *testing.T) {
	t.Parallel()
	f := &fake{}
	p := start(t, f, nil)
	send := func(n int) {
		for i, o := range p.Send(t.Context(), providertest.Notification(), providertest.Targets(n)) {
			if o.Class != message.Accepted {
				t.Errorf("target %d of %d: got %+v", i, n, o)
			}
		}
	}
	send(1)
	send(50)
	if got := f.minted.Load(); got != 1 {
		t.Fatalf("%d tokens were minted", got)
	}
	f.expired.Store(authToken+"1", true)
	var calls sync.WaitGroup
	for i := range 8 { // all find the token expired at the same time
		calls.Go(func() { send(1 + i) })
	}
	calls.Wait()
	if got := f.minted.Load(); got != 2 {
		t.Errorf("%d tokens were minted, want 2", got)
	}
}

func TestAFreshTokenThatIsRefusedMeansTheCredential(t *testing.T) {
	t.Parallel()
	f := &fake{onPush: func(w http.ResponseWriter, _ call) bool {
		answer(w, `{"result":10000,"desc":"no"}`)
		return true
	}}
	p := start(t, f, nil)
	for _, o := range p.Send(t.Context(), providertest.Notification(), providertest.Targets(3)) {
		if o.Class != message.CredentialRejected || o.Code != "10000" || f.minted.Load() != 2 {
			t.Errorf("got %+v after %d tokens", o, f.minted.Load())
		}
	}
}

// TestTokensAreSharedAndReplacedInTime: vivo advises a new token every one or two hours.
func TestTokensAreSharedAndReplacedInTime(t *testing.T) {
	t.Parallel()
	store := &providertest.TokenStore{}
	now := time.Date(2026, 12, 31, 12, 0, 0, 0, time.UTC)
	f := &fake{}
	p := start(t, f, func(_ *config.Channel, d *provider.Deps) {
		d.Tokens, d.Now = store, func() time.Time { return now }
	})
	p.Send(t.Context(), providertest.Notification(), providertest.Targets(1))
	shared := store.Get(p.tokens.Name())
	if life := shared.ExpiresAt.Sub(now); life < time.Hour || life > 2*time.Hour {
		t.Errorf("the token is used for %s", life)
	}
	other := row()
	other.Vivo.AppSecret = config.NewSecret("rotated")
	second, err := New(other, providertest.Deps())
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	if second.tokens.Name() == p.tokens.Name() || strings.Contains(p.tokens.Name(), appSecret) {
		t.Errorf("the token is stored under %q", p.tokens.Name())
	}
}
