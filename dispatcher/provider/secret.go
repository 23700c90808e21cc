package provider

import (
	"fmt"
	"strings"
)

// maxSecret is far above the length of any vendor's static secret, in bytes.
const maxSecret = 256

// CheckSecret checks the shape of a static secret: printable ASCII without blanks. The error names the key of the
// Secret and the source to copy it from, such as "the AppSecret from Xiaomi's console", and quotes nothing.
func CheckSecret(key, text, source string) error {
	switch {
	case text == "":
		return fmt.Errorf("%s: is empty; copy %s", key, source)
	case text != strings.TrimSpace(text):
		return fmt.Errorf("%s: begins or ends with a blank or a newline; store it without", key)
	case len(text) > maxSecret:
		return fmt.Errorf("%s: has %d bytes, at most %d; copy %s", key, len(text), maxSecret, source)
	case strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }):
		return fmt.Errorf("%s: holds a blank or what is no printable ASCII; copy %s", key, source)
	}
	return nil
}
