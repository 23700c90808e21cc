package report

import "time"

// RestorePath is where the admin port takes a Restore as JSON; it needs the app's report key as bearer token. The answer is
// a Restored, or status 422 for a field that breaks its rule and 503 with Retry-After while the store does not answer.
const RestorePath = "/quarantine/restore"

// Restore ends the quarantine of all tokens of a channel row that began since a time: for a wrong credential whose answers
// were believed.
type Restore struct {
	// Channel is the row's name.
	Channel string    `json:"channel"`
	Since   time.Time `json:"since"`
	// Retry pushes again what the vendor refused meanwhile because of the tokens.
	Retry bool `json:"retry,omitempty"`
}

// Restored is what a Restore did.
type Restored struct {
	// Tokens counts those that are good again, Requeued the pushes that go out again.
	Tokens   int64 `json:"tokens"`
	Requeued int64 `json:"requeued"`
	// More says that there was no time or no room for all: ask again.
	More bool `json:"more,omitempty"`
}
