package ingress

import (
	"encoding/base64"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/offlinepush/operator/dispatcher/message"
)

// FuzzAfter: a cursor is a key that every store takes, or refused.
func FuzzAfter(f *testing.F) {
	f.Add(base64.RawURLEncoding.EncodeToString([]byte(`"push-id"`)))
	f.Add(base64.RawURLEncoding.EncodeToString([]byte(`{"type":"Peer","id":"\u0000"}`)))
	f.Add("AAAA")
	f.Fuzz(func(t *testing.T, cursor string) {
		texts := func(all ...string) {
			for _, text := range all {
				if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
					t.Errorf("%q is the key %q", cursor, text)
				}
			}
		}
		if key, err := after[string](Page{Cursor: cursor}); err == nil {
			texts(key)
		}
		if key, err := after[message.Conversation](Page{Cursor: cursor}); err == nil {
			texts(string(key.Type), key.ID)
		}
		if key, err := after[int64](Page{Cursor: cursor}); err != nil && key != 0 {
			t.Errorf("%q is %d", cursor, key)
		}
	})
}

// FuzzHeaders: an Authorization header and the address of a caller have any form.
func FuzzHeaders(f *testing.F) {
	f.Add("Bearer x", "192.0.2.1:1234")
	f.Add("bearer  ", "[fe80::1%eth0]:1")
	f.Fuzz(func(t *testing.T, authorization, address string) {
		if token := bearerOf(authorization); token != "" && !strings.HasSuffix(authorization, " "+token) {
			t.Errorf("%q bears %q", authorization, token)
		}
		if source := sourceOf(address); len(source) > 64 || strings.Contains(source, "%") {
			t.Errorf("%q is %q", address, source)
		}
	})
}
