package rules

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/offlinepush/operator/dispatcher/message"
)

// MessageColumns are those of a message m, in the order of MessageRow.
const MessageColumns = `m.message_id, m.kind, m.detail, m.sender, m.body, m.push, m.created_at, m.push_expires_at, m.recalled_at`

// MessageRow takes one row of MessageColumns.
type MessageRow struct {
	message          message.Message
	id               uuid.UUID
	detail, push     *string
	created, expires int64
	recalled         *int64
}

// Dest are the places to scan the row into.
func (r *MessageRow) Dest() []any {
	return []any{
		&r.id, &r.message.Kind, &r.detail, &r.message.Sender, &r.message.Body, &r.push, &r.created, &r.expires, &r.recalled,
	}
}

// Result is the message of a scanned row.
func (r *MessageRow) Result() (message.Message, error) {
	m := r.message
	m.ID, m.CreatedAt, m.PushExpiresAt = r.id.String(), time.UnixMilli(r.created).UTC(), time.UnixMilli(r.expires).UTC()
	m.Recalled = r.recalled != nil
	if r.detail != nil {
		if err := json.Unmarshal([]byte(*r.detail), &m.Detail); err != nil {
			return m, fmt.Errorf("message %s: its stored detail is damaged: %w", m.ID, err)
		}
	}
	if r.push != nil {
		m.Push = &message.PushConfig{}
		if err := json.Unmarshal([]byte(*r.push), m.Push); err != nil {
			return m, fmt.Errorf("message %s: its stored push is damaged: %w", m.ID, err)
		}
	}
	return m, nil
}
