package postgres

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/packed"
	"github.com/offlinepush/operator/dispatcher/store/rules"
)

// One statement is one snapshot of what has ended and what is pending. A
// device that is gone has no push id any more, and what is for a device alone has no user.
const (
	traceMessage = `SELECT o.device_key, coalesce(u.user_id, ''), coalesce(d.push_id, ''), o.channel, o.rule, o.state, o.reason, o.code, o.detail,
			o.vendor_message_id, o.at, NULL::bytea, 1 AS part, o.outcome_id AS id
		FROM @.outcomes o LEFT JOIN @.users u ON u.user_key = o.user_key LEFT JOIN @.devices d ON d.device_key = o.device_key
		WHERE o.message_id = $1
		UNION ALL SELECT 0, '', '', channel, rule, 'Pending', last_class, last_code, last_detail, '', changed_at, targets, 2, delivery_id
		FROM @.deliveries WHERE message_id = $1
		ORDER BY part, id`
	traceNames = `SELECT coalesce(u.user_id, ''), coalesce(d.push_id, '') FROM unnest($1::bigint[], $2::bigint[]) WITH ORDINALITY AS t(user_key, device_key, n)
		LEFT JOIN @.users u ON u.user_key = t.user_key LEFT JOIN @.devices d ON d.device_key = t.device_key ORDER BY t.n`
	knownMessage = `SELECT 1 FROM @.messages WHERE message_id = $1`
)

// Trace implements store.Store.
func (s *Store) Trace(ctx context.Context, messageID string) ([]store.Trace, error) {
	id, err := uuid.Parse(messageID)
	if err != nil {
		return nil, store.ErrNotFound
	}
	lines, pending, err := s.traced(ctx, id)
	if err != nil {
		return nil, err
	}
	if lines, err = s.named(ctx, lines, pending); err != nil {
		return nil, err
	}
	if len(lines) == 0 {
		var known int
		return nil, explain(missing(s.row(ctx, knownMessage, id).Scan(&known)))
	}
	receipts, err := s.reported(ctx, id)
	if err != nil {
		return nil, err
	}
	rules.AttachReceipts(lines, receipts)
	rules.SortTrace(lines)
	return lines, nil
}

// pendingRow is a delivery's line, which is one for each of its targets.
type pendingRow struct {
	line    store.Trace
	targets []packed.Target
}

func (s *Store) traced(ctx context.Context, id uuid.UUID) (lines []store.Trace, pending []pendingRow, err error) {
	err = s.rows(ctx, traceMessage, func(row pgx.CollectableRow) error {
		var l store.Trace
		var at, part, id int64
		var targets []byte
		err := row.Scan(&l.Device, &l.UserID, &l.PushID, &l.Channel, &l.Rule, &l.State, &l.Reason, &l.Code, &l.Detail,
			&l.VendorMessageID, &at, &targets, &part, &id)
		if l.At = instant(at); err != nil || targets == nil {
			lines = append(lines, l)
			return err
		}
		decoded, err := packed.Decode(targets)
		pending = append(pending, pendingRow{l, decoded})
		return err
	}, id)
	return lines, pending, err
}

// named adds the lines of what is pending, with the names of users and devices.
func (s *Store) named(ctx context.Context, lines []store.Trace, pending []pendingRow) ([]store.Trace, error) {
	var users, devices []int64
	var open []store.Trace
	for _, p := range pending {
		for _, t := range p.targets {
			p.line.Device = t.Device
			users, devices, open = append(users, t.User), append(devices, t.Device), append(open, p.line)
		}
	}
	if len(open) == 0 {
		return lines, nil
	}
	i := 0
	err := s.rows(ctx, traceNames, func(row pgx.CollectableRow) error {
		err := row.Scan(&open[i].UserID, &open[i].PushID)
		i++
		return err
	}, users, devices)
	return append(lines, open...), err
}
