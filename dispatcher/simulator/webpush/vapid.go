package webpush

import (
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	maxTokenLife = 24 * time.Hour
	// skew is how far push services let clocks differ.
	skew = time.Minute
)

var (
	errNoToken  = errors.New("authorization header must be specified")
	errKey      = errors.New("invalid VAPID public key")
	errToken    = errors.New("invalid JWT provided")
	errAudience = errors.New("invalid VAPID audience")
	errExpiry   = errors.New("invalid VAPID expiry")
	errSubject  = errors.New("invalid VAPID subject")
)

// authorize checks the VAPID token of a request to an origin as RFC 8292 says, and returns the public key.
func authorize(r *http.Request, origin string, now time.Time) ([]byte, error) {
	parameters, ok := cutScheme(r.Header.Get("Authorization"))
	if !ok {
		return nil, errNoToken
	}
	point, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parameters["k"], "="))
	if err != nil {
		return nil, errKey
	}
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	if err != nil {
		return nil, errKey
	}
	claims := &jwt.RegisteredClaims{}
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"ES256"}), jwt.WithoutClaimsValidation())
	if _, err := parser.ParseWithClaims(parameters["t"], claims, func(*jwt.Token) (any, error) { return key, nil }); err != nil {
		return nil, errToken
	}
	return point, checkClaims(claims, origin, now)
}

// cutScheme reads "vapid t=…, k=…" in any order.
func cutScheme(header string) (map[string]string, bool) {
	name, rest, _ := strings.Cut(header, " ")
	parameters := map[string]string{}
	for part := range strings.SplitSeq(rest, ",") {
		key, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		parameters[key] = strings.Trim(value, `"`)
	}
	return parameters, strings.EqualFold(name, "vapid")
}

func checkClaims(c *jwt.RegisteredClaims, origin string, now time.Time) error {
	switch {
	case len(c.Audience) != 1 || c.Audience[0] != origin:
		return errAudience
	case c.ExpiresAt == nil || !now.Before(c.ExpiresAt.Add(skew)) || c.ExpiresAt.After(now.Add(maxTokenLife+skew)):
		return errExpiry
	case !contact(c.Subject):
		return errSubject
	}
	return nil
}

// contact tells whether the subject is an address that somebody can complain to.
func contact(subject string) bool {
	if address, ok := strings.CutPrefix(subject, "mailto:"); ok {
		_, domain, found := strings.Cut(address, "@")
		return found && strings.Contains(domain, ".")
	}
	u, err := url.Parse(subject)
	return err == nil && u.Scheme == "https" && strings.Contains(u.Hostname(), ".")
}

// newKey makes a VAPID private key, 32 bytes in base64url.
func newKey() string {
	key, _ := ecdh.P256().GenerateKey(rand.Reader) // never fails
	return encode(key.Bytes())
}

// fingerprintOf is the fingerprint of a private key's public half.
func fingerprintOf(privateKey string) (string, error) {
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(privateKey, "="))
	if err != nil {
		return "", err
	}
	key, err := ecdh.P256().NewPrivateKey(raw)
	if err != nil {
		return "", err
	}
	return fingerprint(key.PublicKey().Bytes()), nil
}

// fingerprint is what subscriptions remember of the key that they were made with.
func fingerprint(point []byte) string {
	sum := sha256.Sum256(point)
	return encode(sum[:fingerprintBytes])
}
