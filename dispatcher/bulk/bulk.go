// Package bulk holds the formats in which bindings move between stores and from
// other systems: lines of JSON, CSV, and a checksum by which any two stores can
// be compared. docs/moving.md describes them for users.
package bulk

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/strict"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// Line is what a line holds: a device or a total.
type Line struct {
	Device *wire.DeviceRecord
	// Row is true when the device was made of a row of a token table.
	Row   bool
	Total *wire.BindingsTotal
}

// Parse reads a line. A row of a token table becomes the device that it stands
// for, seen at asOf when the row has no updatedAt. The error consists of
// *message.FieldError, which quote no values.
func Parse(line []byte, asOf time.Time) (Line, error) {
	var f fields
	if err := f.decode(line); err != nil {
		return Line{}, err
	}
	switch {
	case f.Checksum != nil || f.Count != nil:
		total, err := f.total()
		return Line{Total: total}, err
	case f.Token != nil:
		device, err := f.row(asOf)
		return Line{Device: device, Row: true}, err
	default:
		device, err := f.device()
		return Line{Device: device}, err
	}
}

// Encode writes a device or a total as a line with its end.
func Encode[T wire.DeviceRecord | wire.TokenRecord | wire.BindingsTotal](v T) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(v) // These types hold nothing that could fail.
	return b.Bytes()
}

// fields are those of every kind of line.
type fields struct {
	PushID           *string           `json:"pushID"`
	DeviceSecretHash string            `json:"deviceSecretHash"`
	Vendor           string            `json:"vendor"`
	AppType          int32             `json:"appType"`
	Region           string            `json:"region"`
	Environment      string            `json:"environment"`
	Platform         string            `json:"platform"`
	Tokens           map[string]string `json:"tokens"`
	UserID           string            `json:"userID"`
	RegisteredAt     *string           `json:"registeredAt"`
	SeenAt           *string           `json:"seenAt"`
	Cursor           int64             `json:"cursor"`

	Token     *string `json:"token"`
	Kind      string  `json:"kind"`
	UpdatedAt *string `json:"updatedAt"`

	Count    *int64  `json:"count"`
	Checksum *string `json:"checksum"`
	Next     int64   `json:"next"`
}

// wholeLine is the field of an error of the line itself.
const wholeLine = "line"

func refuse(field, problem string) error { return &message.FieldError{Field: field, Problem: problem} }

// Problems lists the fields that an error of Parse names.
func Problems(err error) []wire.FieldError {
	if e, ok := err.(interface{ Unwrap() []error }); ok {
		var all []wire.FieldError
		for _, part := range e.Unwrap() {
			all = append(all, Problems(part)...)
		}
		return all
	}
	if e, ok := errors.AsType[*message.FieldError](err); ok {
		return []wire.FieldError{{Field: e.Field, Message: e.Problem}}
	}
	return nil
}

