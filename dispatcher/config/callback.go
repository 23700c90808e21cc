package config

import (
	"crypto/x509"
	"errors"
	"fmt"
)

// Callback is where the app's own server hears of its users; zero tells nobody.
type Callback struct {
	URL string `json:"url"`
	// Key signs every request.
	Key Secret `json:"key"`
	// CABundle is PEM; empty means the system's roots.
	CABundle string `json:"caBundle,omitempty"`
}

// IsZero reports whether nobody is told.
func (c Callback) IsZero() bool { return c.URL == "" && c.Key.IsZero() && c.CABundle == "" }

func (c Callback) validate() error {
	if c.IsZero() {
		return nil
	}
	errs := []error{required("callback.url", c.URL), httpsURL("callback.url", c.URL)}
	if len(c.Key.Reveal()) < MinCallbackKey {
		errs = append(errs, fmt.Errorf("callback.key: must be at least %d bytes", MinCallbackKey))
	}
	if c.CABundle != "" && !x509.NewCertPool().AppendCertsFromPEM([]byte(c.CABundle)) {
		errs = append(errs, errors.New("callback.caBundle: holds no PEM certificate; give the CA's certificate as PEM"))
	}
	return errors.Join(errs...)
}

// MinCallbackKey is the least length of a key in bytes, that of the signature.
const MinCallbackKey = 32
