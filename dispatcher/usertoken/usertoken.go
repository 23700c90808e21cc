// Package usertoken checks the JSON Web Tokens with which users prove who they
// are. Issuer, audience, algorithms and keys are those of the configuration in
// force; nothing in a token chooses them.
package usertoken

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
)

// Errors that callers decide on. Their texts may be shown to the phone.
var (
	// ErrOff says that the app trusts no user tokens.
	ErrOff = errors.New("user tokens are off for this app: set auth.deviceJWT, or bind through the server plane")
	// ErrInvalid says that the token is not good.
	ErrInvalid = errors.New("the user token is not valid")
	// ErrNoKeys says that the keys could not be fetched yet.
	ErrNoKeys = errors.New("the keys of user tokens could not be fetched yet")
)

// leeway is how far the issuer's clock may be off.
const leeway = 30 * time.Second

// Deps is what a Verifier needs.
type Deps struct {
	Live *config.Live
	// Client fetches key sets; it must refuse what the dispatcher may not reach.
	Client *http.Client
	// Now is the time that tokens are measured by; nil means the process's clock.
	Now func() time.Time
	Log *slog.Logger
}

// Verifier checks user tokens. It is safe for concurrent use.
type Verifier struct {
	deps Deps
	ask  chan struct{} // wakes Run, because a token names an unknown key

	mu   sync.RWMutex
	keys *keySet // nil until there are some
	of   string  // the source that the keys are from
}

// New makes a Verifier. Run must run for keys that are behind a URL.
func New(d Deps) *Verifier { return &Verifier{deps: d, ask: make(chan struct{}, 1)} }

// Verify gives the user id of a good token, or an error that is one of this package's.
func (v *Verifier) Verify(_ context.Context, token string) (string, error) {
	doc, _ := v.deps.Live.Current()
	trust := doc.Auth.DeviceJWT
	if !trust.Enabled() {
		return "", ErrOff
	}
	keys, err := v.keysOf(trust)
	if err != nil {
		return "", err
	}
	return v.check(keys, trust, token)
}

// check gives the user id of a token that is good with the keys.
func (v *Verifier) check(keys *keySet, trust config.DeviceJWT, token string) (string, error) {
	var claims jwt.RegisteredClaims
	parser := jwt.NewParser(
		jwt.WithValidMethods(algorithms(trust)),
		jwt.WithIssuer(trust.Issuer),
		jwt.WithAudience(trust.Audience),
		jwt.WithExpirationRequired(),
		jwt.WithLeeway(leeway),
		jwt.WithTimeFunc(v.deps.Now),
	)
	if _, err := parser.ParseWithClaims(token, &claims, keys.find); err != nil {
		v.askForKeys(err)
		return "", fmt.Errorf("%w: %s", ErrInvalid, why(err))
	}
	if err := message.CheckID("sub", claims.Subject); err != nil {
		return "", fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return claims.Subject, nil
}

// algorithms leaves out the symmetric ones for keys behind a URL: whoever can
// read that URL could sign with them.
func algorithms(trust config.DeviceJWT) []string {
	if trust.JWKSURL == "" {
		return trust.Algorithms
	}
	return slices.DeleteFunc(slices.Clone(trust.Algorithms), func(a string) bool { return strings.HasPrefix(a, "HS") })
}

// why is the rule that a token breaks, without anything from the token.
func why(err error) string {
	for _, rule := range []error{
		jwt.ErrTokenExpired, jwt.ErrTokenNotValidYet, jwt.ErrTokenInvalidIssuer, jwt.ErrTokenInvalidAudience,
		jwt.ErrTokenRequiredClaimMissing, jwt.ErrTokenSignatureInvalid, jwt.ErrTokenUnverifiable, jwt.ErrTokenMalformed,
	} {
		if errors.Is(err, rule) {
			return rule.Error()
		}
	}
	return "it breaks a rule"
}

// keysOf gives the keys of the source in force.
func (v *Verifier) keysOf(trust config.DeviceJWT) (*keySet, error) {
	source := source(trust)
	v.mu.RLock()
	keys, of := v.keys, v.of
	v.mu.RUnlock()
	if keys != nil && of == source {
		return keys, nil
	}
	if trust.JWKSURL != "" {
		return nil, ErrNoKeys
	}
	keys, err := parseKeys([]byte(trust.JWKS.Reveal()))
	if err != nil {
		v.deps.Log.Error("reading auth.deviceJWT.jwks", "error", err)
		return nil, ErrNoKeys
	}
	v.swap(keys, source)
	return keys, nil
}

func (v *Verifier) swap(keys *keySet, source string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.keys, v.of = keys, source
}

func source(trust config.DeviceJWT) string {
	if trust.JWKSURL != "" {
		return "url " + trust.JWKSURL
	}
	return "text " + trust.JWKS.Reveal()
}
