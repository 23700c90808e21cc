package quickstart

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// login plays the app's own login server, which signs its users' tokens.
type login struct {
	kid string
	key ed25519.PrivateKey
}

func readLogin(root string) (*login, error) {
	b, err := os.ReadFile(filepath.Join(root, "config/samples/quickstart/credentials/login-key.json"))
	if err != nil {
		return nil, fmt.Errorf("the key of the quickstart's login server: %w", err)
	}
	var jwk struct {
		KeyID string `json:"kid"`
		Seed  string `json:"d"`
	}
	if err := json.Unmarshal(b, &jwk); err != nil {
		return nil, fmt.Errorf("the key of the quickstart's login server: %w", err)
	}
	seed, err := base64.RawURLEncoding.DecodeString(jwk.Seed)
	if err != nil || len(seed) != ed25519.SeedSize {
		return nil, fmt.Errorf("the key of the quickstart's login server: d must be %d bytes", ed25519.SeedSize)
	}
	return &login{kid: jwk.KeyID, key: ed25519.NewKeyFromSeed(seed)}, nil
}

// token proves a user to the dispatchers for an hour.
func (l *login) token(userID string) (string, error) {
	t := jwt.NewWithClaims(jwt.SigningMethodEdDSA, jwt.MapClaims{
		"iss": "https://login.quickstart.example", "aud": "quickstart-chat", "sub": userID,
		"exp": time.Now().Add(time.Hour).Unix(),
	})
	t.Header["kid"] = l.kid
	return t.SignedString(l.key)
}