func (f *fields) decode(line []byte) error {
	if len(line) > wire.MaxLineBytes {
		return refuse(wholeLine, "must be at most 65536 bytes")
	}
	if !utf8.Valid(line) {
		return refuse(wholeLine, "must be valid UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(f); err != nil {
		return explain(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return refuse(wholeLine, "must be one JSON object and nothing behind it")
	}
	if err := strict.Check(line); err != nil {
		return refuse(wholeLine, err.Error())
	}
	return nil
}

// explain says what is wrong without the value, which may be a token.
func explain(err error) error {
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && e.Field != "" {
		return refuse(e.Field, "must be "+jsonName(e.Type.String())+", not "+strings.Fields(e.Value)[0])
	}
	if _, quoted, ok := strings.Cut(err.Error(), "unknown field "); ok {
		name, err := strconv.Unquote(quoted)
		if err == nil && len(name) <= message.MaxID {
			return refuse(name, "is no field of a binding; leave it out")
		}
	}
	return refuse(wholeLine, "must be one JSON object")
}

func jsonName(goType string) string {
	switch strings.TrimPrefix(goType, "*") {
	case "string":
		return "a string"
	case "int32", "int64":
		return "a whole number"
	default:
		return "an object"
	}
}

func (f *fields) total() (*wire.BindingsTotal, error) {
	if f.Checksum == nil || f.Count == nil || f.PushID != nil || f.Token != nil {
		return nil, refuse("checksum", "goes with count and with no other field")
	}
	t := wire.BindingsTotal{Count: *f.Count, Checksum: *f.Checksum, Next: f.Next}
	if err := new(Sum).Merge(t); err != nil {
		return nil, refuse("checksum", err.Error())
	}
	return &t, nil
}

func (f *fields) device() (*wire.DeviceRecord, error) {
	if f.PushID == nil || *f.PushID == "" {
		return nil, refuse("pushID", "must not be empty; a row of a token table has token instead")
	}
	if f.Kind != "" || f.UpdatedAt != nil {
		return nil, refuse("pushID", "does not go with kind and updatedAt, which belong to rows of a token table; give tokens and seenAt")
	}
	registered, registeredErr := instant("registeredAt", f.RegisteredAt)
	seen, seenErr := instant("seenAt", f.SeenAt)
	_, secretErr := SecretHash(f.DeviceSecretHash)
	if err := errors.Join(registeredErr, seenErr, secretErr); err != nil {
		return nil, err
	}
	return &wire.DeviceRecord{
		PushID: *f.PushID, DeviceSecretHash: f.DeviceSecretHash, Vendor: f.Vendor, AppType: orOne(f.AppType), Region: f.Region,
		Environment: f.Environment, Platform: f.Platform, Tokens: f.Tokens, UserID: f.UserID,
		RegisteredAt: registered, SeenAt: seen, Cursor: f.Cursor,
	}, nil
}

// row makes the device that a row of a token table stands for. Its push id is
// derived from the token, so that the row means the same device every time, and
// it has no secret: the phone's next registration with the token replaces it.
func (f *fields) row(asOf time.Time) (*wire.DeviceRecord, error) {
	if f.PushID != nil || f.Tokens != nil || f.RegisteredAt != nil || f.SeenAt != nil || f.DeviceSecretHash != "" {
		return nil, refuse("token", "does not go with the fields of an export; give tokens, or leave those out")
	}
	if *f.Token == "" || f.UserID == "" {
		return nil, refuse("token", "must not be empty, nor userID")
	}
	seen, err := f.updatedAt(asOf)
	if err != nil {
		return nil, err
	}
	kind := f.Kind
	if kind == "" {
		kind = string(message.TokenAlert)
	}
	return &wire.DeviceRecord{
		PushID: f.derivedID(kind), Vendor: f.Vendor, AppType: orOne(f.AppType), Region: f.Region, Environment: f.Environment,
		Platform: f.Platform, Tokens: map[string]string{kind: *f.Token}, UserID: f.UserID, RegisteredAt: seen, SeenAt: seen,
	}, nil
}

func (f *fields) updatedAt(asOf time.Time) (time.Time, error) {
	switch {
	case f.UpdatedAt != nil:
		return instant("updatedAt", f.UpdatedAt)
	case asOf.IsZero():
		return time.Time{}, refuse("updatedAt", "must be set, or asOf for all lines: the time at which the table was read")
	}
	return asOf.UTC().Truncate(time.Millisecond), nil
}

// derivedID hashes what makes a token unique in a store.
func (f *fields) derivedID(kind string) string {
	appType := strconv.Itoa(int(orOne(f.AppType)))
	hash := sha256.Sum256(netstrings(nil, "token", f.Vendor, appType, f.Environment, kind, *f.Token))
	return base64.RawURLEncoding.EncodeToString(hash[:16])
}

func orOne(appType int32) int32 {
	if appType == 0 {
		return 1
	}
	return appType
}

func instant(field string, text *string) (time.Time, error) {
	if text == nil {
		return time.Time{}, refuse(field, "must be set, such as 2026-11-24T12:00:00Z")
	}
	t, err := time.Parse(time.RFC3339Nano, *text)
	if err != nil {
		return time.Time{}, refuse(field, "must be a time such as 2026-11-24T12:00:00Z")
	}
	return t.UTC().Truncate(time.Millisecond), nil
}

// SecretHash reads deviceSecretHash. Without one it is all zero, which is the
// hash of no secret that anybody knows.
func SecretHash(text string) (hash [sha256.Size]byte, err error) {
	if text == "" {
		return hash, nil
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || copy(hash[:], b) != sha256.Size || len(b) != sha256.Size {
		return hash, refuse("deviceSecretHash", "must be the 32 bytes of a SHA-256 as base64url without padding, or left out")
	}
	return hash, nil
}

// FormatSecretHash writes deviceSecretHash.
func FormatSecretHash(hash [sha256.Size]byte) string {
	if hash == [sha256.Size]byte{} {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(hash[:])
}
