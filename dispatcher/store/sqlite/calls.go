package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/rules"
)

// oldCalls are over: nothing happens to them by itself.
const oldCalls = `SELECT call_id FROM calls WHERE due_at IS NULL AND changed_at < ? ORDER BY changed_at, call_id LIMIT ?`

// Call implements store.Store.
func (s *Store) Call(ctx context.Context, id string) (message.Call, error) {
	var data string
	if err := s.reader.row(ctx, `SELECT data FROM calls WHERE call_id = ?`, []any{&data}, id); err != nil {
		return message.Call{}, s.explain(missing(err))
	}
	return rules.CallOf(id, data)
}

// DueCalls implements store.Store.
func (s *Store) DueCalls(ctx context.Context, until time.Time, limit int) (due []store.DueCall, err error) {
	err = s.reader.rows(ctx, `SELECT call_id, due_at FROM calls WHERE due_at <= ? ORDER BY due_at, call_id LIMIT ?`,
		func(rows *sql.Rows) error {
			var c store.DueCall
			var at int64
			err := rows.Scan(&c.ID, &at)
			c.At = instant(at)
			due = append(due, c)
			return err
		}, millis(until), limit)
	return due, s.explain(err)
}

// current refuses a step of a call that somebody else changed meanwhile.
func (a accept) current(t *tx) error {
	c := a.Also.Call
	if c == nil {
		return nil
	}
	var version int64
	err := t.row(`SELECT version FROM calls WHERE call_id = ?`, []any{&version}, c.ID)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if a.Stale(map[string]int64{c.ID: version}) {
		return store.ErrStale
	}
	return nil
}

func (a accept) changeCall(t *tx) error {
	c := a.Also.Call
	if c == nil {
		return nil
	}
	_, err := t.exec(`INSERT INTO calls (call_id, version, due_at, changed_at, data) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (call_id) DO UPDATE SET
			version = excluded.version, due_at = excluded.due_at, changed_at = excluded.changed_at, data = excluded.data`,
		c.ID, c.Version, a.CallDue(), t.now, *a.Call)
	return err
}
