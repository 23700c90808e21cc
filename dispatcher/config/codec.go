package config

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// ErrTooLarge says that an encoded document is over MaxSize.
var ErrTooLarge = errors.New("document is too large")

// Encode writes the document with its secrets, as the dispatcher reads it.
// The caller owns the document; nobody else may use it meanwhile.
// It returns ErrTooLarge when the result is over MaxSize.
func Encode(d *Document) ([]byte, error) {
	root := reflect.ValueOf(d)
	secretsOf(root, func(s *Secret) { s.encoding = true })
	defer secretsOf(root, func(s *Secret) { s.encoding = false })
	b, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encoding the document: %w", err)
	}
	if len(b) > MaxSize {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, len(b), MaxSize)
	}
	return b, nil
}

// Hash identifies an encoded document; the controller compares what it rendered
// with what every dispatcher reports.
func Hash(encoded []byte) string {
	sum := sha256.Sum256(encoded)
	return hex.EncodeToString(sum[:8])
}

// Parse reads and validates a document. It ignores fields that it does not
// know, because a newer controller may render for an older dispatcher, and
// returns their number. Errors name the path of the field.
func Parse(encoded []byte) (d *Document, unknown int, err error) {
	d = &Document{}
	if err := json.Unmarshal(encoded, d); err != nil {
		return nil, 0, fmt.Errorf("reading the document: %w", pathError(err))
	}
	if major(d.Version) != major(Version) {
		return nil, 0, fmt.Errorf("version: is %q, this dispatcher reads %s.x", d.Version, major(Version))
	}
	if err := d.Validate(); err != nil {
		return nil, 0, err
	}
	return d, countUnknown(encoded), nil
}

// ParseStrict is Parse for golden tests: an unknown field is an error.
func ParseStrict(encoded []byte) (*Document, error) {
	dec := json.NewDecoder(bytes.NewReader(encoded))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&Document{}); err != nil {
		return nil, fmt.Errorf("reading the document: %w", pathError(err))
	}
	d, _, err := Parse(encoded)
	return d, err
}

func major(version string) string {
	m, _, _ := strings.Cut(version, ".")
	return m
}

// pathError keeps the path and the type of a decoding error but not the value,
// which may be a secret.
func pathError(err error) error {
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Errorf("%s: must be %s", e.Field, e.Type)
	}
	return err
}

// countUnknown counts the fields of the encoded document that Document lacks.
func countUnknown(encoded []byte) int {
	var tree any
	if json.Unmarshal(encoded, &tree) != nil {
		return 0
	}
	return unknownIn(tree, reflect.TypeFor[Document]())
}

func unknownIn(tree any, t reflect.Type) int {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	n := 0
	switch node := tree.(type) {
	case []any:
		if t.Kind() != reflect.Slice {
			return 0
		}
		for _, e := range node {
			n += unknownIn(e, t.Elem())
		}
	case map[string]any:
		if t.Kind() != reflect.Struct {
			return 0
		}
		for name, child := range node {
			f, ok := fieldByJSON(t, name)
			if !ok {
				n++
				continue
			}
			n += unknownIn(child, f.Type)
		}
	}
	return n
}

func fieldByJSON(t reflect.Type, name string) (reflect.StructField, bool) {
	for f := range t.Fields() {
		tag, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if strings.EqualFold(tag, name) {
			return f, true
		}
	}
	return reflect.StructField{}, false
}
