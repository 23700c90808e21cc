package message

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// FieldError says what is wrong with a field of a request and what must hold.
// It never quotes the value, which may be a secret.
type FieldError struct {
	// Field is the path of the field, such as to[3] or push.resourcesID.
	Field string
	// Problem is what must hold.
	Problem string
}

// Error implements error.
func (e *FieldError) Error() string { return e.Field + ": " + e.Problem }

// CheckID checks a user id, client id or push id: 1 to MaxID bytes of UTF-8
// without control characters.
func CheckID(field, id string) error {
	switch {
	case id == "":
		return &FieldError{Field: field, Problem: "must not be empty"}
	case len(id) > MaxID:
		return &FieldError{Field: field, Problem: fmt.Sprintf("must be at most %d bytes, is %d", MaxID, len(id))}
	case !utf8.ValidString(id):
		return &FieldError{Field: field, Problem: "must be valid UTF-8"}
	case strings.ContainsFunc(id, unicode.IsControl):
		return &FieldError{Field: field, Problem: "must not contain control characters"}
	}
	return nil
}

// CheckText checks text that is stored and passed on: at most limit bytes of
// UTF-8 without U+0000, which not every store and vendor takes.
func CheckText(field, text string, limit int) error {
	switch {
	case len(text) > limit:
		return &FieldError{Field: field, Problem: fmt.Sprintf("must be at most %d bytes, is %d", limit, len(text))}
	case !utf8.ValidString(text):
		return &FieldError{Field: field, Problem: "must be valid UTF-8"}
	case strings.ContainsRune(text, 0):
		return &FieldError{Field: field, Problem: "must not contain U+0000"}
	}
	return nil
}
