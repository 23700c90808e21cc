package sqlite

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"maps"
	"slices"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/rules"
)

const (
	recordColumns = deviceColumns + `, d.seen_at,
		(SELECT json_group_object(t.kind, t.value) FROM tokens t WHERE t.device_key = d.device_key)`
	recordByID  = `SELECT ` + recordColumns + ` FROM devices d LEFT JOIN users u ON u.user_key = d.user_key WHERE d.push_id = ?`
	recordsFrom = `SELECT ` + recordColumns + ` FROM devices d LEFT JOIN users u ON u.user_key = d.user_key
		WHERE d.device_key > ? AND (d.user_key IS NOT NULL OR EXISTS (SELECT 1 FROM tokens t WHERE t.device_key = d.device_key))
		ORDER BY d.device_key LIMIT ?`
)

// recordRow takes one row of recordColumns.
type recordRow struct {
	deviceRow
	seen   int64
	tokens string
}

func (r *recordRow) dest() []any { return append(r.deviceRow.dest(), &r.seen, &r.tokens) }

func (r *recordRow) result() (store.Record, error) {
	out := store.Record{Device: r.deviceRow.result(), SeenAt: instant(r.seen)}
	return out, json.Unmarshal([]byte(r.tokens), &out.Tokens)
}

// Export implements store.Store.
func (s *Store) Export(ctx context.Context, after int64, limit int) ([]store.Record, error) {
	var out []store.Record
	err := s.reader.rows(ctx, recordsFrom, func(rows *sql.Rows) error {
		var r recordRow
		if err := rows.Scan(r.dest()...); err != nil {
			return err
		}
		record, err := r.result()
		out = append(out, rules.Exported(record))
		return err
	}, after, limit)
	return out, s.explain(err)
}

// Import implements store.Store.
func (s *Store) Import(ctx context.Context, records []store.Record) []store.Imported {
	out := make([]store.Imported, len(records))
	changes := make([]change, 0, len(records))
	index := make([]int, 0, len(records)) // of each change's record
	for i, r := range records {
		checked, err := rules.NewRecord(r)
		if err != nil {
			out[i].Err = err
			continue
		}
		index = append(index, i)
		changes = append(changes, func(t *tx) (err error) {
			out[i], err = t.take(checked)
			return err
		})
	}
	for i, err := range s.writeAll(ctx, changes) {
		if err != nil {
			out[index[i]] = store.Imported{Err: err}
		}
	}
	return out
}

// take stores a record unless what is known is of the same time or later.
func (t *tx) take(r store.Record) (out store.Imported, err error) {
	known, err := t.known(r.Device.PushID)
	if err != nil {
		return out, err
	}
	claims, err := t.claims(r)
	if err != nil {
		return out, err
	}
	var device int64
	if known != nil {
		device = known.Device.Key
	}
	open, err := t.unconfirmed(device, r.Tokens)
	if err != nil {
		return out, err
	}
	switch out.Outcome = rules.Import(known, r, claims); out.Outcome {
	case store.ImportCreated:
		out.Changes, err = t.create(r)
	case store.ImportUpdated:
		out.Changes, err = t.replace(known.Device, r)
	case store.ImportUnchanged, store.ImportOutdated:
	}
	out.Unconfirmed = rules.Unconfirmed(open, out.Changes)
	return out, err
}

// known reads the store's own state of a device; nil when there is none.
func (t *tx) known(pushID string) (*store.Record, error) {
	var row recordRow
	err := t.row(recordByID, row.dest(), pushID)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil //nolint:nilnil // A device that is not known is no error.
	}
	if err != nil {
		return nil, err
	}
	r, err := row.result()
	return &r, err
}

// claims reads when the devices that hold one of the tokens were seen.
func (t *tx) claims(r store.Record) (seen []int64, err error) {
	sel := r.Device.Selector
	for kind, value := range r.Tokens {
		hash := sha256.Sum256([]byte(value))
		err = t.rows(`SELECT d.seen_at FROM tokens t CROSS JOIN devices d ON d.device_key = t.device_key
			WHERE t.token_hash = ? AND t.vendor = ? AND t.app_type = ? AND t.environment = ? AND t.kind = ?`,
			func(rows *sql.Rows) error {
				var at int64
				err := rows.Scan(&at)
				seen = append(seen, at)
				return err
			}, hash[:], sel.Vendor, sel.AppType, sel.Environment, string(kind))
		if err != nil {
			return nil, err
		}
	}
	return seen, nil
}

// create makes a device as it was elsewhere. No push can be open for it, so that its own epoch is no change.
func (t *tx) create(r store.Record) ([]store.EpochChange, error) {
	d, err := t.insertDevice(r.Device, r.SeenAt)
	if err != nil {
		return nil, err
	}
	user, err := t.userOf(r)
	if err != nil {
		return nil, err
	}
	if user != nil {
		if _, err := t.exec(`UPDATE devices SET user_key = ?, login_at = seen_at WHERE device_key = ?`, *user, d.Key); err != nil {
			return nil, err
		}
		if err := t.openCursor(d.Key, *user); err != nil {
			return nil, err
		}
	}
	changes, err := t.setTokens(d, r.Tokens, r.SeenAt)
	if err != nil || user == nil {
		return changes, err
	}
	evicted, err := t.evict(*user, nobody)
	return append(changes, evicted...), err
}

// replace makes a known device what it was elsewhere later.
func (t *tx) replace(former message.Device, r store.Record) (changes []store.EpochChange, err error) {
	d := r.Device
	d.Key = former.Key
	if err := t.dropTokens(d.Key, r); err != nil {
		return nil, err
	}
	if _, err := t.exec(`UPDATE devices SET secret_hash = ?, vendor = ?, app_type = ?, region = ?, environment = ?, platform = ?,
			registered_at = ?, seen_at = ? WHERE device_key = ?`,
		d.SecretHash[:], d.Selector.Vendor, d.Selector.AppType, d.Selector.Region, d.Selector.Environment, d.Platform,
		millis(d.RegisteredAt), millis(r.SeenAt), d.Key); err != nil {
		return nil, err
	}
	if changes, err = t.setTokens(d, r.Tokens, r.SeenAt); err != nil || !rules.Moves(former, d) {
		return changes, err
	}
	user, err := t.userOf(r)
	if err != nil {
		return nil, err
	}
	changed, err := t.rebind(former, user, millis(r.SeenAt))
	if err != nil {
		return nil, err
	}
	changes = append(changes, changed)
	if user == nil {
		return changes, nil
	}
	if err := t.openCursor(d.Key, *user); err != nil {
		return nil, err
	}
	evicted, err := t.evict(*user, nobody)
	return append(changes, evicted...), err
}

// dropTokens deletes the tokens of the kinds that the device has no more.
func (t *tx) dropTokens(device int64, r store.Record) error {
	kept := slices.AppendSeq([]message.TokenKind{}, maps.Keys(r.Tokens)) // never nil, which is null in JSON
	kinds, err := json.Marshal(kept)
	if err != nil {
		return err
	}
	_, err = t.exec(`DELETE FROM tokens WHERE device_key = ? AND kind NOT IN (SELECT value FROM json_each(?) j)`, device, string(kinds))
	return err
}

// userOf finds or makes the record's user; nil when it has none.
func (t *tx) userOf(r store.Record) (*int64, error) {
	if r.Device.UserID == "" {
		return nil, nil //nolint:nilnil // Nobody is bound.
	}
	key, err := t.user(r.Device.UserID)
	return &key, err
}
