package postgres

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/rules"
)

// Message implements store.Store.
func (s *Store) Message(ctx context.Context, id string) (message.Message, error) {
	key, err := uuid.Parse(id)
	if err != nil {
		return message.Message{}, store.ErrNotFound // we gave out no such id
	}
	var r rules.MessageRow
	err = s.row(ctx, `SELECT `+rules.MessageColumns+` FROM @.messages m WHERE m.message_id = $1`, key).Scan(r.Dest()...)
	if errors.Is(err, pgx.ErrNoRows) {
		err = s.row(ctx, keptMessage, key).Scan(r.Dest()...)
	}
	if err != nil {
		return message.Message{}, explain(missing(err))
	}
	return r.Result()
}

// Inbox implements store.Store. The entries are one run without a hole; what is
// behind a hole comes with the next call, which reports the gap. One statement
// is one snapshot, so that a message accepted meanwhile is no gap.
func (s *Store) Inbox(ctx context.Context, userID string, after int64, limit int) (entries []message.InboxEntry, gap bool, err error) {
	first, next := int64(0), int64(0)
	var last int64
	err = s.rows(ctx, `SELECT u.last_seq, m.seq, `+rules.MessageColumns+` FROM @.users u LEFT JOIN LATERAL (
				SELECT i.seq, m.* FROM (
					SELECT seq, message_id FROM @.inbox WHERE user_key = u.user_key AND seq > $2 ORDER BY seq LIMIT $3) i
				JOIN @.messages m ON m.message_id = i.message_id) m ON true
			WHERE u.user_id = $1 ORDER BY m.seq`,
		func(row pgx.CollectableRow) error {
			var r rules.MessageRow
			var seq *int64
			if err := row.Scan(append([]any{&last, &seq}, make([]any, len(r.Dest()))...)...); err != nil || seq == nil {
				return err
			}
			if err := row.Scan(append([]any{&last, &seq}, r.Dest()...)...); err != nil {
				return err
			}
			if first == 0 {
				first, next = *seq, *seq
			}
			if *seq != next {
				return nil
			}
			next++
			m, err := r.Result()
			entries = append(entries, message.InboxEntry{Seq: *seq, Message: m})
			return err
		}, userID, after, limit)
	gap = first > after+1 || first == 0 && last > after && limit > 0
	return entries, gap, err
}

// Receivers implements store.Store.
func (s *Store) Receivers(ctx context.Context, messageID string) (userIDs []string, err error) {
	id, err := uuid.Parse(messageID)
	if err != nil {
		return nil, nil //nolint:nilerr // We gave out no such id, so that nobody received it.
	}
	err = s.rows(ctx, `SELECT u.user_id FROM @.inbox i JOIN @.users u ON u.user_key = i.user_key WHERE i.message_id = $1`,
		func(row pgx.CollectableRow) error {
			var userID string
			err := row.Scan(&userID)
			userIDs = append(userIDs, userID)
			return err
		}, id)
	slices.Sort(userIDs)
	return userIDs, err
}

// Cursor implements store.Store.
func (s *Store) Cursor(ctx context.Context, device int64, userID string) (acked int64, err error) {
	err = s.row(ctx, `SELECT c.acked FROM @.devices d JOIN @.users u ON u.user_key = d.user_key
		JOIN @.cursors c ON c.device_key = d.device_key AND c.user_key = d.user_key
		WHERE d.device_key = $1 AND u.user_id = $2`, device, userID).Scan(&acked)
	return acked, explain(missing(err))
}

// ackRequest moves the cursor of a device in its user's inbox.
type ackRequest struct {
	device int64
	userID string
	seq    int64
}

// Ack implements store.Store.
func (s *Store) Ack(ctx context.Context, device int64, userID string, seq int64) error {
	return explain(s.acks.Do(ctx, &ackRequest{device: device, userID: userID, seq: seq}))
}

// commitAcks moves all cursors in one statement, locked in the order of the
// device. None goes beyond what the inbox had, so that a wrong client cannot
// acknowledge the future.
func commitAcks(ctx context.Context, t *tx, batch []*ackRequest) error {
	newest := map[ackRequest]int64{} // by device and user
	for _, r := range batch {
		key := ackRequest{device: r.device, userID: r.userID}
		newest[key] = max(newest[key], r.seq)
	}
	acks := make([]ackRequest, 0, len(newest))
	for key, seq := range newest {
		acks = append(acks, ackRequest{device: key.device, userID: key.userID, seq: seq})
	}
	slices.SortFunc(acks, func(a, b ackRequest) int {
		return cmp.Or(cmp.Compare(a.device, b.device), cmp.Compare(a.userID, b.userID))
	})
	devices, users, seqs := make([]int64, len(acks)), make([]string, len(acks)), make([]int64, len(acks))
	for i, a := range acks {
		devices[i], users[i], seqs[i] = a.device, a.userID, a.seq
	}
	_, err := t.exec(ctx, moveCursors, devices, users, seqs, day)
	return err
}

// moveCursors locks in the order of the device, and says once a day that the
// device was seen unless somebody is changing it: that is no reason to wait.
const moveCursors = `WITH behind AS (
		SELECT c.device_key, c.user_key, least(r.seq, u.last_seq) AS seq
		FROM unnest($1::bigint[], $2::text[], $3::bigint[]) AS r (device_key, user_id, seq)
		JOIN @.users u ON u.user_id = r.user_id
		JOIN @.devices d ON d.device_key = r.device_key AND d.user_key = u.user_key
		JOIN @.cursors c ON c.device_key = d.device_key AND c.user_key = d.user_key
		WHERE c.acked < least(r.seq, u.last_seq)
		ORDER BY c.device_key, c.user_key FOR UPDATE OF c
	), unseen AS (
		SELECT d.device_key FROM behind JOIN @.devices d ON d.device_key = behind.device_key
		WHERE d.seen_at < ` + now + ` - $4::bigint FOR UPDATE OF d SKIP LOCKED
	), seen AS (
		UPDATE @.devices d SET seen_at = ` + now + ` FROM unseen WHERE d.device_key = unseen.device_key)
	UPDATE @.cursors c SET acked = greatest(c.acked, b.seq) FROM behind b
	WHERE c.device_key = b.device_key AND c.user_key = b.user_key`
