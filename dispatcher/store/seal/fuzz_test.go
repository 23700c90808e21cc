package seal_test

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/store/seal"
)

// FuzzOpen: what was not sealed here opens nothing.
func FuzzOpen(f *testing.F) {
	key := config.NewSecret(base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32))))
	s, err := seal.New(key)
	if err != nil {
		f.Fatal(err)
	}
	f.Add("name", []byte("too short"))
	f.Add("another name", s.Seal("name", config.NewSecret("text")))
	f.Fuzz(func(t *testing.T, name string, sealed []byte) {
		if text, err := s.Open(name+" that was not", sealed); !errors.Is(err, seal.ErrUnreadable) || !text.IsZero() {
			t.Errorf("%x opens", sealed)
		}
		if text, err := s.Open(name, s.Seal(name, config.NewSecret(string(sealed)))); err != nil || text.Reveal() != string(sealed) {
			t.Errorf("%q does not open again: %v", sealed, err)
		}
	})
}
