package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/packed"
)

// Settle implements store.Store. All settlements of one call are one change.
func (s *Store) Settle(ctx context.Context, settlements []store.Settlement) error {
	if len(settlements) == 0 {
		return nil
	}
	return s.write(ctx, func(t *tx) error {
		lease, err := t.lease()
		if err != nil {
			return err
		}
		for _, settlement := range settlements {
			if err := t.settle(lease, settlement); err != nil {
				return err
			}
		}
		return nil
	})
}

// row is a delivery as it is settled.
type row struct {
	id      int64
	message uuid.UUID
	channel string
	targets []packed.Target
}

func (t *tx) settle(lease int64, s store.Settlement) error {
	r, err := t.owned(lease, s.DeliveryID)
	if err != nil {
		return err
	}
	kept, ended, err := split(r, s)
	if err != nil {
		return err
	}
	for i, done := range s.Done {
		if err := t.done(r, ended[i], done); err != nil {
			return err
		}
	}
	return t.keep(r, kept, s.Retry)
}

// owned reads a delivery that this process may write. One that is gone was
// settled by somebody, so it is not ours either.
func (t *tx) owned(lease, id int64) (row, error) {
	r := row{id: id}
	var owner int64
	var targets []byte
	err := t.row(`SELECT message_id, channel, owner, targets FROM deliveries WHERE delivery_id = ?`,
		[]any{&r.message, &r.channel, &owner, &targets}, id)
	switch {
	case errors.Is(err, sql.ErrNoRows), err == nil && (lease == nobody || owner != lease):
		return row{}, fmt.Errorf("delivery %d: %w", id, store.ErrLeaseLost)
	case err != nil:
		return row{}, err
	}
	if r.targets, err = packed.Decode(targets); err != nil {
		return row{}, fmt.Errorf("delivery %d: %w", id, err)
	}
	return r, nil
}

// split finds the stored targets of a settlement. It accounts for each of them
// exactly once, or the settlement is refused.
func split(r row, s store.Settlement) (kept, ended []packed.Target, err error) {
	open := make(map[message.Target]packed.Target, len(r.targets))
	for _, t := range r.targets {
		open[t.Target] = t
	}
	take := func(t message.Target) (packed.Target, error) {
		stored, ok := open[t]
		if !ok {
			return stored, fmt.Errorf("delivery %d: device %d is settled twice or is no target", r.id, t.Device)
		}
		delete(open, t)
		return stored, nil
	}
	for _, d := range s.Done {
		t, takeErr := take(d.Target)
		ended, err = append(ended, t), errors.Join(err, takeErr)
	}
	if s.Retry != nil {
		for _, target := range s.Retry.Targets {
			t, takeErr := take(target)
			kept, err = append(kept, t), errors.Join(err, takeErr)
		}
	}
	if len(open) > 0 {
		err = errors.Join(err, fmt.Errorf("delivery %d: %d targets are neither done nor retried", r.id, len(open)))
	}
	return kept, ended, err
}

func (t *tx) done(r row, target packed.Target, d store.TargetResult) error {
	if err := checkState(d.State); err != nil {
		return fmt.Errorf("delivery %d: %w", r.id, err)
	}
	if err := t.answered(r.channel, d); err != nil {
		return err
	}
	return t.outcome(outcome{
		message: r.message, user: target.User, device: target.Device, channel: r.channel,
		state: d.State, reason: d.Reason, vendor: d.Outcome,
	})
}

// checkState keeps a state that the account does not have out of it.
func checkState(s message.State) error {
	switch s {
	case message.Handed, message.Failed, message.Expired, message.Cancelled, message.Quarantined, message.Suppressed:
		return nil
	case message.Pending:
	}
	return fmt.Errorf("%q does not end a target", s)
}

// keep leaves the rest of a delivery as the same row, or ends it.
func (t *tx) keep(r row, kept []packed.Target, retry *store.Retry) error {
	if len(kept) == 0 {
		_, err := t.exec(`DELETE FROM deliveries WHERE delivery_id = ?`, r.id)
		return err
	}
	_, err := t.exec(`UPDATE deliveries SET targets = ?, target_count = ?, attempt = ?, due_at = ?,
			last_class = ?, last_code = ?, last_detail = ?, changed_at = ? WHERE delivery_id = ?`,
		packed.Encode(kept), len(kept), retry.Attempt, millis(retry.DueAt),
		string(retry.Last.Class), retry.Last.Code, retry.Last.Detail, t.now, r.id)
	return err
}
