package sqlite

import (
	"github.com/google/uuid"

	"github.com/offlinepush/operator/dispatcher/store"
)

// takeBack leaves the place of a recalled message and nothing of what it said.
func (a accept) takeBack(t *tx) error {
	if a.Recalls == uuid.Nil {
		return nil
	}
	var before *int64
	if err := t.row(`SELECT recalled_at FROM messages WHERE message_id = ?`, []any{&before}, a.Recalls[:]); err != nil {
		return missing(err)
	}
	if before != nil {
		return store.ErrRecalled
	}
	_, err := t.exec(`UPDATE messages SET body = '', push = NULL, recalled_at = ?, detail = CASE
			WHEN json_extract(detail, '$.groupID') IS NOT NULL THEN json_object('groupID', json_extract(detail, '$.groupID')) END
		WHERE message_id = ?`, t.now, a.Recalls[:])
	return err
}
