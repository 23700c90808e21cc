package rules

import (
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/packed"
)

// Row is a delivery as it is settled.
type Row struct {
	ID      int64
	Message uuid.UUID
	Channel string
	// Rule is the one that decided to push.
	Rule    string
	Targets []packed.Target
}

// Kept is a row that is left of a delivery.
type Kept struct {
	store.Retry
	Stored []packed.Target
}

// Split finds the stored targets of a settlement: those of Retry in kept, those
// of Done in ended. It accounts for each of them exactly once, or the settlement is refused.
func (r Row) Split(s store.Settlement) (kept []Kept, ended []packed.Target, err error) {
	open := make(map[message.Target]packed.Target, len(r.Targets))
	for _, t := range r.Targets {
		open[t.Target] = t
	}
	take := func(t message.Target) (packed.Target, error) {
		stored, ok := open[t]
		if !ok {
			return stored, fmt.Errorf("delivery %d: device %d: %w", r.ID, t.Device, store.ErrNotTarget)
		}
		delete(open, t)
		return stored, nil
	}
	for _, d := range s.Done {
		t, takeErr := take(d.Target)
		ended, err = append(ended, t), errors.Join(err, takeErr, r.checkState(d.State))
	}
	for _, retry := range s.Retry {
		k := Kept{Retry: retry}
		for _, target := range retry.Targets {
			t, takeErr := take(target)
			k.Stored, err = append(k.Stored, t), errors.Join(err, takeErr)
		}
		kept = append(kept, k)
	}
	err = errors.Join(err, r.checkRetries(s.Retry))
	if len(open) > 0 {
		err = errors.Join(err, fmt.Errorf("delivery %d: %d targets are neither done nor retried", r.ID, len(open)))
	}
	return kept, ended, err
}

// checkRetries keeps rows without targets, which nobody would end, and too many of one delivery out of the store.
func (r Row) checkRetries(retries []store.Retry) error {
	if len(retries) > store.MaxRetries {
		return fmt.Errorf("delivery %d: %d retries, at most %d may be left of it", r.ID, len(retries), store.MaxRetries)
	}
	for _, retry := range retries {
		if len(retry.Targets) == 0 {
			return fmt.Errorf("delivery %d: a retry has no targets", r.ID)
		}
	}
	return nil
}

// checkState keeps a state that the account does not have out of it.
func (r Row) checkState(s message.State) error {
	switch s {
	case message.Handed, message.Failed, message.Expired, message.Cancelled, message.Quarantined, message.Suppressed:
		return nil
	case message.Pending:
	}
	return fmt.Errorf("delivery %d: %q does not end a target", r.ID, s)
}
