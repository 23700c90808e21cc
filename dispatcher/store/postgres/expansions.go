package postgres

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/rules"
)

const (
	expansionsOf = `SELECT ` + rules.ExpansionColumns + ` FROM @.expansions x LEFT JOIN @.messages m ON m.message_id = x.message_id `
	// runningExpansions also tells which ones wait for an older message of their group.
	runningExpansions = `SELECT ` + rules.ExpansionColumns + `, x.group_key > 0 AND EXISTS (SELECT 1 FROM @.expansions o
			WHERE o.group_key = x.group_key AND o.seq < x.seq AND o.finished_at = 0)
		FROM ` + owned + ` CROSS JOIN LATERAL (
			SELECT * FROM @.expansions WHERE owner = o.incarnation AND finished_at = 0 ORDER BY message_id LIMIT 1000) x
		LEFT JOIN @.messages m ON m.message_id = x.message_id
		WHERE x.state = 'Running' ORDER BY x.message_id LIMIT $2`
	// receiversOfGroup are those whose membership the message falls into.
	receiversOfGroup = `SELECT m.user_key, u.user_id FROM (
			SELECT user_key FROM @.group_members
			WHERE group_key = $1 AND user_key > $2 AND joined_seq < $3 AND (left_seq IS NULL OR left_seq > $3)
			ORDER BY user_key LIMIT $4) m
		JOIN @.users u ON u.user_key = m.user_key ORDER BY m.user_key`
	receiversNamed = `SELECT DISTINCT u.user_key, u.user_id FROM @.users u
		JOIN @.group_members m ON m.group_key = $1 AND m.user_key = u.user_key
		WHERE u.user_id = ANY($5::text[]) AND m.user_key > $2 AND m.joined_seq < $3 AND (m.left_seq IS NULL OR m.left_seq > $3)
		ORDER BY u.user_key LIMIT $4`
	receiversOfAll = `SELECT d.user_key, u.user_id FROM (
			SELECT DISTINCT user_key FROM @.devices WHERE user_key > $1 AND user_key <= $2 AND device_key <= $3
			ORDER BY user_key LIMIT $4) d
		JOIN @.users u ON u.user_key = d.user_key ORDER BY d.user_key`
	adoptExpansions = `UPDATE @.expansions x SET owner = $1 FROM (
			SELECT message_id FROM @.expansions WHERE owner = 0 AND finished_at = 0
			ORDER BY owner, message_id LIMIT $2 FOR UPDATE SKIP LOCKED) AS o
		WHERE x.message_id = o.message_id`
	lockBroadcast = `SELECT state FROM @.expansions WHERE message_id = $1 AND group_key = 0 FOR UPDATE`
	setBroadcast  = `UPDATE @.expansions SET state = $2, finished_at = CASE WHEN $3 THEN ` + now + ` ELSE 0 END WHERE message_id = $1`
)

// RunningExpansions implements store.Store.
func (s *Store) RunningExpansions(ctx context.Context, limit int) (out []store.Expansion, err error) {
	err = s.rows(ctx, runningExpansions, func(row pgx.CollectableRow) error {
		var r rules.ExpansionRow
		var blocked bool
		if err := row.Scan(append(r.Dest(), &blocked)...); err != nil {
			return err
		}
		x, err := r.Result()
		x.Blocked = blocked
		out = append(out, x)
		return err
	}, s.incarnation.Load(), limit)
	return out, err
}

// ReceiversBehind implements store.Store.
func (s *Store) ReceiversBehind(ctx context.Context, e store.Expansion, limit int) ([]store.User, error) {
	switch {
	case e.Group == 0:
		return s.users(ctx, receiversOfAll, e.After, e.UsersUpTo, e.DevicesUpTo, limit)
	case len(e.Only) > 0:
		return s.users(ctx, receiversNamed, e.Group, e.After, e.Seq, limit, e.Only)
	}
	return s.users(ctx, receiversOfGroup, e.Group, e.After, e.Seq, limit)
}

// Expand implements store.Store. Steps share commits with one another and not with the messages of senders, which
// must not wait for them.
func (s *Store) Expand(ctx context.Context, r store.AcceptRequest) store.AcceptResult {
	checked, err := rules.NewAccept(r)
	if err != nil {
		return store.AcceptResult{Err: err}
	}
	step := &acceptRequest{Accept: checked}
	if err := s.steps.Do(ctx, step); err != nil {
		return store.AcceptResult{Err: explain(err)}
	}
	return step.result
}

// Broadcast implements store.Store.
func (s *Store) Broadcast(ctx context.Context, messageID string) (store.Expansion, error) {
	return s.expansion(ctx, messageID, `AND x.group_key = 0`)
}

// Audience implements store.Store.
func (s *Store) Audience(ctx context.Context, messageID string) (store.Audience, error) {
	x, err := s.expansion(ctx, messageID, ``)
	return x.Audience, err
}

func (s *Store) expansion(ctx context.Context, messageID, that string) (store.Expansion, error) {
	key, err := uuid.Parse(messageID)
	if err != nil {
		return store.Expansion{}, store.ErrNotFound // we gave out no such id
	}
	var r rules.ExpansionRow
	if err := s.row(ctx, expansionsOf+`WHERE x.message_id = $1 `+that, key).Scan(r.Dest()...); err != nil {
		return store.Expansion{}, explain(missing(err))
	}
	return r.Result()
}

// Broadcasts implements store.Store.
func (s *Store) Broadcasts(ctx context.Context, after string, limit int) (out []store.Expansion, err error) {
	before, err := rules.BroadcastsBefore(after)
	if err != nil {
		return nil, err
	}
	err = s.rows(ctx, expansionsOf+`WHERE x.group_key = 0 AND x.message_id < $1 ORDER BY x.message_id DESC LIMIT $2`,
		func(row pgx.CollectableRow) error {
			var r rules.ExpansionRow
			if err := row.Scan(r.Dest()...); err != nil {
				return err
			}
			x, err := r.Result()
			out = append(out, x)
			return err
		}, before, limit)
	return out, err
}

// SetBroadcast implements store.Store. It waits for the step that is under way.
func (s *Store) SetBroadcast(ctx context.Context, messageID string, to store.ExpansionState) (store.Expansion, error) {
	key, err := uuid.Parse(messageID)
	if err != nil {
		return store.Expansion{}, store.ErrNotFound
	}
	err = s.inTx(ctx, func(ctx context.Context, t *tx) error {
		var current store.ExpansionState
		if err := t.row(ctx, lockBroadcast, key).Scan(&current); err != nil {
			return missing(err)
		}
		next, err := rules.NextState(current, to)
		if err != nil || next == current {
			return err
		}
		_, err = t.exec(ctx, setBroadcast, key, string(next), next.Ended())
		return err
	})
	if err != nil {
		return store.Expansion{}, explain(err)
	}
	return s.Broadcast(ctx, messageID)
}
