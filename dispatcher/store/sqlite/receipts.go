package sqlite

import (
	"context"
	"database/sql"

	"github.com/google/uuid"

	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/rules"
)

const traceReceipts = `SELECT d.push_id, r.event, r.code, r.reason, r.at FROM receipts r JOIN devices d ON d.device_key = r.device_key
	WHERE r.message_id = ?`

// AddReceipts implements store.Store. All receipts of one call are one change.
func (s *Store) AddReceipts(ctx context.Context, receipts []store.Receipt) ([]bool, error) {
	checked, err := rules.NewReceipts(receipts)
	if err != nil || len(checked) == 0 {
		return nil, err
	}
	added := make([]bool, len(checked))
	err = s.write(ctx, func(t *tx) error {
		for i, r := range checked {
			if added[i], err = t.addReceipt(r); err != nil {
				return err
			}
		}
		return nil
	})
	return added, err
}

// reported is a token that a receipt is about.
type reported struct {
	device, set int64
	kind        string
}

func (t *tx) addReceipt(r rules.Receipt) (added bool, err error) {
	var tokens []reported
	sel := r.Selector
	err = t.rows(`SELECT device_key, kind, set_at FROM tokens
		WHERE token_hash = ? AND vendor = ? AND app_type = ? AND environment = ?`, func(rows *sql.Rows) error {
		var token reported
		err := rows.Scan(&token.device, &token.kind, &token.set)
		tokens = append(tokens, token)
		return err
	}, r.Hash[:], sel.Vendor, sel.AppType, sel.Environment)
	if err != nil {
		return false, err
	}
	for _, token := range tokens {
		isNew, err := t.insertReceipt(r, token)
		if err != nil {
			return false, err
		}
		added = added || isNew
	}
	return added, nil
}

// insertReceipt stores a receipt; the first one that calls the token dead counts as an answer of the vendor.
func (t *tx) insertReceipt(r rules.Receipt, token reported) (added bool, err error) {
	at := t.now
	if !r.At.IsZero() {
		at = millis(r.At)
	}
	n, err := t.exec(`INSERT OR IGNORE INTO receipts (message_id, device_key, event, channel, code, reason, at) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		r.ID[:], token.device, string(r.Event), r.Channel, r.Code, r.Reason, at)
	if err != nil || n == 0 || !r.Kills() || at < token.set {
		return n > 0, err
	}
	_, err = t.exec(`UPDATE tokens SET channel = ?1, answered_at = ?2, invalid = 1,
			quarantined_at = CASE WHEN ?5 THEN quarantined_at ELSE coalesce(quarantined_at, ?2) END
		WHERE device_key = ?3 AND kind = ?4`, r.Channel, t.now, token.device, token.kind, r.KeepToken)
	return true, err
}

// tracedReceipts reads a message's receipts by push id.
func tracedReceipts(ctx context.Context, q *sql.Tx, id uuid.UUID) (map[string][]store.TraceReceipt, error) {
	rows, err := q.QueryContext(ctx, traceReceipts, id[:])
	if err != nil {
		return nil, err
	}
	out := map[string][]store.TraceReceipt{}
	err = each(rows, func(rows *sql.Rows) error {
		var pushID string
		var r store.TraceReceipt
		var at int64
		err := rows.Scan(&pushID, &r.Event, &r.Code, &r.Reason, &at)
		r.At = instant(at)
		out[pushID] = append(out[pushID], r)
		return err
	})
	return out, err
}
