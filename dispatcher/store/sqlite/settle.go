package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/packed"
	"github.com/offlinepush/operator/dispatcher/store/rules"
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

func (t *tx) settle(lease int64, s store.Settlement) error {
	r, err := t.owned(lease, s.DeliveryID)
	if err != nil {
		return err
	}
	kept, ended, err := r.Split(s)
	if err != nil {
		return err
	}
	for i, done := range s.Done {
		if err := t.done(r, ended[i], done); err != nil {
			return err
		}
	}
	return t.keep(r.ID, kept)
}

// settledRow is a delivery with the vendor's last answer before the settlement.
type settledRow struct {
	rules.Row
	last message.Outcome
}

// owned reads a delivery that this process may write. One that is gone was
// settled by somebody, so it is not ours either.
func (t *tx) owned(lease, id int64) (settledRow, error) {
	r := settledRow{Row: rules.Row{ID: id}}
	var owner int64
	var targets []byte
	err := t.row(`SELECT message_id, channel, rule, owner, targets, last_class, last_code, last_detail
		FROM deliveries WHERE delivery_id = ?`,
		[]any{&r.Message, &r.Channel, &r.Rule, &owner, &targets, &r.last.Class, &r.last.Code, &r.last.Detail}, id)
	switch {
	case errors.Is(err, sql.ErrNoRows), err == nil && (lease == nobody || owner != lease):
		return settledRow{}, fmt.Errorf("delivery %d: %w", id, store.ErrLeaseLost)
	case err != nil:
		return settledRow{}, err
	}
	if r.Targets, err = packed.Decode(targets); err != nil {
		return settledRow{}, fmt.Errorf("delivery %d: %w", id, err)
	}
	return r, nil
}

func (t *tx) done(r settledRow, target packed.Target, d store.TargetResult) error {
	if err := t.answered(r.Channel, d); err != nil {
		return err
	}
	if err := t.die(r, target, d); err != nil {
		return err
	}
	return t.outcome(outcome{
		message: r.Message, user: target.User, device: target.Device, channel: r.Channel,
		rule: r.Rule, state: d.State, reason: d.Reason, vendor: d.Outcome, inDoubt: d.InDoubt,
	})
}

// nowUnlessInDoubt keeps what tells that a row was left behind, until a vendor was called.
const nowUnlessInDoubt = `CASE WHEN attempt = 0 AND changed_at < (SELECT acquired_at FROM leases) THEN changed_at ELSE ? END`

// splitOff adds a row that is like the one it comes from, but for its targets and what their outcomes say.
const splitOff = `INSERT INTO deliveries
		(message_id, channel, rule, priority, owner, expires_at,
			targets, target_count, attempt, due_at, last_class, last_code, last_detail, changed_at)
	SELECT message_id, channel, rule, priority, owner, expires_at, ?, ?, ?, ?, ?, ?, ?, ` + nowUnlessInDoubt + ` FROM deliveries WHERE delivery_id = ?`

// keepRow leaves a part of a delivery as the row that it was.
const keepRow = `UPDATE deliveries SET targets = ?, target_count = ?, attempt = ?, due_at = ?,
		last_class = ?, last_code = ?, last_detail = ?, changed_at = ` + nowUnlessInDoubt + ` WHERE delivery_id = ?`

// keep leaves the rest of a delivery as the same row and further ones, or ends it.
func (t *tx) keep(id int64, kept []rules.Kept) error {
	if len(kept) == 0 {
		_, err := t.exec(`DELETE FROM deliveries WHERE delivery_id = ?`, id)
		return err
	}
	for i, k := range slices.Backward(kept) {
		query := splitOff
		if i == 0 { // the last one, because the others come from it
			query = keepRow
		}
		if _, err := t.exec(query, packed.Encode(k.Stored), len(k.Stored), k.Attempt, millis(k.DueAt),
			string(k.Last.Class), k.Last.Code, k.Last.Detail, t.now, id); err != nil {
			return err
		}
	}
	return nil
}
