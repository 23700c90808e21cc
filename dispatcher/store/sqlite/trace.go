package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"github.com/google/uuid"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/packed"
	"github.com/offlinepush/operator/dispatcher/store/rules"
)

// Trace implements store.Store: what has ended comes from outcomes, what is
// pending from the deliveries, both in one snapshot.
func (s *Store) Trace(ctx context.Context, messageID string) ([]store.Trace, error) {
	id, err := uuid.Parse(messageID)
	if err != nil {
		return nil, store.ErrNotFound
	}
	snapshot, err := s.reader.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, s.explain(err)
	}
	lines, err := trace(ctx, snapshot, id)
	if err = errors.Join(err, snapshot.Commit()); err != nil {
		return nil, s.explain(err)
	}
	rules.SortTrace(lines)
	return lines, nil
}

func trace(ctx context.Context, q *sql.Tx, id uuid.UUID) ([]store.Trace, error) {
	lines, err := tracedOutcomes(ctx, q, id)
	if err != nil {
		return nil, err
	}
	pending, err := tracedDeliveries(ctx, q, id)
	if err != nil {
		return nil, err
	}
	if lines = append(lines, pending...); len(lines) > 0 {
		receipts, err := tracedReceipts(ctx, q, id)
		rules.AttachReceipts(lines, receipts)
		return lines, err
	}
	var known int
	err = q.QueryRowContext(ctx, `SELECT 1 FROM messages WHERE message_id = ?`, id[:]).Scan(&known)
	return nil, missing(err)
}

func tracedOutcomes(ctx context.Context, q *sql.Tx, id uuid.UUID) (lines []store.Trace, err error) {
	rows, err := q.QueryContext(ctx, traceOutcomes, id[:])
	if err != nil {
		return nil, err
	}
	err = each(rows, func(rows *sql.Rows) error {
		var l store.Trace
		var at int64
		err := rows.Scan(&l.Device, &l.UserID, &l.PushID, &l.Channel, &l.Rule, &l.State, &l.Reason, &l.Code, &l.Detail, &l.VendorMessageID, &at)
		l.At = instant(at)
		lines = append(lines, l)
		return err
	})
	return lines, err
}

func tracedDeliveries(ctx context.Context, q *sql.Tx, id uuid.UUID) (lines []store.Trace, err error) {
	type row struct {
		line    store.Trace
		targets []byte
		at      int64
	}
	var found []row
	rows, err := q.QueryContext(ctx, traceDeliveries, id[:])
	if err != nil {
		return nil, err
	}
	err = each(rows, func(rows *sql.Rows) error {
		r := row{line: store.Trace{State: message.Pending}}
		err := rows.Scan(&r.line.Channel, &r.line.Rule, &r.targets, &r.line.Reason, &r.line.Code, &r.line.Detail, &r.at)
		found = append(found, r)
		return err
	})
	for _, r := range found {
		targets, decodeErr := packed.Decode(r.targets)
		err = errors.Join(err, decodeErr)
		r.line.At = instant(r.at)
		for _, t := range targets {
			r.line.Device = t.Device
			err = errors.Join(err, q.QueryRowContext(ctx, traceNames, t.User, t.Device).Scan(&r.line.UserID, &r.line.PushID))
			lines = append(lines, r.line)
		}
	}
	return lines, err
}

// A device that is gone has no push id any more, and what is for a device alone has no user.
const (
	traceOutcomes = `SELECT o.device_key, coalesce(u.user_id, ''), coalesce(d.push_id, ''), o.channel, o.rule, o.state, o.reason, o.code, o.detail,
			o.vendor_message_id, o.at
		FROM outcomes o LEFT JOIN users u ON u.user_key = o.user_key LEFT JOIN devices d ON d.device_key = o.device_key
		WHERE o.message_id = ? ORDER BY o.outcome_id`
	traceDeliveries = `SELECT channel, rule, targets, last_class, last_code, last_detail, changed_at
		FROM deliveries WHERE message_id = ? ORDER BY delivery_id`
	traceNames = `SELECT coalesce((SELECT user_id FROM users WHERE user_key = ?1), ''),
		coalesce((SELECT push_id FROM devices WHERE device_key = ?2), '')`
)
