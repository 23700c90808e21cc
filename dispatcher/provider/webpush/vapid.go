package webpush

import (
	"crypto/ecdsa"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	// tokenLife is half of what push services take at most.
	tokenLife = 12 * time.Hour
	// tokenRest is what a token has left when its successor is made.
	tokenRest = time.Hour
)

// vapid signs who sends, once for each push service: RFC 8292.
type vapid struct {
	key     *ecdsa.PrivateKey
	public  string
	subject string
	now     func() time.Time

	mu     sync.Mutex
	tokens map[string]signed
}

type signed struct {
	token   string
	expires time.Time
}

// token returns the token for an origin. One that was refused is replaced.
func (v *vapid) token(origin, refused string) (string, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	now := v.now() // not before the lock, or it might be earlier than that of the latest token
	t, ok := v.tokens[origin]
	left := t.expires.Sub(now)
	if ok && t.token != refused && left > tokenRest && left <= tokenLife {
		return t.token, nil
	}
	t = signed{expires: now.Add(tokenLife)}
	var err error
	t.token, err = jwt.NewWithClaims(jwt.SigningMethodES256, jwt.MapClaims{
		"aud": origin, "exp": t.expires.Unix(), "sub": v.subject,
	}).SignedString(v.key)
	if err != nil {
		return "", err
	}
	if len(v.tokens) >= maxHosts {
		clear(v.tokens)
	}
	v.tokens[origin] = t
	return t.token, nil
}

// authorization is the header's value.
func (v *vapid) authorization(token string) string { return "vapid t=" + token + ", k=" + v.public }
