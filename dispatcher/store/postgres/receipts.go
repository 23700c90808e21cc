package postgres

import (
	"cmp"
	"context"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/rules"
)

const (
	// noteDead takes a first report that a token is dead as an answer of the vendor. It locks the tokens in
	// their order, which the plan of an update alone would not keep.
	noteDead = `UPDATE @.tokens t SET channel = a.channel, answered_at = ` + now + `, invalid = true,
			quarantined_at = CASE WHEN a.quarantine THEN coalesce(t.quarantined_at, ` + now + `) ELSE t.quarantined_at END
		FROM (SELECT t.device_key, t.kind, r.channel, r.quarantine
			FROM unnest($1::uuid[], $2::text[], $3::bytea[], $4::text[], $5::integer[], $6::text[], $7::bigint[], $8::boolean[])
				AS r(message_id, channel, token_hash, vendor, app_type, environment, at, quarantine)
			JOIN @.tokens t ON t.token_hash = r.token_hash AND t.vendor = r.vendor AND t.app_type = r.app_type
				AND t.environment = r.environment AND (r.at = 0 OR t.set_at <= r.at)
			WHERE NOT EXISTS (SELECT 1 FROM @.receipts x
				WHERE x.message_id = r.message_id AND x.device_key = t.device_key AND x.event = 'InvalidToken')
			ORDER BY t.device_key, t.kind FOR NO KEY UPDATE OF t) AS a
		WHERE t.device_key = a.device_key AND t.kind = a.kind`
	// insertReceipts tells which receipts are new, of two in one batch the first one.
	insertReceipts = `WITH found AS (
			SELECT r.n, r.message_id, t.device_key, r.event, r.channel, r.code, r.reason, r.at
			FROM unnest($1::uuid[], $2::text[], $3::bytea[], $4::text[], $5::integer[], $6::text[], $7::bigint[],
					$8::text[], $9::text[], $10::text[]) WITH ORDINALITY
				AS r(message_id, channel, token_hash, vendor, app_type, environment, at, event, code, reason, n)
			JOIN @.tokens t ON t.token_hash = r.token_hash AND t.vendor = r.vendor AND t.app_type = r.app_type
				AND t.environment = r.environment),
		added AS (
			INSERT INTO @.receipts (message_id, device_key, event, channel, code, reason, at)
			SELECT message_id, device_key, event, channel, code, reason, CASE WHEN at = 0 THEN ` + now + ` ELSE at END
			FROM found ORDER BY message_id, device_key, event, n
			ON CONFLICT DO NOTHING RETURNING message_id, device_key, event)
		SELECT min(f.n) FROM added a
		JOIN found f ON f.message_id = a.message_id AND f.device_key = a.device_key AND f.event = a.event
		GROUP BY a.message_id, a.device_key, a.event`
	traceReceipts = `SELECT d.push_id, r.event, r.code, r.reason, r.at FROM @.receipts r JOIN @.devices d ON d.device_key = r.device_key
		WHERE r.message_id = $1`
)

// receiptRequest is one call of a batch and its answer.
type receiptRequest struct {
	receipts []rules.Receipt
	added    []bool
}

// AddReceipts implements store.Store.
func (s *Store) AddReceipts(ctx context.Context, receipts []store.Receipt) ([]bool, error) {
	checked, err := rules.NewReceipts(receipts)
	if err != nil || len(checked) == 0 {
		return nil, err
	}
	r := &receiptRequest{receipts: checked}
	if err := s.receipts.Do(ctx, r); err != nil {
		return nil, explain(err)
	}
	return r.added, nil
}

func commitReceipts(ctx context.Context, t *tx, batch []*receiptRequest) error {
	var all, dead reportColumns
	var days []partition
	var answers []*bool // in the order of the rows
	for _, r := range batch {
		r.added = make([]bool, len(r.receipts))
		for i, receipt := range r.receipts {
			all.add(receipt)
			answers = append(answers, &r.added[i])
			days = append(days, partition{table: receiptsTable, day: dayOfID(receipt.ID)})
			if receipt.Kills() {
				dead.add(receipt)
			}
		}
	}
	slices.SortFunc(days, func(a, b partition) int { return cmp.Compare(a.day, b.day) })
	if err := t.ensure(ctx, slices.Compact(days)); err != nil {
		return err
	}
	b := t.batch()
	if c := &dead; len(c.messages) > 0 {
		b.add(noteDead, c.messages, c.channels, c.hashes, c.vendors, c.appTypes, c.environments, c.times, c.quarantines)
	}
	c := &all
	b.add(insertReceipts, c.messages, c.channels, c.hashes, c.vendors, c.appTypes, c.environments, c.times,
		c.events, c.codes, c.reasons).Query(func(rows pgx.Rows) error {
		var n int64
		_, err := pgx.ForEachRow(rows, []any{&n}, func() error {
			*answers[n-1] = true
			return nil
		})
		return err
	})
	return t.run(ctx, b)
}

// reportColumns are receipts as columns.
type reportColumns struct {
	messages                        [][16]byte
	channels, vendors, environments []string
	events, codes, reasons          []string
	hashes                          [][]byte
	appTypes                        []int32
	times                           []int64 // 0 for now
	quarantines                     []bool
}

func (c *reportColumns) add(r rules.Receipt) {
	c.messages, c.channels, c.hashes = append(c.messages, r.ID), append(c.channels, r.Channel), append(c.hashes, r.Hash[:])
	c.vendors, c.appTypes = append(c.vendors, r.Selector.Vendor), append(c.appTypes, r.Selector.AppType)
	c.environments, c.quarantines = append(c.environments, r.Selector.Environment), append(c.quarantines, !r.KeepToken)
	c.events, c.codes, c.reasons = append(c.events, string(r.Event)), append(c.codes, text(r.Code)), append(c.reasons, text(r.Reason))
	at := int64(0)
	if !r.At.IsZero() {
		at = millis(r.At)
	}
	c.times = append(c.times, at)
}

// reported reads a message's receipts by push id.
func (s *Store) reported(ctx context.Context, id uuid.UUID) (map[string][]store.TraceReceipt, error) {
	out := map[string][]store.TraceReceipt{}
	err := s.rows(ctx, traceReceipts, func(row pgx.CollectableRow) error {
		var pushID string
		var r store.TraceReceipt
		var at int64
		err := row.Scan(&pushID, &r.Event, &r.Code, &r.Reason, &at)
		r.At = instant(at)
		out[pushID] = append(out[pushID], r)
		return err
	}, id)
	return out, err
}
