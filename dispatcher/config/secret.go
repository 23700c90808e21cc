package config

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
)

// redacted is what every way of printing a Secret prints.
const redacted = "<redacted>"

// Secret is text that must not be printed. Every formatter, logger and encoder
// shows a placeholder; only Reveal and Encode give the text.
type Secret struct {
	value    string
	encoding bool // set by Encode alone, while it runs
}

// NewSecret hides text.
func NewSecret(text string) Secret { return Secret{value: text} }

// Reveal gives the text, for the one place that must send it.
func (s Secret) Reveal() string { return s.value }

// IsZero reports whether there is no text.
func (s Secret) IsZero() bool { return s.value == "" }

// Equal compares in constant time, also for texts of different length.
func (s Secret) Equal(text string) bool {
	a, b := sha256.Sum256([]byte(s.value)), sha256.Sum256([]byte(text))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// Format implements fmt.Formatter: no verb prints the text.
func (Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// LogValue implements slog.LogValuer.
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON implements json.Marshaler.
func (s Secret) MarshalJSON() ([]byte, error) {
	if s.encoding {
		return json.Marshal(s.value)
	}
	return json.Marshal(redacted)
}

// UnmarshalJSON implements json.Unmarshaler.
func (s *Secret) UnmarshalJSON(b []byte) error {
	*s = Secret{}
	return json.Unmarshal(b, &s.value)
}

// Secrets are all that a document has, for those who look for them where they must not be.
func Secrets(d *Document) (all []Secret) {
	secretsOf(reflect.ValueOf(d), func(s *Secret) {
		if !s.IsZero() {
			all = append(all, *s)
		}
	})
	return all
}

// secretsOf visits every Secret below v, so that no member can be forgotten.
func secretsOf(v reflect.Value, visit func(*Secret)) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			secretsOf(v.Elem(), visit)
		}
	case reflect.Slice:
		for i := range v.Len() {
			secretsOf(v.Index(i), visit)
		}
	case reflect.Struct:
		if s, ok := reflect.TypeAssert[*Secret](v.Addr()); ok {
			visit(s)
			return
		}
		for _, field := range v.Fields() {
			secretsOf(field, visit)
		}
	default: // scalars hold no secret
	}
}
