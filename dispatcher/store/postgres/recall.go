package postgres

import (
	"bytes"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/offlinepush/operator/dispatcher/store"
)

const (
	// lockMessages waits for other transactions that change the same messages.
	lockMessages = `SELECT message_id, recalled_at IS NULL FROM @.messages WHERE message_id = ANY($1::uuid[])
		ORDER BY message_id FOR UPDATE`
	editMessages = `UPDATE @.messages m SET body = n.body FROM unnest($1::uuid[], $2::text[]) AS n(message_id, body)
		WHERE m.message_id = n.message_id`
	emptyMessages = `UPDATE @.messages SET body = '', push = NULL, recalled_at = coalesce(recalled_at, ` + now + `), detail = CASE
			WHEN detail::jsonb ->> 'groupID' IS NOT NULL THEN jsonb_build_object('groupID', detail::jsonb ->> 'groupID')::text END
		WHERE message_id = ANY($1::uuid[])`
)

// lockChanged finds the messages that the batch takes back or edits.
func (a *accepting) lockChanged(b *batch) {
	ids := map[uuid.UUID]bool{}
	for _, r := range a.batch {
		if id := r.Changes(); id != uuid.Nil {
			ids[id] = true
		}
	}
	if len(ids) == 0 {
		return
	}
	b.add(lockMessages, inOrder(ids)).Query(func(rows pgx.Rows) error {
		var id uuid.UUID
		var possible bool
		_, err := pgx.ForEachRow(rows, []any{&id, &possible}, func() error {
			a.known[id] = possible
			return nil
		})
		return err
	})
}

func (a *accepting) refuseChange(r *acceptRequest) error {
	possible, known := a.known[r.Changes()]
	switch {
	case r.Changes() == uuid.Nil || possible:
		return nil
	case known:
		return store.ErrRecalled
	}
	return store.ErrNotFound
}

// takeBack notes that a message can be changed by no later request of the batch.
func (a *accepting) takeBack(r *acceptRequest) {
	if r.Recalls != uuid.Nil {
		a.known[r.Recalls] = false
	}
}

// change gives messages their last body, and leaves the places of recalled ones and nothing of what they said.
func (a *accepting) change(b *batch) {
	edited, recalled := map[uuid.UUID]string{}, map[uuid.UUID]bool{}
	for _, r := range a.accepted {
		switch {
		case r.Recalls != uuid.Nil:
			recalled[r.Recalls] = true
		case r.Edits != uuid.Nil:
			edited[r.Edits] = r.Message.Body
		}
	}
	if len(edited) > 0 {
		ids, bodies := inOrder(edited), make([]string, len(edited))
		for i, id := range ids {
			bodies[i] = edited[id]
		}
		b.add(editMessages, ids, bodies)
	}
	if len(recalled) > 0 {
		b.add(emptyMessages, inOrder(recalled))
	}
}

// inOrder are the ids in the order in which rows are locked.
func inOrder[V any](of map[uuid.UUID]V) (ids [][16]byte) {
	for id := range of {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b [16]byte) int { return bytes.Compare(a[:], b[:]) })
	return ids
}
