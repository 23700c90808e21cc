package apns

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/provider/accesstoken"
)

// Ages of a JWT. APNs takes it for an hour and wants no new one within 20 minutes.
const (
	renewAfter = 48 * time.Minute
	leastAge   = 20 * time.Minute
	lastAge    = 59 * time.Minute
)

// signer makes the JWTs of one key.
type signer struct {
	credential
	teamID, keyID string
	now           func() time.Time
}

// mint makes a JWT. Nobody is asked: that it is good shows with the first push.
func (s signer) mint(context.Context) (provider.AccessToken, message.Outcome) {
	now := s.now()
	t := jwt.NewWithClaims(jwt.SigningMethodES256, jwt.MapClaims{"iss": s.teamID, "iat": now.Unix()})
	t.Header = map[string]any{"alg": t.Method.Alg(), "kid": s.keyID}
	value, err := t.SignedString(s.key)
	if err != nil {
		return provider.AccessToken{}, message.Outcome{Class: message.CredentialRejected, Detail: "signing the JWT failed"}
	}
	return provider.AccessToken{Value: config.NewSecret(value), ExpiresAt: now.Add(renewAfter)}, message.Outcome{Class: message.Accepted}
}

// age is how long ago a JWT of this signer, or of another pod's, was made.
func (s signer) age(token string) time.Duration {
	var claims jwt.RegisteredClaims
	if _, _, err := jwt.NewParser().ParseUnverified(token, &claims); err != nil || claims.IssuedAt == nil {
		return 0
	}
	return s.now().Sub(claims.IssuedAt.Time)
}

// bearer authorizes pushes by the JWT that all rows and pods with the same key
// share, and remembers the one before.
type bearer struct {
	signer
	cache *accesstoken.Cache

	mu                sync.Mutex
	current, previous string
}

func newBearer(c credential, row *config.APNsChannel, deps provider.Deps) *bearer {
	if deps.Tokens == nil {
		deps.Tokens = &made
	}
	s := signer{credential: c, teamID: row.TeamID, keyID: row.KeyID, now: deps.Clock()}
	return &bearer{signer: s, cache: accesstoken.New("apns/"+c.fingerprint, s.mint, deps)}
}

// authorize makes a push with a JWT. When APNs finds that it came too early, the
// one before is as good for some minutes. A new one is made for one that ran
// out, and not for a young one, whose time must be wrong.
func (b *bearer) authorize(token string, push func(token string) message.Outcome) message.Outcome {
	before := b.before(token)
	o := push(token)
	if o.Code == tooManyTokenUpdates && before != "" && b.age(before) < lastAge {
		o = push(before)
	}
	if o.Class == message.AuthExpired && b.age(token) < leastAge {
		o.Class = message.CredentialRejected
	}
	return o
}

// before returns the JWT that was in use before this one.
func (b *bearer) before(token string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if token != b.current {
		b.previous, b.current = b.current, token
	}
	return b.previous
}

// made keeps the JWTs of a process without a store: the controller makes a provider for each of its probes, which would
// have a new JWT each.
var made memory

// memory is a provider.TokenStore of one process.
type memory struct {
	mu     sync.Mutex
	tokens map[string]provider.AccessToken
}

// LoadToken implements provider.TokenStore.
func (m *memory) LoadToken(_ context.Context, name string) (provider.AccessToken, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t, ok := m.tokens[name]
	return t, ok, nil
}

// SwapToken implements provider.TokenStore. It forgets the tokens of keys that are not in use any more.
func (m *memory) SwapToken(_ context.Context, name string, previous, next provider.AccessToken) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.tokens[name].Value.Reveal() != previous.Value.Reveal() {
		return false, nil
	}
	if m.tokens == nil {
		m.tokens = map[string]provider.AccessToken{}
	}
	maps.DeleteFunc(m.tokens, func(_ string, t provider.AccessToken) bool { return t.ExpiresAt.Add(lastAge).Before(next.ExpiresAt) })
	m.tokens[name] = next
	return true, nil
}
