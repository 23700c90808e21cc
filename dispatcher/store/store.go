// Package store defines what the dispatcher keeps: devices and their bindings,
// messages and inboxes, deliveries and what became of them. Two packages
// implement it; storetest holds the one suite that both pass.
//
// Every write is committed to disk when its method returns. Writes of
// concurrent callers share a commit.
package store

import (
	"context"
	"errors"
	"time"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/report"
)

// Errors that callers decide on. Any other error means that the store is in
// trouble: nothing was committed and the same call may succeed later.
var (
	// ErrNotFound says that there is no such device, user or message.
	ErrNotFound = errors.New("not found")
	// ErrConflict says that an idempotency id was used for a different request.
	ErrConflict = errors.New("the same id was used for a different request")
	// ErrRecalled says that the message was taken back before.
	ErrRecalled = errors.New("the message is recalled already")
	// ErrBacklogFull says that the app has too many pending pushes.
	ErrBacklogFull = errors.New("too many pushes are pending")
	// ErrWrongApp says that the store belongs to another app.
	ErrWrongApp = errors.New("the store belongs to another app")
	// ErrCopied says that the store was restored from a backup and nobody has said yet what that means.
	ErrCopied = errors.New("the store is a copy from a backup")
	// ErrDamaged says that the store's data cannot be trusted: nothing of it is given out any more.
	ErrDamaged = errors.New("the store is damaged")
	// ErrStale says that a call has changed since it was read: read it again.
	ErrStale = errors.New("the call has changed meanwhile")
	// ErrNotTarget says that a settlement names a target that its delivery does not have (any more).
	ErrNotTarget = errors.New("it is settled already or is no target")
	// ErrLeaseLost says that this process may not write deliveries any more.
	ErrLeaseLost = errors.New("the lease is lost")
)

// Store is one app's data. It is safe for concurrent use.
type Store interface {
	Devices
	Badges
	Messages
	Leases
	Sessions
	Deliveries
	Receipts
	Groups
	Expansions
	Bulk
	PushTests
	Rules
	Calls
	Erasures
	Quotas
	Letters
	Hygiene
	provider.TokenStore

	// Now is the store's time, by which everything in it is measured: the processes of an app agree
	// on it even where their clocks do not.
	Now() time.Time

	// Ping reports whether the store takes what is written: now, and lately.
	Ping(ctx context.Context) error
	// Account counts every (message, user, device) by state, in one snapshot.
	Account(ctx context.Context) (report.Account, error)
	// Prune deletes what is older than the cutoffs allow, about limit rows of each kind or a day's worth
	// where a day is dropped whole, and the oldest entries of inboxes beyond MaxInbox. A message stays
	// at least as long as something of it is pending. With an error the answer is what was done before it.
	Prune(ctx context.Context, before Cutoffs, limit int) (Pruned, error)
	Close() error
}

// Cutoffs are the times before which things may go. That of the outcomes is also that of the messages whose receipts go.
type Cutoffs struct {
	Messages, Outcomes, Idempotency, Devices, PushTests, Letters time.Time
	// MaxLetters is how many dead letters stay at most; 0 is no bound.
	MaxLetters int64
}

// MaxInbox is how many entries an inbox keeps. It is cut back to them after every 1,000 further ones.
const MaxInbox = 10_000

// Pruned is what a Prune did.
type Pruned struct {
	// More says that there is more to delete.
	More bool
	// Expired counts the inbox entries that went with their messages, and Crowded those that went because newer ones
	// were too many; both only if no device that their user still has acknowledged them.
	Expired, Crowded int64
}

// Devices keeps the registered devices, their tokens and bindings.
type Devices interface {
	// Register makes a device with its tokens. Another device that holds one of the
	// tokens is retired in the same transaction: it loses token and binding and its epoch grows.
	Register(ctx context.Context, r Registration) (Registered, error)
	// SetToken replaces the token of one kind and raises its generation unless the value is the
	// same, which ends a quarantine; it retires like Register.
	SetToken(ctx context.Context, device int64, kind message.TokenKind, value string) (Changed, error)
	// Bind binds a device to a user and raises its epoch if the user changes. A device that is new to
	// the user starts reading the inbox at the first entry that is kept; one that comes back goes on
	// where it was. Of a user with more than MaxDevices devices those that were bound or logged in longest
	// ago are unbound in the same transaction.
	Bind(ctx context.Context, device int64, userID string) (Changed, error)
	// Describe notes what the phone runs and how it calls itself; an empty text leaves what is known.
	Describe(ctx context.Context, device int64, platform, name string) error
	// Unbind clears the binding and raises the epoch. A device without a binding is left as it is,
	// but for when it was seen.
	Unbind(ctx context.Context, device int64) (Changed, error)
	// Unregister unbinds, and deletes the device and its tokens.
	Unregister(ctx context.Context, device int64) (Changed, error)
	// Confirm notes that in no process anything older than the changes is open any more. Until then
	// every call about the device, or about the token that it lost last, tells of its change again.
	Confirm(ctx context.Context, changes []EpochChange) error
	// Device finds by push id, with ErrNotFound.
	Device(ctx context.Context, pushID string) (message.Device, error)
	// DevicesOf lists the devices bound to each of the users, in order of the push id. Users without
	// devices are absent.
	DevicesOf(ctx context.Context, userIDs []string) (map[string][]message.Device, error)
	// DevicesNamed finds devices by their push ids. Unknown ones are absent.
	DevicesNamed(ctx context.Context, pushIDs []string) (map[string]message.Device, error)
}

// MaxDevices is how many devices of one user are bound at a time.
const MaxDevices = 10

