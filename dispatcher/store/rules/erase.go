package rules

import (
	"encoding/binary"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/offlinepush/operator/dispatcher/store"
)

// UserTable is a table with rows that belong to a user.
type UserTable struct {
	Name string
	// Column names the user, by the store's key unless it is user_id, with an index that begins with it. Key is unique.
	Column string
	Key    []string
}

// UserTables are what an erasure empties, in this order; each needs one line here. Of the others see KeptTables.
func UserTables() []UserTable {
	return []UserTable{
		{"inbox", "user_key", []string{"user_key", "seq", "message_id"}},
		{"crowded", "user_key", []string{"user_key"}},
		{"cursors", "user_key", []string{"device_key", "user_key"}},
		{"user_rules", "user_key", []string{"user_key"}},
		{"mutes", "user_key", []string{"user_key", "conversation"}},
		{"presence", userID, []string{"user_id"}},
		{"dead_letters", "user_key", []string{"user_key", "letter_id"}},
		{"letter_messages", userID, []string{"user_id", "message_id"}},
	}
}

// KeptTables are those with a user in a row that an erasure treats otherwise, and why.
func KeptTables() map[string]string {
	return map[string]string{
		"users":         "goes first, in the commit that begins the erasure",
		"erasures":      "goes last",
		"devices":       "goes with EraseDevices, behind the fence",
		"group_members": "goes with the numbers of the groups; who left is a key that names nobody any more",
		"idempotency":   "goes together with what the user sent",
		"messages":      "is emptied like a recall: its place in the receivers' inboxes stays",
		"outcomes":      "counts, by a key that names nobody any more",
	}
}

const userID = "user_id"

// Owner is the value of the column for the user of an erasure.
func (t UserTable) Owner(e store.Erasure) any {
	if t.Column == userID {
		return e.UserID
	}
	return e.User
}

// Delete is the statement that deletes some rows of a user; user and limit are the placeholders.
func (t UserTable) Delete(schema, user, limit string) string {
	if len(t.Key) == 1 { // There is one row at most.
		return `DELETE FROM ` + schema + t.Name + ` WHERE ` + t.Column + ` = ` + user + ` AND ` + limit + ` > 0`
	}
	return `DELETE FROM ` + schema + t.Name + ` WHERE (` + strings.Join(t.Key, ", ") + `) IN (SELECT ` + strings.Join(t.Key, ", ") + ` FROM ` + schema + t.Name +
		` WHERE ` + t.Column + ` = ` + user + ` LIMIT ` + limit + `)`
}

// SentBefore is an id behind those of all messages that were sent before the erasure began.
func SentBefore(e store.Erasure) (id uuid.UUID) {
	binary.BigEndian.PutUint64(id[:8], uint64(e.BegunAt.UnixMilli()+1)<<16)
	return id
}

// AddErasure puts a row of an erasure, with one of its devices or with none, to the others. They come in order.
func AddErasure(all []store.Erasure, e store.Erasure, begunAt int64, device, epoch *int64) []store.Erasure {
	if len(all) == 0 || all[len(all)-1].ID != e.ID {
		e.BegunAt = time.UnixMilli(begunAt).UTC()
		all = append(all, e)
	}
	if last := &all[len(all)-1]; device != nil {
		last.Devices = append(last.Devices, store.EpochChange{Device: *device, Epoch: *epoch, FormerUserID: e.UserID})
	}
	return all
}
