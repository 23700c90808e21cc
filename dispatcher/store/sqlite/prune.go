package sqlite

import (
	"context"
	"encoding/binary"

	"github.com/google/uuid"

	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/rules"
)

// A message stays as long as something of it is pending, whatever its age.
const (
	oldMessages = `SELECT message_id FROM messages m WHERE created_at < ?
		AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.message_id = m.message_id)
		AND NOT EXISTS (SELECT 1 FROM expansions x WHERE x.message_id = m.message_id AND x.finished_at = 0)
		ORDER BY created_at, rowid LIMIT ?`
	// oldMembers left before, or their group ended. A message that is not expanded yet may still be for one of them.
	oldMembers = `SELECT m.group_key, m.user_key, m.joined_seq FROM group_members m WHERE m.left_at < ?
		AND NOT EXISTS (SELECT 1 FROM expansions x WHERE x.group_key = m.group_key AND x.finished_at = 0) ORDER BY m.left_at LIMIT ?`
	membersOfOldGroups = `SELECT m.group_key, m.user_key, m.joined_seq FROM groups g CROSS JOIN group_members m ON m.group_key = g.group_key
		WHERE g.deleted_at < ?
		AND NOT EXISTS (SELECT 1 FROM expansions x WHERE x.group_key = g.group_key AND x.finished_at = 0) LIMIT ?`
	oldGroups = `SELECT g.group_key FROM groups g WHERE g.deleted_at < ?
		AND NOT EXISTS (SELECT 1 FROM group_members m WHERE m.group_key = g.group_key) LIMIT ?`
	oldExpansions = `SELECT message_id FROM expansions WHERE finished_at > 0 AND finished_at < ? ORDER BY finished_at LIMIT ?`
	oldDevices    = `SELECT device_key FROM devices WHERE seen_at < ? ORDER BY seen_at, device_key LIMIT ?`
)

// firstID is before every UUIDv7 of that time and behind every one from before.
func firstID(ms int64) []byte {
	var id uuid.UUID
	binary.BigEndian.PutUint64(id[:8], uint64(max(ms, 0))<<16)
	return id[:]
}

// pruned is a kind of rows that go at their own time.
type pruned struct {
	cutoff  any
	queries []string // the last one counts; all see the same rows
	expired string   // counts the inbox entries that go unread; empty for all other kinds
}

func prunedKinds(before store.Cutoffs) []pruned {
	return []pruned{
		{cutoff: millis(before.Letters), queries: []string{`DELETE FROM dead_letters WHERE letter_id IN (` + oldLetters + `)`}},
		{cutoff: rules.Bound(before.MaxLetters), queries: []string{`DELETE FROM dead_letters WHERE letter_id IN (` + beyondLetters + `)`}},
		{cutoff: firstID(0), queries: []string{`DELETE FROM letter_messages WHERE message_id IN (` + forgotten + `)`}},
		{cutoff: millis(before.Messages), expired: countExpired, queries: []string{
			keepContent,
			`DELETE FROM inbox WHERE message_id IN (` + oldMessages + `)`,
			`DELETE FROM messages WHERE message_id IN (` + oldMessages + `)`,
		}},
		{cutoff: millis(before.Outcomes), queries: []string{
			`DELETE FROM outcomes WHERE outcome_id IN (SELECT outcome_id FROM outcomes WHERE at < ? ORDER BY at LIMIT ?)`,
		}},
		{cutoff: firstID(millis(before.Outcomes)), queries: []string{
			`DELETE FROM receipts WHERE (message_id, device_key, event) IN
				(SELECT message_id, device_key, event FROM receipts WHERE message_id < ? ORDER BY message_id LIMIT ?)`,
		}},
		{cutoff: millis(before.Idempotency), queries: []string{
			`DELETE FROM idempotency WHERE (sender, client_id) IN
				(SELECT sender, client_id FROM idempotency WHERE expires_at < ? ORDER BY expires_at LIMIT ?)`,
		}},
		{cutoff: millis(before.Messages), queries: []string{
			`DELETE FROM calls WHERE call_id IN (` + oldCalls + `)`,
		}},
		{cutoff: millis(before.PushTests), queries: []string{
			`DELETE FROM push_test_devices WHERE message_id IN (SELECT message_id FROM push_tests WHERE uid IN (` + oldPushTests + `))`,
			`DELETE FROM push_tests WHERE uid IN (` + oldPushTests + `)`,
		}},
		{cutoff: millis(before.Messages), queries: []string{
			`DELETE FROM group_members WHERE (group_key, user_key, joined_seq) IN (` + oldMembers + `)`,
		}},
		{cutoff: millis(before.Messages), queries: []string{
			`DELETE FROM group_members WHERE (group_key, user_key, joined_seq) IN (` + membersOfOldGroups + `)`,
		}},
		{cutoff: millis(before.Messages), queries: []string{`DELETE FROM groups WHERE group_key IN (` + oldGroups + `)`}},
		{cutoff: rules.OldExpansions(before), queries: []string{`DELETE FROM expansions WHERE message_id IN (` + oldExpansions + `)`}},
		{cutoff: millis(before.Devices), queries: []string{
			`DELETE FROM tokens WHERE device_key IN (` + oldDevices + `)`,
			`DELETE FROM cursors WHERE device_key IN (` + oldDevices + `)`,
			`DELETE FROM badges WHERE device_key IN (` + oldDevices + `)`,
			`DELETE FROM devices WHERE device_key IN (` + oldDevices + `)`,
		}},
	}
}

// Prune implements store.Store. Each kind has its own small commit, so that
// accepts do not wait long behind it.
func (s *Store) Prune(ctx context.Context, before store.Cutoffs, limit int) (out store.Pruned, err error) {
	for _, kind := range prunedKinds(before) {
		n, expired, err := s.prune(ctx, kind, limit)
		if err != nil {
			return out, err
		}
		out.More, out.Expired = out.More || n == int64(limit), out.Expired+expired
	}
	more, crowded, err := s.trim(ctx, limit)
	if err != nil {
		return out, err
	}
	out.More, out.Crowded = out.More || more, crowded
	return out, nil
}

func (s *Store) prune(ctx context.Context, kind pruned, limit int) (n, expired int64, err error) {
	err = s.write(ctx, func(t *tx) (err error) {
		if kind.expired != "" {
			if err := t.row(kind.expired, []any{&expired}, kind.cutoff, limit); err != nil {
				return err
			}
		}
		for _, q := range kind.queries {
			if n, err = t.exec(q, kind.cutoff, limit); err != nil {
				return err
			}
		}
		return nil
	})
	return n, expired, err
}
