package process

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/offlinepush/operator/dispatcher/config"
)

const (
	issuer      = "https://accounts.example.com"
	audience    = "chat"
	keyID       = "1"
	tokenLife   = time.Hour
	algorithmJW = "EdDSA"
)

// Users is the app's account server, which issues user tokens.
type Users struct{ key ed25519.PrivateKey }

// NewUsers makes one with a new key.
func NewUsers(tb testing.TB) *Users {
	tb.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return &Users{key: key}
}

// Trust is how a dispatcher is told to trust its tokens.
func (u *Users) Trust(tb testing.TB) config.DeviceJWT {
	tb.Helper()
	public, ok := u.key.Public().(ed25519.PublicKey)
	if !ok {
		tb.Fatalf("the public key is %T", u.key.Public())
	}
	keys, err := json.Marshal(map[string]any{"keys": []map[string]string{{
		"kty": "OKP", "crv": "Ed25519", "kid": keyID, "alg": algorithmJW, "use": "sig",
		"x": base64.RawURLEncoding.EncodeToString(public),
	}}})
	if err != nil {
		tb.Fatal(err)
	}
	return config.DeviceJWT{
		Issuer: issuer, Audience: audience, Algorithms: []string{algorithmJW}, JWKS: config.NewSecret(string(keys)),
	}
}

// Token proves a user.
func (u *Users) Token(userID string) (string, error) {
	now := time.Now()
	t := jwt.NewWithClaims(jwt.SigningMethodEdDSA, jwt.RegisteredClaims{
		Issuer: issuer, Audience: jwt.ClaimStrings{audience}, Subject: userID,
		IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(tokenLife)),
	})
	t.Header["kid"] = keyID
	signed, err := t.SignedString(u.key)
	if err != nil {
		return "", fmt.Errorf("signing a user token: %w", err)
	}
	return signed, nil
}
