package fcm

import (
	"context"
	"log/slog"
	"time"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
)

// tokens keeps the channel's access token and shares it with the other pods.
type tokens struct {
	mint  func(context.Context) (provider.AccessToken, message.Outcome)
	store provider.TokenStore // nil: in memory only
	name  string
	now   func() time.Time
	log   *slog.Logger
	// turn is held by the one caller that looks at or replaces current.
	turn    chan struct{}
	current provider.AccessToken
}

// get returns a usable token other than refused, or an outcome that is not Accepted.
func (t *tokens) get(ctx context.Context, refused string) (string, message.Outcome) {
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

func (t *tokens) usable(token provider.AccessToken, refused string) bool {
	value := token.Value.Reveal()
	return value != "" && value != refused && t.now().Before(token.ExpiresAt)
}

// load reads the shared token. Trouble of the store stops no push.
func (t *tokens) load(ctx context.Context) provider.AccessToken {
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
func (t *tokens) share(ctx context.Context, previous, minted provider.AccessToken, refused string) provider.AccessToken {
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
