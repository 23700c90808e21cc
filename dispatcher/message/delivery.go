package message

import "time"

// Target is one device that a delivery is for, as it was at the decision.
// It names the device and never the token, so that a rotated token is used and a retired one is not.
type Target struct {
	// Device is the store's key of the device.
	Device int64
	// Epoch is the device's epoch at the decision.
	Epoch int64
	// Seq is the message's place in the inbox of the device's user; 0 when it has none.
	Seq int64
	// Badge is the number that the app's icon shall show, as it was counted at the decision; 0 leaves the icon as it is.
	Badge int32
}

// Delivery is a row of work: one message, one channel row, up to 1,000 targets.
type Delivery struct {
	ID        int64
	MessageID string
	// Channel is the name of the app's channel row.
	Channel  string
	Targets  []Target
	Priority Priority
	// Attempt counts the vendor calls that have ended so far.
	Attempt int
	// InDoubt means that a vendor may have taken it although nobody recorded so: a call got no answer, or the process
	// that owned the row is gone.
	InDoubt bool
	// DueAt is when the next attempt may start.
	DueAt     time.Time
	ExpiresAt time.Time
}

// Priority is the class of a delivery among those of its channel row. A lower one goes first.
type Priority int

// The classes; the stores keep their numbers.
const (
	// PriorityCall is of calls, which ring now or not at all.
	PriorityCall Priority = -1
	// PriorityMessage is of what names its receivers.
	PriorityMessage Priority = 0
	// PriorityBulk is of messages for many: those of groups, and broadcasts.
	PriorityBulk Priority = 1
)

// Priorities lists every class once, the first one first.
func Priorities() []Priority { return []Priority{PriorityCall, PriorityMessage, PriorityBulk} }

// MaxTargets is the largest number of targets of one delivery.
const MaxTargets = 1000
