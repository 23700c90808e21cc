package postgres

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/rules"
)

const (
	findCall = `SELECT data FROM @.calls WHERE call_id = $1`
	dueCalls = `SELECT call_id, due_at FROM @.calls WHERE due_at <= $1 ORDER BY due_at, call_id LIMIT $2`
	// lockCalls locks them in their order, behind the idempotency keys and before the users.
	lockCalls = `SELECT call_id, version FROM @.calls WHERE call_id = ANY($1::text[]) ORDER BY call_id FOR UPDATE`
	// insertCalls waits for another transaction that begins the same call, and fails when that commits.
	insertCalls = `INSERT INTO @.calls (call_id, version, due_at, data, changed_at)
		SELECT n.*, ` + now + ` FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[]) AS n`
	updateCalls = `UPDATE @.calls c SET version = n.version, due_at = n.due_at, data = n.data, changed_at = ` + now + `
		FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[]) AS n(call_id, version, due_at, data)
		WHERE c.call_id = n.call_id`
	pruneCalls = `DELETE FROM @.calls WHERE ctid = ANY (ARRAY (SELECT ctid FROM @.calls
		WHERE due_at IS NULL AND changed_at < $1 ORDER BY changed_at, call_id LIMIT $2 FOR UPDATE SKIP LOCKED))`
)

// Call implements store.Store.
func (s *Store) Call(ctx context.Context, id string) (message.Call, error) {
	var data string
	if err := s.row(ctx, findCall, id).Scan(&data); err != nil {
		return message.Call{}, explain(missing(err))
	}
	return rules.CallOf(id, data)
}

// DueCalls implements store.Store.
func (s *Store) DueCalls(ctx context.Context, until time.Time, limit int) (due []store.DueCall, err error) {
	err = s.rows(ctx, dueCalls, func(row pgx.CollectableRow) error {
		var c store.DueCall
		var at int64
		err := row.Scan(&c.ID, &at)
		c.At = instant(at)
		due = append(due, c)
		return err
	}, millis(until), limit)
	return due, err
}

// lockCalls reads the versions of the calls that the batch changes, if any.
func (a *accepting) lockCalls(b *batch) {
	ids := map[string]bool{}
	for _, r := range a.batch {
		if r.Also.Call != nil {
			ids[r.Also.Call.ID] = true
		}
	}
	if len(ids) == 0 {
		return
	}
	b.add(lockCalls, slices.Sorted(maps.Keys(ids))).Query(func(rows pgx.Rows) error {
		var id string
		var version int64
		_, err := pgx.ForEachRow(rows, []any{&id, &version}, func() error {
			a.calls[id] = version
			return nil
		})
		return err
	})
}

func (a *accepting) refuseStale(r *acceptRequest) error {
	if r.Stale(a.calls) {
		return store.ErrStale
	}
	return nil
}

// advance notes what the request makes of its call.
func (r *acceptRequest) advance(versions map[string]int64) {
	if c := r.Also.Call; c != nil {
		versions[c.ID] = c.Version
	}
}

// begunTwice reports that another process has just begun a call under the same id.
func begunTwice(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && e.Code == "23505" && e.ConstraintName == "calls_pkey"
}

// changeCalls writes the last step of each call.
func (a *accepting) changeCalls(b *batch) {
	last, first := map[string]*acceptRequest{}, map[string]int64{}
	for _, r := range a.accepted {
		c := r.Also.Call
		if c == nil {
			continue
		}
		if last[c.ID] == nil {
			first[c.ID] = c.Version
		}
		last[c.ID] = r
	}
	var made, changed callRows
	for _, id := range slices.Sorted(maps.Keys(last)) {
		if first[id] == 1 {
			made.add(last[id])
		} else {
			changed.add(last[id])
		}
	}
	if len(made.ids) > 0 {
		b.add(insertCalls, made.ids, made.versions, made.dues, made.data)
	}
	if len(changed.ids) > 0 {
		b.add(updateCalls, changed.ids, changed.versions, changed.dues, changed.data)
	}
}

// callRows are calls as columns.
type callRows struct {
	ids, data []string
	versions  []int64
	dues      []*int64
}

func (c *callRows) add(r *acceptRequest) {
	c.ids, c.versions = append(c.ids, r.Also.Call.ID), append(c.versions, r.Also.Call.Version)
	c.dues, c.data = append(c.dues, r.CallDue()), append(c.data, *r.Call)
}
