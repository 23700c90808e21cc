package store

import (
	"context"
	"time"

	"github.com/offlinepush/operator/dispatcher/message"
)

// Deliveries keeps the rows of work and what became of them.
type Deliveries interface {
	// Due lists own deliveries of a channel's class that are due, those first that expire first, and then by id. Calls
	// come the other way round, so that one that rings now does not wait behind those that nobody waits for any more.
	Due(ctx context.Context, q DueQuery) ([]message.Delivery, error)
	// NextDueAfter is when the channel's earliest own delivery that is due after t is due; zero when
	// there is none.
	NextDueAfter(ctx context.Context, channel string, t time.Time) (time.Time, error)
	// Message reads a message, with ErrNotFound.
	Message(ctx context.Context, id string) (message.Message, error)
	// Fence reads what is true right now of a message and of devices that it goes to.
	Fence(ctx context.Context, q FenceQuery) (Fence, error)
	// Settle records what became of deliveries and reschedules the rest, all in one transaction with
	// the quarantine of invalid tokens. It returns ErrLeaseLost, and changes nothing, when this
	// process does not own one of them or it is settled already.
	Settle(ctx context.Context, settlements []Settlement) error
	// TokenHealth counts, over a channel's tokens that a vendor answered about since the time and
	// that it had accepted since acceptedSince, how many it calls valid and how many invalid.
	TokenHealth(ctx context.Context, channel string, since, acceptedSince time.Time) (valid, invalid int64, err error)
	// Backlog counts the pending targets of each channel row.
	Backlog(ctx context.Context) (map[string]int64, error)
}

// DueQuery asks for a page of the rows of work.
type DueQuery struct {
	Channel  string
	Priority message.Priority
	// Until is up to when a row must be due.
	Until time.Time
	// Held asks instead for those that are due later, because what is known of the vendor's day left nothing for them. What
	// the vendor refused itself is not among them.
	Held bool
	// After is the last row of the page before; the first page is behind the zero Delivery.
	After message.Delivery
	Limit int
}

// FenceQuery asks about one vendor call.
type FenceQuery struct {
	// MessageID is what is pushed; empty asks about the devices alone.
	MessageID string
	// Replaces is the message whose push this one's takes the place of; empty means none.
	Replaces string
	Devices  []int64
	// Kind is that of the tokens that it goes to.
	Kind message.TokenKind
}

// Fence is what is true right now of the message and devices of a FenceQuery.
type Fence struct {
	// Recalled means that the message is taken back. It is not known of a message to devices of which none is left.
	Recalled bool
	// Devices are by the device's key; those that are gone are absent.
	Devices map[int64]FenceState
}

// Replaced is what became at one device of the push that another one replaces.
type Replaced string

// The states of a replaced push.
const (
	// ReplacedNone means that nothing was given to the vendor, nor will be.
	ReplacedNone Replaced = ""
	// ReplacedPending means that it is open still, perhaps in a call of another process.
	ReplacedPending Replaced = "Pending"
	// ReplacedHanded means that the vendor took it, or may have without an answer that arrived.
	ReplacedHanded Replaced = "Handed"
)

// FenceState is what is true of a device right now.
type FenceState struct {
	PushID string
	Epoch  int64
	UserID string
	Token  message.Token
	// TokenSetAt is when the phone last said that it has the token; zero when that is not known.
	TokenSetAt time.Time
	// TokenOK is false when there is no token or it is quarantined.
	TokenOK bool
	// AcceptedAt is when a vendor last accepted a push for this token; zero if never.
	AcceptedAt time.Time
	// Acked is the device's cursor in its user's inbox.
	Acked int64
	// Replaced is what became of the replaced push; ReplacedNone when the query names none.
	Replaced Replaced
	// GraceUntil is until when the device may still acknowledge what a stopped process has sent it; zero
	// when none has stopped.
	GraceUntil time.Time
}

// Settlement is the result of one attempt at a delivery. Every target of the
// delivery is in Done or in Retry.
type Settlement struct {
	DeliveryID int64
	Done       []TargetResult
	// Retry keeps the rest, as a row for each: the first one stays the row that it was, the others are new ones that
	// are owned and in doubt like it. None ends the delivery; more than MaxRetries are refused.
	Retry []Retry
}

// MaxRetries is how many rows a settlement may leave of a delivery.
const MaxRetries = 8

// TargetResult is the end of the story for one target.
type TargetResult struct {
	Target message.Target
	State  message.State
	Reason string
	// Outcome is the vendor's answer; zero when there was no call.
	Outcome message.Outcome
	// TokenGen is the generation of the token that was used; an InvalidToken outcome quarantines
	// only this generation.
	TokenGen int64
	// KeepToken records an InvalidToken without quarantine, because the fuse is open.
	KeepToken bool
	// InDoubt is that of the delivery: a vendor may have taken what is not handed by State.
	InDoubt bool
}

// Retry is a part of what is left of a delivery.
type Retry struct {
	Targets []message.Target
	DueAt   time.Time
	Attempt int
	// Last is the outcome that led to the retry, for the trace.
	Last message.Outcome
}
