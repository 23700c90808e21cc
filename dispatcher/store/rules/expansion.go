package rules

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/offlinepush/operator/dispatcher/store"
)

// ExpansionColumns are those of an expansion x and its message m, in the order of ExpansionRow.
const ExpansionColumns = `x.message_id, coalesce(m.sender, ''), x.group_key, x.seq, x.audience, x.state, x.after_key, x.users_up_to,
	x.devices_up_to, x.users, x.targets, x.started_at, x.finished_at`

// ExpansionRow takes one row of ExpansionColumns.
type ExpansionRow struct {
	expansion         store.Expansion
	id                uuid.UUID
	audience          string
	started, finished int64
}

// Dest are the places to scan the row into.
func (r *ExpansionRow) Dest() []any {
	x := &r.expansion
	return []any{
		&r.id, &x.Sender, &x.Group, &x.Seq, &r.audience, &x.State, &x.After, &x.UsersUpTo, &x.DevicesUpTo, &x.Users, &x.Targets,
		&r.started, &r.finished,
	}
}

// Result is the expansion of a scanned row.
func (r *ExpansionRow) Result() (store.Expansion, error) {
	x := r.expansion
	x.MessageID, x.StartedAt = r.id.String(), time.UnixMilli(r.started).UTC()
	if r.finished != 0 {
		x.FinishedAt = time.UnixMilli(r.finished).UTC()
	}
	if err := json.Unmarshal([]byte(r.audience), &x.Audience); err != nil {
		return x, fmt.Errorf("message %s: its stored audience is damaged: %w", x.MessageID, err)
	}
	return x, nil
}

// Expansion is the message's expansion; nil when it has its receivers itself.
func (a *Accept) Expansion() *store.NewExpansion { return a.Also.Expansion }

// Broadcast reports whether the message is for all users.
func (a *Accept) Broadcast() bool { return a.Also.Expansion != nil && a.Also.Expansion.GroupID == "" }

// prepareExpansion checks what would make an expansion wrong.
func (a *Accept) prepareExpansion() error {
	if x := a.Also.Expansion; x != nil {
		if a.Step != nil || len(a.Recipients)+len(a.Deliveries)+len(a.Suppressed) > 0 {
			return fmt.Errorf("message %s: a message for many has its receivers from its steps", a.Message.ID)
		}
		b, err := json.Marshal(x.Audience)
		a.Audience = string(b)
		return err
	}
	if s := a.Step; s != nil && (s.To < s.From || a.ClientID != "") {
		return fmt.Errorf("message %s: a step goes forward and is no request of a sender's", a.Message.ID)
	}
	return nil
}

// WaitForBroadcast applies a limit to the next broadcast, by when the earlier ones started, newest first.
func WaitForBroadcast(l store.BroadcastLimit, starts []int64, now int64) error {
	var wait int64
	if len(starts) > 0 {
		wait = starts[0] + l.Pause.Milliseconds() - now
	}
	if l.PerDay > 0 && len(starts) >= l.PerDay {
		wait = max(wait, starts[l.PerDay-1]+DayMillis-now)
	}
	if wait <= 0 {
		return nil
	}
	return &store.LimitedError{Wait: time.Duration(wait) * time.Millisecond}
}

// DayMillis is a day in milliseconds.
const DayMillis = 24 * 60 * 60 * 1000

// MaxStarts is how many starts WaitForBroadcast may look at.
const MaxStarts = 1000

// PlusOutside adds the users of a step who have no place in their inboxes.
func (a *Accept) PlusOutside(places map[string]Place) map[string]Place {
	if a.Step != nil {
		for userID, key := range a.Step.Outside {
			places[userID] = Place{User: key}
		}
	}
	return places
}

// errNotPausable is the answer to a state that nobody can ask for.
var errNotPausable = errors.New("a broadcast can be set Running, Paused or Cancelled")

// NextState is the state of an expansion after somebody asked for another one.
func NextState(now, to store.ExpansionState) (store.ExpansionState, error) {
	switch {
	case to != store.Running && to != store.Paused && to != store.Cancelled:
		return now, errNotPausable
	case now == to:
		return now, nil
	case now.Ended():
		return now, store.ErrEnded
	}
	return to, nil
}

// BroadcastsBefore is the id before which a page of broadcasts is.
func BroadcastsBefore(after string) (uuid.UUID, error) {
	if after == "" {
		return uuid.Max, nil
	}
	id, err := uuid.Parse(after)
	if err != nil {
		return id, store.ErrNotFound
	}
	return id, nil
}

// OldExpansions is the time before which ended expansions go: with the messages, but not before broadcasts of a day
// are counted.
func OldExpansions(before store.Cutoffs) int64 {
	return min(before.Messages.UnixMilli(), before.Idempotency.UnixMilli()-DayMillis)
}
