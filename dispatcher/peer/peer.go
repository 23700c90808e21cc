// Package peer lets the dispatchers of one app talk to each other: before a
// change of a binding is answered every one of them has let go of the former
// user, and a message that one accepts reaches the sessions that others hold.
//
// Who the others are is the store's knowledge, from their leases. A dispatcher
// that does not answer is waited for no longer than its lease lives: after that
// it sends nothing more.
package peer

import (
	"context"

	"github.com/offlinepush/operator/dispatcher/store"
)

// The requests, each a POST of JSON that is answered by answer.
const (
	fencePath    = "/v1/fence"
	hintsPath    = "/v1/hints"
	replacedPath = "/v1/replaced"
)

// maxItems bounds the list of a request.
const maxItems = 1000

// fenceRequest asks to end the devices' older sessions for the reason, and to
// answer when no older vendor call is open.
type fenceRequest struct {
	Changes []change `json:"changes"`
	Reason  string   `json:"reason"`
}

type change struct {
	Device int64 `json:"device"`
	Epoch  int64 `json:"epoch"`
}

// hintsRequest says whose inboxes have entries up to which sequence, or with
// All that any may have. An empty one asks for nothing but the answer.
type hintsRequest struct {
	Hints []hint `json:"hints,omitempty"`
	All   bool   `json:"all,omitempty"`
}

type hint struct {
	UserID string `json:"userID"`
	UpTo   int64  `json:"upTo"`
}

// replacedRequest names sessions whose place was taken at another dispatcher.
type replacedRequest struct {
	Sessions []replaced `json:"sessions"`
}

type replaced struct {
	Device int64 `json:"device"`
	Number int64 `json:"number"`
}

// answer says who did what was asked.
type answer struct {
	Incarnation int64 `json:"incarnation"`
}

// Sessions are those that this process holds.
type Sessions interface {
	// Kick ends the devices' sessions that logged in before the changes, and returns once they send nothing more.
	Kick(changes []store.EpochChange, reason string)
	// Notify hints that users' inboxes have entries up to a sequence.
	Notify(upTo map[string]int64)
	// NotifyAll makes every session look at its inbox soon.
	NotifyAll()
	// Replace ends the device's session unless its number is greater.
	Replace(device, number int64)
}

// Calls are the vendor calls that this process has open.
type Calls interface {
	// Quiesce returns once no vendor call is open that is older than the committed changes.
	Quiesce(ctx context.Context, changes []store.EpochChange) error
}
