package sqlite

import (
	"github.com/google/uuid"

	"github.com/offlinepush/operator/dispatcher/store"
)

// change takes a message back, of which its place is left and nothing of what it said, or gives it another body.
func (a accept) change(t *tx) error {
	id := a.Changes()
	if id == uuid.Nil {
		return nil
	}
	var before *int64
	if err := t.row(`SELECT recalled_at FROM messages WHERE message_id = ?`, []any{&before}, id[:]); err != nil {
		return missing(err)
	}
	if before != nil {
		return store.ErrRecalled
	}
	if id == a.Edits {
		_, err := t.exec(`UPDATE messages SET body = ? WHERE message_id = ?`, a.Message.Body, id[:])
		return err
	}
	return t.empty(a.Recalls)
}

// empty leaves nothing of what a message said.
func (t *tx) empty(id uuid.UUID) error {
	_, err := t.exec(`UPDATE messages SET body = '', push = NULL, recalled_at = coalesce(recalled_at, ?), detail = CASE
			WHEN json_extract(detail, '$.groupID') IS NOT NULL THEN json_object('groupID', json_extract(detail, '$.groupID')) END
		WHERE message_id = ?`, t.now, id[:])
	return err
}
