// Package seal keeps vendor access tokens unreadable in the database: AES-GCM
// with the app's sealing key, bound to the token's name.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/offlinepush/operator/dispatcher/config"
)

// ErrUnreadable says that a value was sealed with another key or name.
var ErrUnreadable = errors.New("sealed with another key or name")

// Sealer seals and opens values. It is safe for concurrent use.
type Sealer struct{ aead cipher.AEAD }

// New makes a sealer from 32 bytes in base64, as keys.sealing of the configuration has them.
func New(key config.Secret) (*Sealer, error) {
	raw, err := base64.StdEncoding.DecodeString(key.Reveal())
	if err != nil || len(raw) != 32 {
		return nil, errors.New("keys.sealing: must be 32 bytes in base64")
	}
	block, err := aes.NewCipher(raw)
	if err != nil {
		return nil, fmt.Errorf("keys.sealing: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("keys.sealing: %w", err)
	}
	return &Sealer{aead}, nil
}

// Seal hides text under a name.
func (s *Sealer) Seal(name string, text config.Secret) []byte {
	return s.aead.Seal(nil, nil, []byte(text.Reveal()), []byte(name))
}

// Open reads what Seal hid under the same name, or fails with ErrUnreadable.
func (s *Sealer) Open(name string, sealed []byte) (config.Secret, error) {
	text, err := s.aead.Open(nil, nil, sealed, []byte(name))
	if err != nil {
		return config.Secret{}, ErrUnreadable
	}
	return config.NewSecret(string(text)), nil
}
