package store

import (
	"context"
	"time"
)

// Erasures forget users, step by step: an erasure begins in one commit and goes
// on in small ones, by whichever process takes them. The store remembers it until its end.
type Erasures interface {
	// Erase begins to forget a user. From its commit on nobody has the id: the user's devices look
	// unbound, their epochs have grown and their sessions are over, and who comes with the same id later
	// is somebody else with an inbox that begins anew. It answers with everything that is still to do for
	// the id, also when that began earlier.
	Erase(ctx context.Context, userID string) ([]Erasure, error)
	// Erasures lists what has begun and is not done, oldest first.
	Erasures(ctx context.Context, limit int) ([]Erasure, error)
	// EraseDevices deletes the devices of an erasure with their tokens, once no older vendor call for them
	// is open. A device that was bound to somebody since stays.
	EraseDevices(ctx context.Context, e Erasure) error
	// EraseRows deletes about limit of the other rows of the user, and empties about as many of the
	// messages that the user sent, like a recall. It reports whether there are more; at the end it forgets the erasure.
	EraseRows(ctx context.Context, e Erasure, limit int) (more bool, err error)
}

// Erasure is a user who is being forgotten.
type Erasure struct {
	ID int64
	// User is the store's key of who was erased; 0 when nobody had the id, who may have sent messages still.
	User int64
	// UserID is known until the end, to find what the user sent before BegunAt.
	UserID  string
	BegunAt time.Time
	// Devices are those that are still there, at the epochs below which nothing must be open any more.
	Devices []EpochChange
}
