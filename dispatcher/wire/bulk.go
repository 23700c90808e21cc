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
	DeviceSecretHash string            `json:"deviceSecretHash,omitempty" maxLength:"43" doc:"The SHA-256 of the device secret as base64url, 43 characters. Without it no secret fits the device, so that the phone cannot prove to be it."`
	Vendor           string            `json:"vendor" minLength:"1" maxLength:"32" doc:"The vendor of the tokens, as in PushChannel."`
	AppType          int32             `json:"appType,omitempty" minimum:"1" maximum:"9" default:"1" doc:"Tells several credential sets of one vendor apart. 1 without it."`
	Region           string            `json:"region,omitempty" maxLength:"32" doc:"The vendor's region; left out for vendors without regions."`
	Environment      string            `json:"environment,omitempty" maxLength:"32" doc:"The APNs environment of the tokens, Production without it; left out for other vendors."`
	Platform         string            `json:"platform,omitempty" maxLength:"64" doc:"What the phone runs, such as Android; unknown without it."`
	Tokens           map[string]string `json:"tokens,omitempty" doc:"The vendor's tokens by kind: alert, and for APNs voip beside it."`
	UserID           string            `json:"userID,omitempty" maxLength:"64" doc:"The user to whom the device is bound; without it, it is bound to nobody."`
	RegisteredAt     time.Time         `json:"registeredAt" doc:"When the phone registered."`
	SeenAt           time.Time         `json:"seenAt" doc:"When the phone last registered, bound, logged in or out. Of two states of a device the one seen later stays."`
	Cursor           int64             `json:"cursor,omitempty" doc:"The place in the export, for after; an import ignores it."`
}

// TokenRecord is a line of another system's token table.
type TokenRecord struct {
	UserID      string     `json:"userID" minLength:"1" maxLength:"64" doc:"The user of the phone, 1 to 64 bytes."`
	Vendor      string     `json:"vendor" minLength:"1" maxLength:"32" doc:"The vendor of the token, as in PushChannel."`
	Token       string     `json:"token" minLength:"1" maxLength:"4096" doc:"What the vendor's SDK gave."`
	AppType     int32      `json:"appType,omitempty" minimum:"1" maximum:"9" default:"1" doc:"Tells several credential sets of one vendor apart. 1 without it."`
	Region      string     `json:"region,omitempty" maxLength:"32" doc:"The vendor's region. Without it China for Xiaomi and Meizu, and read off the token for OPPO; left out for other vendors."`
	Environment string     `json:"environment,omitempty" maxLength:"32" doc:"The APNs environment of the token, Production without it; left out for other vendors."`
	Platform    string     `json:"platform,omitempty" maxLength:"64" doc:"What the phone runs, such as Android; unknown without it."`
	Kind        string     `json:"kind,omitempty" enum:"alert" default:"alert" doc:"What the token is for. APNs tokens for calls move with their device, as a device line."`
	UpdatedAt   *time.Time `json:"updatedAt,omitempty" doc:"When the token was last known to be in use. Without it asOf of the request counts."`
}

// BindingsTotal is the last line of an export, and the answer to a request for the checksum.
type BindingsTotal struct {
	Count    int64  `json:"count" doc:"The number of devices."`
	Checksum string `json:"checksum" minLength:"64" maxLength:"64" doc:"The sum of the SHA-256 of every device's canonical form, modulo 2^256, in hex."`
	Next     int64  `json:"next,omitempty" doc:"There may be more devices, behind this cursor; absent behind the last one."`
}

// ImportedBindings is the answer to an import.
type ImportedBindings struct {
	Created   int           `json:"created" doc:"How many devices are new."`
	Updated   int           `json:"updated" doc:"How many known devices were changed by their line."`
	Unchanged int           `json:"unchanged" doc:"How many devices were like that already."`
	Outdated  int           `json:"outdated" doc:"How many lines are older than what is known of their device or token; they changed nothing."`
	Refused   []RefusedLine `json:"refused" nullable:"false" doc:"The lines that break a rule; nothing of them is stored."`
}

// RefusedLine is a line that breaks a rule.
type RefusedLine struct {
	Line   int          `json:"line" doc:"The number of the line in the request, from 1."`
	Errors []FieldError `json:"errors" nullable:"false" doc:"The fields of the line that break a rule."`
}
