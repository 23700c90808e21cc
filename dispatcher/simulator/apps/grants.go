package apps

import (
	"net/http"
	"sync"
	"time"

	"github.com/offlinepush/operator/dispatcher/simulator/adminapi"
)

// maxGrants bounds the memory of Grants; the oldest go first.
const maxGrants = 10_000

// Grants are the access tokens that a vendor gave out. The zero value has none. It is safe for concurrent use.
type Grants struct {
	mu     sync.Mutex
	tokens map[string]grant
	order  []string
}

type grant struct {
	app string
	// secret is what the app had then: a token ends with its credential.
	secret  string
	expires time.Time
}

// Issue makes a token for an app with its present secret.
func (g *Grants) Issue(app, secret string, life time.Duration) string {
	token := RandomHex(32)
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.tokens == nil {
		g.tokens = map[string]grant{}
	}
	if len(g.order) == maxGrants {
		delete(g.tokens, g.order[0])
		g.order = g.order[1:]
	}
	g.tokens[token] = grant{app, secret, time.Now().Add(life)}
	g.order = append(g.order, token)
	return token
}

// App tells for which app a token is good, and the secret that the app had when it was issued.
func (g *Grants) App(token string) (app, secret string, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	t, known := g.tokens[token]
	if !known || !time.Now().Before(t.expires) {
		return "", "", false
	}
	return t.app, t.secret, true
}

// Expire ends all tokens, so that new ones have to be fetched.
func (g *Grants) Expire() {
	g.mu.Lock()
	defer g.mu.Unlock()
	clear(g.tokens)
	g.order = nil
}

// Register adds DELETE /admin/VENDOR/access-tokens, which is Expire, to mux.
func (g *Grants) Register(mux *http.ServeMux, vendor string) {
	mux.Handle("DELETE /admin/"+vendor+"/access-tokens", adminapi.Handle(func(*http.Request) (any, error) {
		g.Expire()
		return nil, nil
	}))
}
