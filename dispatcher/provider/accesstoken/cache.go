// Package accesstoken keeps a channel row's access token: minted once, replaced
// before it runs out, and shared between the pods of an app.
package accesstoken

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
)

// refreshEarly is how long before its end a token is replaced, or a fifth of its life if that is less.
const refreshEarly = 5 * time.Minute

// Mint asks the vendor for a token. It returns an outcome other than Accepted when there is none.
type Mint func(context.Context) (provider.AccessToken, message.Outcome)

// Cache holds the token of one channel row. It is safe for concurrent use: one
// caller at a time looks at the token or replaces it.
type Cache struct {
	mint  Mint
	store provider.TokenStore // nil: in memory only
	name  string
	now   func() time.Time
	log   *slog.Logger
	// turn is held by the one caller that looks at or replaces current.
	turn    chan struct{}
	current provider.AccessToken
}

// New makes a cache. The name is unique per channel row and credential.
func New(name string, mint Mint, deps provider.Deps) *Cache {
	return &Cache{mint: mint, store: deps.Tokens, name: name, now: deps.Clock(), log: deps.Log, turn: make(chan struct{}, 1)}
}

// Name is what the token is stored under.
func (t *Cache) Name() string { return t.name }

// Lasting is a token that was granted now for a time, dated so that it is replaced in time. maxLife bounds what a
// vendor may claim.
func Lasting(value string, now time.Time, life, maxLife time.Duration) provider.AccessToken {
	life = min(life, maxLife)
	return provider.AccessToken{Value: config.NewSecret(value), ExpiresAt: now.Add(life - min(refreshEarly, life/5))}
}

// Do makes a call with a token, and once more with a new one if the vendor says
// that the token ran out. One that is refused fresh from the mint is no token
// that ran out: the credential is.
func (t *Cache) Do(ctx context.Context, call func(token string) message.Outcome) message.Outcome {
	token, o := t.Get(ctx, "")
	if o.Class != message.Accepted {
		return o
	}
	if o = call(token); o.Class != message.AuthExpired {
		return o
	}
	token, minted := t.Get(ctx, token)
	if minted.Class != message.Accepted {
		return minted
	}
	if o = call(token); o.Class == message.AuthExpired {
		o.Class = message.CredentialRejected
	}
	return o
}

// Each is Do for a call of one request each: push makes those that are due, by their indexes, and sets their outcomes.
// Those whose token ran out are made once more.
func (t *Cache) Each(ctx context.Context, outcomes []message.Outcome, push func(token string, due []int)) {
	due := make([]int, len(outcomes))
	for i := range due {
		due[i] = i
	}
	refused := ""
	for range 2 {
		if len(due) == 0 {
			return
		}
		token, o := t.Get(ctx, refused)
		if o.Class != message.Accepted {
			for _, i := range due {
				outcomes[i] = o
			}
			return
		}
		push(token, due)
		due = slices.DeleteFunc(due, func(i int) bool { return outcomes[i].Class != message.AuthExpired })
		refused = token
	}
}

// Get returns a usable token other than refused, or an outcome that is not Accepted.
func (t *Cache) Get(ctx context.Context, refused string) (string, message.Outcome) {
	select {
	case t.turn <- struct{}{}:
		defer func() { <-t.turn }()
	case <-ctx.Done():
		return "", provider.Unanswered(ctx.Err())
	}
	if t.usable(t.current, refused) {
		return t.current.Value.Reveal(), message.Outcome{Class: message.Accepted}
	}
	shared := t.load(ctx)
	if !t.usable(shared, refused) {
		minted, o := t.mint(ctx)
		if o.Class != message.Accepted {
			return "", o
		}
		shared = t.share(ctx, shared, minted, refused)
	}
	t.current = shared
	return shared.Value.Reveal(), message.Outcome{Class: message.Accepted}
}

func (t *Cache) usable(token provider.AccessToken, refused string) bool {
	value := token.Value.Reveal()
	return value != "" && value != refused && t.now().Before(token.ExpiresAt)
}

// load reads the shared token. Trouble of the store stops no push.
func (t *Cache) load(ctx context.Context) provider.AccessToken {
	if t.store == nil {
		return provider.AccessToken{}
	}
	token, _, err := t.store.LoadToken(ctx, t.name)
	if err != nil {
		t.log.WarnContext(ctx, "reading the shared access token failed; using an own one", "token", t.name, "error", err)
		return provider.AccessToken{}
	}
	return token
}

// share offers a minted token to the other pods and returns the one to use:
// theirs if another pod was faster.
func (t *Cache) share(ctx context.Context, previous, minted provider.AccessToken, refused string) provider.AccessToken {
	if t.store == nil {
		return minted
	}
	swapped, err := t.store.SwapToken(ctx, t.name, previous, minted)
	if err != nil {
		t.log.WarnContext(ctx, "sharing the access token failed; using an own one", "token", t.name, "error", err)
		return minted
	}
	if !swapped {
		if theirs := t.load(ctx); t.usable(theirs, refused) {
			return theirs
		}
	}
	return minted
}
