package provider

import (
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/golang-jwt/jwt/v5"
)

// KeyFile is the JSON key of a service account, as a vendor made it. Errors name the field and quote nothing.
type KeyFile struct {
	// Name is what errors call it, Maker who made it.
	Name, Maker string
}

// Field is a field that a key file must have.
type Field struct{ Name, Value string }

// Read decodes the file into a structure.
func (f KeyFile) Read(content []byte, into any) error {
	err := json.Unmarshal(content, into)
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && e.Field != "" {
		return fmt.Errorf("%s: %s: must be %s", f.Name, e.Field, e.Type)
	}
	if err != nil {
		return fmt.Errorf("%s: is not JSON; give the key file as %s made it", f.Name, f.Maker)
	}
	return nil
}

// Require finds the first field that is missing.
func (f KeyFile) Require(fields ...Field) error {
	for _, field := range fields {
		if field.Value == "" {
			return fmt.Errorf("%s: %s: is missing; give the key file as %s made it", f.Name, field.Name, f.Maker)
		}
	}
	return nil
}

// RSAKey parses the text of the field private_key.
func (f KeyFile) RSAKey(text string) (*rsa.PrivateKey, error) {
	key, err := jwt.ParseRSAPrivateKeyFromPEM([]byte(text))
	if err != nil {
		return nil, fmt.Errorf("%s: private_key: is not an RSA key in PEM; give the key file as %s made it", f.Name, f.Maker)
	}
	return key, nil
}
