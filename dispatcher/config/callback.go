package config

import "errors"

// Callback is where the app's own server hears of its users; zero tells nobody.
type Callback struct {
	URL string `json:"url"`
	// Key signs every request.
	Key Secret `json:"key"`
}

// IsZero reports whether nobody is told.
func (c Callback) IsZero() bool { return c.URL == "" && c.Key.IsZero() }

func (c Callback) validate() error {
	if c.IsZero() {
		return nil
	}
	errs := []error{required("callback.url", c.URL), httpsURL("callback.url", c.URL)}
	if len(c.Key.Reveal()) < minCallbackKey {
		errs = append(errs, errors.New("callback.key: must be at least 32 bytes"))
	}
	return errors.Join(errs...)
}

// minCallbackKey is as long as the signature.
const minCallbackKey = 32
