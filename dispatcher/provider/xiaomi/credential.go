package xiaomi

import (
	"errors"
	"fmt"
	"strings"
)

// maxSecret is far above the length of any AppSecret, in bytes.
const maxSecret = 256

// CheckCredential checks the shape of an AppSecret. Errors name the key of the Secret and quote nothing.
func CheckCredential(appSecret []byte) error {
	text := string(appSecret)
	switch {
	case text == "":
		return errors.New("appSecret: is empty; copy the AppSecret from Xiaomi's console")
	case text != strings.TrimSpace(text):
		return errors.New("appSecret: begins or ends with a blank or a newline; store it without")
	case len(text) > maxSecret:
		return fmt.Errorf("appSecret: has %d bytes, at most %d; copy the AppSecret from Xiaomi's console", len(text), maxSecret)
	case strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }):
		return errors.New("appSecret: holds other than printable ASCII; copy the AppSecret from Xiaomi's console")
	}
	return nil
}
