package message

import "time"

// TokenKind says what a vendor token is good for.
type TokenKind string

// The kinds of tokens.
const (
	// TokenAlert is the ordinary token of a device.
	TokenAlert TokenKind = "alert"
	// TokenVoIP is PushKit's token of an iOS device, beside the ordinary one.
	TokenVoIP TokenKind = "voip"
)

// Device is one installation of the app on one phone.
type Device struct {
	// Key is the store's own key of the device; it never leaves the dispatcher.
	Key int64
	// PushID is the public, stable and opaque id (128 random bits).
	PushID string
	// SecretHash is the SHA-256 of the device secret.
	SecretHash [32]byte
	Selector   Selector
	// Platform is what the phone runs, such as Android; empty when it did not say.
	Platform string
	// Name is how the phone calls itself; empty when it did not say.
	Name string
	// UserID is empty when no user is bound.
	UserID string
	// Epoch grows whenever the binding changes; a delivery for an older epoch never starts.
	Epoch        int64
	RegisteredAt time.Time
	// Session is the incarnation of the live process that holds the device's session; 0 when it has none.
	Session int64
	// GraceUntil is until when a device counts as connected because the process that held its session
	// has stopped in good order; zero when none has.
	GraceUntil time.Time
}

// Connected reports whether the device counts as connected.
func (d Device) Connected(now time.Time) bool { return d.Session != 0 || d.GraceUntil.After(now) }

// Selector picks the channel row that serves a device.
type Selector struct {
	// Vendor is the API's vendor name, such as FCM or Xiaomi.
	Vendor string `json:"vendor"`
	// AppType tells several credential sets of one vendor apart, 1 to 9.
	AppType int32 `json:"appType"`
	// Region is the vendor's region of the device; empty where the vendor has none.
	Region string `json:"region,omitempty"`
	// Environment is the APNs environment of the device; empty elsewhere.
	Environment string `json:"environment,omitempty"`
}

// Token is what the vendor gave the device.
type Token struct {
	Kind  TokenKind
	Value string
	// Gen grows with every new value, so that a late answer about an old token is told apart.
	Gen int64
}