// Registration is what a phone tells about itself.
type Registration struct {
	PushID     string
	SecretHash [32]byte
	Selector   message.Selector
	Platform   string
	Tokens     map[message.TokenKind]string
}

// Registered is the outcome of a registration, see Changed.
type Registered struct {
	Device               message.Device
	Retired, Unconfirmed []EpochChange
}

// Changed is the outcome of a change to a device: every device whose epoch grew.
// A caller answers its own caller only after no older vendor call for them is open.
type Changed struct {
	Device  message.Device
	Changes []EpochChange
	// Unconfirmed are earlier changes for which the same holds: whoever made them may be waiting still.
	Unconfirmed []EpochChange
}

// EpochChange says that deliveries for the device below Epoch must not start any more.
type EpochChange struct {
	Device int64
	Epoch  int64
	// FormerUserID is who was bound before; empty when nobody was, and in an earlier change.
	FormerUserID string
	// Evicted says that the device is unbound because its user had more than MaxDevices; never of an earlier change.
	Evicted bool
}

// Messages keeps messages and the inbox of every user.
type Messages interface {
	// Accept stores messages with their inbox entries, decisions and deliveries, each request in
	// one transaction. The results are in the order of the requests; one refused request does not hinder the others.
	Accept(ctx context.Context, reqs []AcceptRequest) []AcceptResult
	// Inbox reads a user's entries after a sequence, oldest first and without a hole among them. gap
	// is true when entries right after the sequence are gone.
	Inbox(ctx context.Context, userID string, after int64, limit int) (entries []message.InboxEntry, gap bool, err error)
	// Receivers lists the users in whose inboxes the message is, in order of their ids.
	Receivers(ctx context.Context, messageID string) ([]string, error)
	// Cursor is the last sequence that the device acknowledged for its current user, with ErrNotFound
	// when that is somebody else.
	Cursor(ctx context.Context, device int64, userID string) (int64, error)
	// Ack moves the cursor forward, never back and never beyond the inbox; it is ignored for a device
	// that is bound to somebody else.
	Ack(ctx context.Context, device int64, userID string, seq int64) error
	// Trace tells what became of a message, device by device, with ErrNotFound.
	Trace(ctx context.Context, messageID string) ([]Trace, error)
}

// AcceptRequest is one message with what was decided for every device of its receivers.
type AcceptRequest struct {
	Message message.Message
	// ClientID is the sender's own id of the request; with Sender it makes the request idempotent.
	ClientID string
	// Hash is of the request's content; the same ids with another hash are ErrConflict.
	Hash [32]byte
	// Recipients are who gets the message into the inbox; one of KindPush gets into none.
	Recipients []string
	// Deliveries carry targets with Seq 0; the store fills in each user's next sequence and the id. A target
	// without a user is for the device alone, whoever is bound: it has no place in an inbox, and Seq 0.
	Deliveries []NewDelivery
	// Suppressed are the decisions not to push.
	Suppressed []Suppression
	// Also is what else is written in the same transaction; a repeated or refused request writes nothing of it.
	Also Also
	// Step makes the request a part of an expansion: Message, which is stored already, comes to further receivers.
	// Only Expand takes it.
	Step *Step
	// MaxBacklog refuses with ErrBacklogFull when more targets than this would be pending; 0 is no cap.
	MaxBacklog int64
	// IdempotentUntil is when the idempotency row may go.
	IdempotentUntil time.Time
}

// Also is what some kinds of messages change besides; zero changes nothing.
type Also struct {
	// Recall is the message that this one takes back: its body and push go, and of its detail all but the group, while
	// its place in the inboxes stays. It is ErrNotFound when there is none and ErrRecalled when it is taken back already.
	Recall string
	// Edit is the message whose body becomes this one's, with the same errors.
	Edit string
	// Rule is a change of a user's rule; nil changes none.
	Rule *RuleChange
	// Call is a call behind a step. One that is not at the Version before it in the store refuses the request with ErrStale.
	Call *message.Call
	// Expansion makes the message one for many; it then has no Recipients of its own.
	Expansion *NewExpansion
}

// NewDelivery is a delivery before it is stored.
type NewDelivery struct {
	Channel string
	// Rule is the one of message's rules that decided to push.
	Rule     string
	Priority message.Priority
	Targets  []NewTarget
	DueAt    time.Time
}

// NewTarget is a target whose place in the inbox is not known yet.
type NewTarget struct {
	Device, Epoch int64
	UserID        string
}

// Suppression is a device, or a user without devices (Device 0), that is not pushed, and by which rule.
type Suppression struct {
	UserID string
	Device int64
	Reason string
}

// AcceptResult is the answer to one AcceptRequest.
type AcceptResult struct {
	// MessageID is the id of the stored message; of the first one when this is a Duplicate.
	MessageID string
	Duplicate bool
	// Seqs are the message's places in the receivers' inboxes.
	Seqs map[string]int64
	// Deliveries are the stored rows, owned by this process's lease. Without a lease there are none
	// here, and the stored ones wait for whoever acquires it.
	Deliveries []message.Delivery
	Err        error
}

// Trace is one line of a message's story.
type Trace struct {
	// Device is the store's key of the device, which it keeps when the device is gone; 0 when there was none.
	Device int64
	// UserID is empty where the push was for the device alone.
	UserID, PushID string
	Channel        string
	// Rule is the one of message's rules that decided to push or not to.
	Rule  string
	State message.State
	// Reason is one of message's reasons or an outcome class.
	Reason string
	// Code and Detail are the vendor's own.
	Code, Detail    string
	VendorMessageID string
	At              time.Time
	// Receipts are what the vendor reported of the push to this device, oldest first.
	Receipts []TraceReceipt
}
