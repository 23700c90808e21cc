package seal_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/store/seal"
)

func sealer(t *testing.T, letter string) *seal.Sealer {
	t.Helper()
	s, err := seal.New(config.NewSecret(base64.StdEncoding.EncodeToString([]byte(strings.Repeat(letter, 32)))))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSealed(t *testing.T) {
	t.Parallel()
	s := sealer(t, "k")
	sealed := s.Seal("row", config.NewSecret("token"))
	if got, err := s.Open("row", sealed); err != nil || got.Reveal() != "token" {
		t.Errorf("opened %q, %v", got.Reveal(), err)
	}
	if bytes.Contains(sealed, []byte("token")) || bytes.Equal(sealed, s.Seal("row", config.NewSecret("token"))) {
		t.Error("the text or its repetition can be seen")
	}
	damaged := bytes.Clone(sealed)
	damaged[len(damaged)-1] ^= 1
	for name, open := range map[string]func() (config.Secret, error){
		"another name": func() (config.Secret, error) { return s.Open("other", sealed) },
		"another key":  func() (config.Secret, error) { return sealer(t, "x").Open("row", sealed) },
		"damaged":      func() (config.Secret, error) { return s.Open("row", damaged) },
		"cut":          func() (config.Secret, error) { return s.Open("row", sealed[:5]) },
		"nothing":      func() (config.Secret, error) { return s.Open("row", nil) },
	} {
		if got, err := open(); !errors.Is(err, seal.ErrUnreadable) || !got.IsZero() {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestKeyIsChecked(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"", "not base64!", "c2hvcnQ="} {
		_, err := seal.New(config.NewSecret(key))
		if err == nil || !strings.Contains(err.Error(), "keys.sealing") || (key != "" && strings.Contains(err.Error(), key)) {
			t.Errorf("key %q: %v", key, err)
		}
	}
}
