package meizu

import (
	"crypto/md5" //nolint:gosec // Meizu's signature is MD5.
	"encoding/hex"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// sign is Meizu's signature of a form: MD5 over all names and raw values but sign, in the order of the names and without
// separators, followed by the app's secret.
func sign(form url.Values, secret string) string {
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(form)) {
		if name != "sign" {
			text.WriteString(name + "=" + form.Get(name))
		}
	}
	text.WriteString(secret)
	sum := md5.Sum([]byte(text.String())) //nolint:gosec // Meizu's signature is MD5.
	return hex.EncodeToString(sum[:])
}
