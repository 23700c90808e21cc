package provider

import (
	"strings"
	"testing"
)

func TestCheckSecret(t *testing.T) {
	t.Parallel()
	for secret, want := range map[string]string{
		"secret-a/+==":           "",
		"":                       "key: is empty; copy the secret from the console",
		"secret-a\n":             "key: begins or ends with a blank",
		" secret-a":              "key: begins or ends with a blank",
		"secret-a secret-b":      "key: holds a blank or what is no printable ASCII; copy the secret",
		"secret-a\r\nX-Evil: 1":  "key: holds a blank or what is no printable ASCII; copy the secret",
		"sécret-a":               "key: holds a blank or what is no printable ASCII; copy the secret",
		strings.Repeat("x", 257): "key: has 257 bytes, at most 256; copy the secret",
	} {
		err := CheckSecret("key", secret, "the secret from the console")
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", secret, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "secret-a") {
			t.Errorf("the error quotes the secret: %v", err)
		}
	}
}
