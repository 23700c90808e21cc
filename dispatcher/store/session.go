package store

import (
	"context"
	"time"
)

// DrainGrace is how long a session that a drain ended counts as connected, so that its phone can
// connect to another process before anything is pushed to it.
const DrainGrace = 10 * time.Second

// Sessions keeps which process holds a device's session. What a process noted
// counts as long as the lease lives under which it did.
type Sessions interface {
	// Connect notes sessions that this process holds from now on, in one commit, with one answer for
	// each, in order. It returns ErrLeaseLost for all without a lease.
	Connect(ctx context.Context, sessions []Session) ([]Connected, error)
	// Disconnect forgets sessions of this process; one whose place a later one took is left as it is.
	Disconnect(ctx context.Context, sessions []Session) error
	// Holders lists the incarnations of the live processes that hold sessions of the users. Users
	// without a session are absent.
	Holders(ctx context.Context, userIDs []string) (map[string][]int64, error)
}

// Session is one session that this process holds.
type Session struct {
	// Device is bound at Epoch, or the session is refused.
	Device, Epoch int64
	// Number tells the sessions of one process apart; a later one has a greater number.
	Number int64
}

// Connected is the answer to one Session.
type Connected struct {
	// Former is the session whose place this one took in another live process; zero if there is none.
	Former Place
	// Err is ErrNotFound when the device is not bound at the session's epoch.
	Err error
}

// Place is where a session is held.
type Place struct{ Incarnation, Number int64 }
