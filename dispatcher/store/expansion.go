package store

import (
	"context"
	"errors"
	"fmt"
	"time"
)

var (
	// ErrMoved says that an expansion is not where the caller thinks: others went on with it, or it was stopped.
	ErrMoved = errors.New("the expansion has moved on or was stopped")
	// ErrEnded says that an expansion has ended and cannot be stopped or resumed any more.
	ErrEnded = errors.New("it has ended")
)

// LimitedError says that there were as many broadcasts as are allowed.
type LimitedError struct{ Wait time.Duration }

// Error implements error.
func (e *LimitedError) Error() string {
	return fmt.Sprintf("there were too many broadcasts; try again in %s", e.Wait)
}

// Expansions keeps how far messages for many are brought to their receivers. Like a delivery an expansion belongs to
// an incarnation, and to its heir.
type Expansions interface {
	// RunningExpansions lists own expansions that are neither stopped nor ended, in order of their messages. Those of a
	// group wait for one another, so that all members have its messages in one order.
	RunningExpansions(ctx context.Context, limit int) ([]Expansion, error)
	// ReceiversBehind lists the users behind the expansion's cursor, in order of their keys.
	ReceiversBehind(ctx context.Context, e Expansion, limit int) ([]User, error)
	// Expand stores what a step decided, and moves the cursor, in one transaction. It is Accept for a message that is
	// stored already, and does not stand in the way of others: with ErrMoved, and ErrBacklogFull, it changes nothing.
	Expand(ctx context.Context, r AcceptRequest) AcceptResult
	// Audience says whom a message for many was for, with ErrNotFound when it names its receivers itself, or when that is
	// forgotten.
	Audience(ctx context.Context, messageID string) (Audience, error)
	// Broadcast tells how far a broadcast is, with ErrNotFound.
	Broadcast(ctx context.Context, messageID string) (Expansion, error)
	// Broadcasts lists broadcasts from the newest on, from behind an id; the first page is behind the empty id.
	Broadcasts(ctx context.Context, after string, limit int) ([]Expansion, error)
	// SetBroadcast stops, resumes or cancels a broadcast, with ErrNotFound, and with ErrEnded when it has ended another way.
	SetBroadcast(ctx context.Context, messageID string, to ExpansionState) (Expansion, error)
}

// ExpansionState says whether an expansion goes on.
type ExpansionState string

// The states of an expansion. The last two end it.
const (
	Running   ExpansionState = "Running"
	Paused    ExpansionState = "Paused"
	Cancelled ExpansionState = "Cancelled"
	Done      ExpansionState = "Done"
)

// Ended reports whether nothing more happens.
func (s ExpansionState) Ended() bool { return s == Cancelled || s == Done }

// BroadcastMode says who receives a broadcast, and how.
type BroadcastMode string

// The modes of a broadcast. The empty mode is that of groups: all receivers have an inbox entry and are decided as usual.
const (
	// OnlineOnly gives users with a session an inbox entry, and pushes nobody.
	OnlineOnly BroadcastMode = "OnlineOnly"
	// OnlineAndOffline gives users with a session an inbox entry and decides as usual; all others are pushed only.
	OnlineAndOffline BroadcastMode = "OnlineAndOffline"
	// Everyone pushes to every device, connected or not, and gives nobody an inbox entry.
	Everyone BroadcastMode = "Everyone"
)

// Audience says who receives a message for many.
type Audience struct {
	// Only names the receivers, Except who is none of them; at most one of both is set.
	Only   []string `json:"only,omitempty"`
	Except []string `json:"except,omitempty"`
	// Mode is that of a broadcast; empty for a group.
	Mode BroadcastMode `json:"mode,omitempty"`
}

// NewExpansion makes a message one for many: it is stored once, and brought to its receivers step by step.
type NewExpansion struct {
	// GroupID is the group whose members receive it, of whom the sender must be one; empty means all users with
	// devices of now.
	GroupID string
	Audience
	// Limit bounds the broadcasts of the app.
	Limit BroadcastLimit
}

// BroadcastLimit bounds broadcasts; zero does not.
type BroadcastLimit struct {
	// Pause is between two, PerDay is how many there may be in 24 hours.
	Pause  time.Duration
	PerDay int
}

// Expansion is how far a message for many is brought to its receivers.
type Expansion struct {
	MessageID string
	Sender    string
	// Group is the store's key of the group, and Seq the message's place among the group's events; 0 for a broadcast.
	Group, Seq int64
	Audience
	State ExpansionState
	// After is the key of the last user who is done.
	After int64
	// UsersUpTo and DevicesUpTo are the last keys when it started: later ones do not receive a broadcast.
	UsersUpTo, DevicesUpTo int64
	// Users counts who is done, Targets the pushes that were decided for them.
	Users, Targets int64
	// FinishedAt is zero until it has ended.
	StartedAt, FinishedAt time.Time
	// Blocked means that an older message of the group is not expanded yet.
	Blocked bool
}

// Step makes an AcceptRequest a part of an expansion.
type Step struct {
	// From is the cursor before, To behind the step. Last ends the expansion.
	From, To int64
	Last     bool
	// Outside are users of the step without an inbox entry, by their keys. Their targets have Seq 0.
	Outside map[string]int64
	// Users counts all users of the step.
	Users int64
}
