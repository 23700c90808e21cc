package store

import (
	"context"
	"time"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
)

// Receipts keeps what vendors report of pushes.
type Receipts interface {
	// AddReceipts stores receipts in one commit, with those of concurrent callers, and quarantines the
	// tokens that they call dead. It says of each whether it is new: neither a repetition, nor about a
	// token that no device has. A receipt may come before the outcome of its push.
	AddReceipts(ctx context.Context, receipts []Receipt) (added []bool, err error)
}

// Receipt is one event of one push on one phone, which is named by its token.
type Receipt struct {
	// MessageID is a UUIDv7.
	MessageID string
	// Channel is the row whose vendor reports it; its Selector says whose tokens are meant, of whatever region.
	Channel  string
	Selector message.Selector
	Token    string
	Event    provider.Event
	// Code is the vendor's own, Reason says what it means.
	Code, Reason string
	// At is when it happened; zero means now.
	At time.Time
	// KeepToken records a provider.TokenInvalid without quarantine, because the fuse is open. A token that
	// the phone set after At is kept, too.
	KeepToken bool
}

// TraceReceipt is a receipt in a message's story.
type TraceReceipt struct {
	Event        provider.Event
	Code, Reason string
	At           time.Time
}
