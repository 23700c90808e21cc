package webpush

import (
	"strings"
	"testing"
)

// FuzzKeys: a pair of VAPID keys is taken or refused, and the error quotes nothing of it.
func FuzzKeys(f *testing.F) {
	f.Add(asPrivate, asPublic)
	f.Add("-----BEGIN EC PRIVATE KEY-----\nMHcCAQEE\n-----END EC PRIVATE KEY-----\n", "")
	f.Add("AAAA", "BAAA")
	f.Fuzz(func(t *testing.T, private, public string) {
		key, point, err := parseKeys(private, public)
		if (err == nil) != (key != nil) {
			t.Errorf("got %v and %v", key != nil, err)
		}
		if err != nil && len(private) > 24 && strings.Contains(err.Error(), private) {
			t.Errorf("the error quotes the key: %v", err)
		}
		if raw, err := decode(point); key != nil && (err != nil || len(raw) != 65 || raw[0] != 4) {
			t.Errorf("the public key is %q", point)
		}
	})
}

// FuzzSubject: who may be asked about pushes is an address or a page of the internet.
func FuzzSubject(f *testing.F) {
	f.Add("mailto:push@example.com")
	f.Add("https://example.com/contact")
	f.Add("mailto:a@b.c\r\nX-More: 1")
	f.Fuzz(func(t *testing.T, subject string) {
		if checkSubject(subject) == nil && !strings.HasPrefix(subject, "mailto:") && !strings.HasPrefix(strings.ToLower(subject), "https:") {
			t.Errorf("%q is taken", subject)
		}
	})
}
