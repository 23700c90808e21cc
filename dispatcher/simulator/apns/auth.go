package apns

import (
	"bytes"
	"crypto/tls"
	"net/http"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	tokenLife = time.Hour
	// tokenPause is the least time between new JWTs on a connection.
	tokenPause = 20 * time.Minute
	// clockSkew is how far a JWT may be ahead.
	clockSkew = time.Minute
)

// conn is what is known of a connection.
type conn struct {
	tls *tls.ConnectionState
	// jwt came last, at since; before is the one that it replaced.
	jwt, before string
	since       time.Time
	keyID       string
	// refused is the reason against the JWT at hand, empty if there is none.
	refused string
}

// authorize finds the app whose credential the request has.
func (v *Vendor) authorize(r *http.Request) (App, string) {
	header := r.Header.Get("Authorization")
	if header == "" && r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
		return v.byCertificate(r.TLS.PeerCertificates[0].Raw)
	}
	value, ok := cutBearer(header)
	if !ok {
		return App{}, "MissingProviderToken"
	}
	a, reason := v.byToken(value)
	if reason != "" {
		return a, reason
	}
	return a, v.turn(r, value, a.KeyID)
}

// cutBearer takes the scheme in any case, as HTTP does.
func cutBearer(header string) (string, bool) {
	scheme, value, _ := strings.Cut(header, " ")
	return value, strings.EqualFold(scheme, "bearer") && value != ""
}

func (v *Vendor) byCertificate(der []byte) (App, string) {
	a, ok := v.Find(func(a App) bool {
		leaf := a.leaf()
		return leaf != nil && a.PrivateKey != "" && bytes.Equal(leaf.Raw, der)
	})
	switch {
	case !ok, time.Now().After(a.leaf().NotAfter):
		return a, "BadCertificate"
	case !v.within(a):
		return a, "BadCertificateEnvironment"
	}
	return a, ""
}

func (v *Vendor) byToken(value string) (App, string) {
	var a App
	claims := &jwt.RegisteredClaims{}
	_, err := jwt.NewParser(jwt.WithValidMethods([]string{"ES256"}), jwt.WithoutClaimsValidation()).
		ParseWithClaims(value, claims, func(t *jwt.Token) (any, error) {
			var known bool
			a, known = v.Find(func(a App) bool {
				return a.Auth != authCertificate && a.PrivateKey != "" && a.TeamID == claims.Issuer && a.KeyID == t.Header["kid"]
			})
			if !known {
				return nil, jwt.ErrTokenUnverifiable
			}
			key, err := jwt.ParseECPrivateKeyFromPEM([]byte(a.PrivateKey))
			if err != nil {
				return nil, err
			}
			return &key.PublicKey, nil
		})
	now := time.Now()
	switch {
	case err != nil, claims.IssuedAt == nil, claims.IssuedAt.After(now.Add(clockSkew)):
		return App{}, "InvalidProviderToken"
	case now.Sub(claims.IssuedAt.Time) > tokenLife:
		return a, "ExpiredProviderToken"
	case !v.within(a):
		return a, "BadEnvironmentKeyIdInToken"
	}
	return a, ""
}

// within tells whether the credential is good for this environment.
func (v *Vendor) within(a App) bool {
	return a.Environment == "" || (a.Environment == "Sandbox") == (v.name == SandboxName)
}

// turn lets a connection have a new JWT every 20 minutes, and those of one key only.
func (v *Vendor) turn(r *http.Request, value, keyID string) string {
	now := time.Now()
	return v.conns.Change(r.RemoteAddr, func(c conn) conn {
		c.refused = ""
		switch {
		case c.jwt == "" || c.tls != r.TLS: // the address may be one of a former connection
			return conn{tls: r.TLS, jwt: value, since: now, keyID: keyID}
		case c.keyID != keyID:
			c.refused = "InvalidProviderToken"
		case value == c.jwt || value == c.before:
		case now.Sub(c.since) < tokenPause:
			c.refused = "TooManyProviderTokenUpdates"
		default:
			c.jwt, c.before, c.since = value, c.jwt, now
		}
		return c
	}).refused
}
