package postgres

import (
	"bytes"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/offlinepush/operator/dispatcher/store"
)

const (
	// lockMessages waits for other transactions that take the same messages back.
	lockMessages = `SELECT message_id, recalled_at IS NULL FROM @.messages WHERE message_id = ANY($1::uuid[])
		ORDER BY message_id FOR UPDATE`
	emptyMessages = `UPDATE @.messages SET body = '', push = NULL, recalled_at = ` + now + `, detail = CASE
			WHEN detail::jsonb ->> 'groupID' IS NOT NULL THEN jsonb_build_object('groupID', detail::jsonb ->> 'groupID')::text END
		WHERE message_id = ANY($1::uuid[])`
)

// lockRecalled finds the messages that the batch takes back.
func (a *accepting) lockRecalled(b *batch) {
	ids := recalledBy(a.batch)
	if len(ids) == 0 {
		return
	}
	b.add(lockMessages, ids).Query(func(rows pgx.Rows) error {
		var id uuid.UUID
		var possible bool
		_, err := pgx.ForEachRow(rows, []any{&id, &possible}, func() error {
			a.known[id] = possible
			return nil
		})
		return err
	})
}

func (a *accepting) refuseRecall(r *acceptRequest) error {
	possible, known := a.known[r.Recalls]
	switch {
	case r.Recalls == uuid.Nil || possible:
		return nil
	case known:
		return store.ErrRecalled
	}
	return store.ErrNotFound
}

// takeBack notes that a message can be taken back by no later request of the batch.
func (a *accepting) takeBack(r *acceptRequest) {
	if r.Recalls != uuid.Nil {
		a.known[r.Recalls] = false
	}
}

// empty leaves the places of recalled messages and nothing of what they said.
func (a *accepting) empty(b *batch) {
	if ids := recalledBy(a.accepted); len(ids) > 0 {
		b.add(emptyMessages, ids)
	}
}

// recalledBy are the messages that requests take back, in order.
func recalledBy(requests []*acceptRequest) (ids [][16]byte) {
	for _, r := range requests {
		if r.Recalls != uuid.Nil {
			ids = append(ids, r.Recalls)
		}
	}
	slices.SortFunc(ids, func(a, b [16]byte) int { return bytes.Compare(a[:], b[:]) })
	return slices.Compact(ids)
}
