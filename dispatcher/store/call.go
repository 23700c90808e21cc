package store

import (
	"context"
	"time"

	"github.com/offlinepush/operator/dispatcher/message"
)

// Calls keeps the calls. They change together with the messages that tell of it, by Also.Call.
type Calls interface {
	// Call finds a call, with ErrNotFound.
	Call(ctx context.Context, id string) (message.Call, error)
	// DueCalls lists the calls to which something happens by itself until the time, the earliest first.
	DueCalls(ctx context.Context, until time.Time, limit int) ([]DueCall, error)
}

// DueCall is a call to which something happens by itself.
type DueCall struct {
	ID string
	At time.Time
}
