package report

import "time"

// PushTestPath is where the admin port takes a PushTest as JSON; it needs the app's report key as bearer token. The answer
// is a PushTestState, or a PushTestRefusal with status 404, 409, 422, 429 or 503. The same UID is the same test for ever,
// whichever dispatcher is asked: the first request starts it, every later one only tells how far it is.
const PushTestPath = "/push-tests"

// PushTest asks for a push to one phone or to the phones of one user.
type PushTest struct {
	// UID makes the request idempotent.
	UID string `json:"uid"`
	// PushID or UserID is set.
	PushID      string `json:"pushID,omitempty"`
	UserID      string `json:"userID,omitempty"`
	Title       string `json:"title,omitempty"`
	Content     string `json:"content,omitempty"`
	Payload     string `json:"payload,omitempty"`
	ResourcesID string `json:"resourcesID,omitempty"`
	// MessageID is that of the state answered before, when there was one: the test started, and must not start again where
	// the store has lost it. It is no part of what makes two tests the same.
	MessageID string `json:"messageID,omitempty"`
}

// PushTestState is how far a test is.
type PushTestState struct {
	MessageID string    `json:"messageID"`
	StartedAt time.Time `json:"startedAt"`
	// Devices are at most MaxPushTestDevices.
	Devices []PushTestDevice `json:"devices"`
}

// MaxPushTestDevices is the largest number of phones of one test.
const MaxPushTestDevices = 10

// MaxPushTestAnswer bounds PushTestHop.Answer, in bytes.
const MaxPushTestAnswer = 2 << 10

// PushTestDevice is one phone with what its two hops answered.
type PushTestDevice struct {
	PushID     string           `json:"pushID"`
	Channel    string           `json:"channel,omitempty"`
	Vendor     string           `json:"vendor"`
	Dispatcher PushTestHop      `json:"dispatcher"`
	Push       PushTestHop      `json:"push"`
	Receipt    *PushTestReceipt `json:"receipt,omitempty"`
}

// HopStatus is how far a hop got.
type HopStatus string

// The states of a hop.
const (
	HopPending   HopStatus = "Pending"
	HopSucceeded HopStatus = "Succeeded"
	HopFailed    HopStatus = "Failed"
	HopSkipped   HopStatus = "Skipped"
)

// PushTestHop is the answer of one hop: the dispatcher's decision, or the vendor.
type PushTestHop struct {
	Status HopStatus `json:"status"`
	// Code is a reason of the dispatcher, or the vendor's code. While a hop is Pending after a failed try, it is that of the try.
	Code    string `json:"code,omitempty"`
	Message string `json:"message,omitempty"`
	// Answer is the vendor's answer without credentials and tokens, at most MaxPushTestAnswer bytes.
	Answer              string    `json:"answer,omitempty"`
	MessageID           string    `json:"messageID,omitempty"`
	LatencyMilliseconds *int64    `json:"latencyMilliseconds,omitempty"`
	At                  time.Time `json:"at,omitzero"`
}

// PushTestReceipt is what the vendor reported after its answer.
type PushTestReceipt struct {
	Event   string    `json:"event"`
	Code    string    `json:"code,omitempty"`
	Message string    `json:"message,omitempty"`
	At      time.Time `json:"at,omitzero"`
}

// The codes of a PushTestRefusal.
const (
	// RefusedUnknownPushID and RefusedNoDevices come with 404.
	RefusedUnknownPushID = "UnknownPushID"
	RefusedNoDevices     = "UserWithoutDevices"
	// RefusedForgotten comes with 404, to a request with a MessageID: the store knows no test of the UID.
	RefusedForgotten = "Forgotten"
	// RefusedProfile comes with 422: the app has no such push profile.
	RefusedProfile = "UnknownResourcesID"
	// RefusedInvalid comes with 422: a field breaks its rule; Message names it.
	RefusedInvalid = "Invalid"
	// RefusedConflict comes with 409: the UID was used for another test.
	RefusedConflict = "Conflict"
	// RefusedTooSoon comes with 429: the phone had a test less than 5 seconds ago; RetryAfterSeconds says how long to wait.
	RefusedTooSoon = "TooSoon"
	// RefusedUnavailable comes with 503: the store does not answer.
	RefusedUnavailable = "Unavailable"
)

// PushTestRefusal says why a test did not start.
type PushTestRefusal struct {
	Code              string `json:"code"`
	Message           string `json:"message"`
	RetryAfterSeconds int    `json:"retryAfterSeconds,omitempty"`
}
