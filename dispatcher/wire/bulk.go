package wire

import "time"

// NDJSONType is the media type of bindings that move: one JSON object a line.
const NDJSONType = "application/x-ndjson"

// The bounds of bindings that move.
const (
	// MaxImportLines and MaxImportBytes are what one import request holds at most.
	MaxImportLines = 1000
	MaxImportBytes = 4 << 20
	// MaxLineBytes is the length of one line without its end.
	MaxLineBytes = 64 << 10
	// MaxTotalDevices is how many devices one request for a total counts at most.
	MaxTotalDevices = 50_000
)

// DeviceRecord is a line of an export: a device with its tokens and its user.
type DeviceRecord struct {
	PushID           string            `json:"pushID" minLength:"1" maxLength:"64" doc:"The stable id of the installation."`
	DeviceSecretHash string            `json:"deviceSecretHash,omitempty" maxLength:"43" doc:"The SHA-256 of the device secret as base64url; without it no secret is the device's."`
	Vendor           string            `json:"vendor" minLength:"1" maxLength:"32" doc:"As in PushChannel."`
	AppType          int32             `json:"appType,omitempty" minimum:"1" maximum:"9" default:"1"`
	Region           string            `json:"region,omitempty" maxLength:"32"`
	Environment      string            `json:"environment,omitempty" maxLength:"32"`
	Platform         string            `json:"platform,omitempty" maxLength:"64"`
	Tokens           map[string]string `json:"tokens,omitempty" doc:"The vendor's tokens by kind: alert, and for APNs voip beside it."`
	UserID           string            `json:"userID,omitempty" maxLength:"64" doc:"The user to whom the device is bound."`
	RegisteredAt     time.Time         `json:"registeredAt"`
	SeenAt           time.Time         `json:"seenAt" doc:"When the phone last registered, bound, logged in or out. Of two states of a device the one seen later stays."`
	Cursor           int64             `json:"cursor,omitempty" doc:"The place in the export, for after; an import ignores it."`
}

// TokenRecord is a line of another system's token table.
type TokenRecord struct {
	UserID      string     `json:"userID" minLength:"1" maxLength:"64"`
	Vendor      string     `json:"vendor" minLength:"1" maxLength:"32" doc:"As in PushChannel."`
	Token       string     `json:"token" minLength:"1" maxLength:"4096" doc:"What the vendor's SDK gave."`
	AppType     int32      `json:"appType,omitempty" minimum:"1" maximum:"9" default:"1"`
	Region      string     `json:"region,omitempty" maxLength:"32"`
	Environment string     `json:"environment,omitempty" maxLength:"32"`
	Platform    string     `json:"platform,omitempty" maxLength:"64"`
	Kind        string     `json:"kind,omitempty" enum:"alert" default:"alert"`
	UpdatedAt   *time.Time `json:"updatedAt,omitempty" doc:"When the token was last known to be in use; asOf without it."`
}

// BindingsTotal is the last line of an export, and the answer to a request for the checksum.
type BindingsTotal struct {
	Count    int64  `json:"count" doc:"The number of devices."`
	Checksum string `json:"checksum" minLength:"64" maxLength:"64" doc:"The sum of the SHA-256 of every device's canonical form, modulo 2^256, in hex."`
	Next     int64  `json:"next,omitempty" doc:"There may be more devices, behind this cursor; absent behind the last one."`
}

// ImportedBindings is the answer to an import.
type ImportedBindings struct {
	Created   int           `json:"created"`
	Updated   int           `json:"updated"`
	Unchanged int           `json:"unchanged"`
	Outdated  int           `json:"outdated" doc:"Devices that the store knows, or whose token it knows, from later."`
	Refused   []RefusedLine `json:"refused" nullable:"false" doc:"The lines that break a rule; nothing of them is stored."`
}

// RefusedLine is a line that breaks a rule.
type RefusedLine struct {
	Line   int          `json:"line" doc:"Counts from 1."`
	Errors []FieldError `json:"errors" nullable:"false"`
}
