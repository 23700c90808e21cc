package sqlite

import (
	"context"
	"database/sql"

	"github.com/google/uuid"

	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/rules"
)

const (
	expansionsOf = `SELECT ` + rules.ExpansionColumns + ` FROM expansions x LEFT JOIN messages m ON m.message_id = x.message_id `
	// runningExpansions also tells which ones wait for an older message of their group.
	runningExpansions = `SELECT ` + rules.ExpansionColumns + `, x.group_key > 0 AND EXISTS (SELECT 1 FROM expansions o
			WHERE o.group_key = x.group_key AND o.seq < x.seq AND o.finished_at = 0)
		FROM expansions x LEFT JOIN messages m ON m.message_id = x.message_id
		WHERE x.owner = (SELECT incarnation FROM leases) AND x.finished_at = 0 AND x.state = 'Running' ORDER BY x.message_id LIMIT ?`
	// receiversOfGroup are those whose membership the message falls into.
	receiversOfGroup = `SELECT m.user_key, u.user_id FROM group_members m CROSS JOIN users u ON u.user_key = m.user_key
		WHERE m.group_key = ?1 AND m.user_key > ?2 AND m.joined_seq < ?3 AND (m.left_seq IS NULL OR m.left_seq > ?3)
		ORDER BY m.user_key LIMIT ?4`
	receiversNamed = `SELECT u.user_key, u.user_id FROM json_each(?5) j CROSS JOIN users u ON u.user_id = j.value
		CROSS JOIN group_members m ON m.group_key = ?1 AND m.user_key = u.user_key
		WHERE m.user_key > ?2 AND m.joined_seq < ?3 AND (m.left_seq IS NULL OR m.left_seq > ?3)
		GROUP BY u.user_key ORDER BY u.user_key LIMIT ?4`
	receiversOfAll = `SELECT d.user_key, u.user_id FROM devices d CROSS JOIN users u ON u.user_key = d.user_key
		WHERE d.user_key > ?1 AND d.user_key <= ?2 AND d.device_key <= ?3 GROUP BY d.user_key ORDER BY d.user_key LIMIT ?4`
	adoptExpansions = `UPDATE expansions SET owner = ? WHERE owner >= 0 AND finished_at = 0`
	isMember        = `SELECT count(*) FROM users u CROSS JOIN group_members m ON m.group_key = ? AND m.user_key = u.user_key
		WHERE u.user_id = ? AND m.left_seq IS NULL`
)

// RunningExpansions implements store.Store.
func (s *Store) RunningExpansions(ctx context.Context, limit int) (out []store.Expansion, err error) {
	err = s.reader.rows(ctx, runningExpansions, func(rows *sql.Rows) error {
		var r rules.ExpansionRow
		var blocked bool
		if err := rows.Scan(append(r.Dest(), &blocked)...); err != nil {
			return err
		}
		x, err := r.Result()
		x.Blocked = blocked
		out = append(out, x)
		return err
	}, limit)
	return out, s.explain(err)
}

// ReceiversBehind implements store.Store.
func (s *Store) ReceiversBehind(ctx context.Context, e store.Expansion, limit int) ([]store.User, error) {
	if e.Group == 0 {
		return s.users(ctx, receiversOfAll, e.After, e.UsersUpTo, e.DevicesUpTo, limit)
	}
	if len(e.Only) == 0 {
		return s.users(ctx, receiversOfGroup, e.Group, e.After, e.Seq, limit)
	}
	only, err := jsonOf(e.Only)
	if err != nil {
		return nil, err
	}
	return s.users(ctx, receiversNamed, e.Group, e.After, e.Seq, limit, only)
}

// Expand implements store.Store.
func (s *Store) Expand(ctx context.Context, r store.AcceptRequest) store.AcceptResult {
	return s.Accept(ctx, []store.AcceptRequest{r})[0]
}

// step checks that the expansion is where the step begins.
func (a accept) step(t *tx) error {
	lease, err := t.lease()
	if err != nil {
		return err
	}
	var known int64
	err = t.row(`SELECT count(*) FROM expansions WHERE message_id = ? AND after_key = ? AND state = 'Running' AND owner = ? AND owner <> ?`,
		[]any{&known}, a.ID[:], a.Step.From, lease, nobody)
	if err == nil && known == 0 {
		return store.ErrMoved
	}
	return err
}

// move moves the cursor behind the step.
func (a accept) move(t *tx) error {
	state, finished := store.Running, int64(0)
	if a.Step.Last {
		state, finished = store.Done, t.now
	}
	_, err := t.exec(`UPDATE expansions SET after_key = ?, users = users + ?, targets = targets + ?, state = ?, finished_at = ?
		WHERE message_id = ?`, a.Step.To, a.Step.Users, a.Targets, string(state), finished, a.ID[:])
	return err
}

// admitExpansion finds the group of a message for many, or lets a broadcast pass.
func (a accept) admitExpansion(t *tx) (g groupRow, err error) {
	if a.Expansion() == nil {
		return g, nil
	}
	if a.Broadcast() {
		return g, a.admitBroadcast(t)
	}
	if g, err = t.group(a.Expansion().GroupID); err != nil {
		return g, err
	}
	var member int64
	err = t.row(isMember, []any{&member}, g.key, a.Message.Sender)
	if err == nil && member == 0 {
		err = store.ErrNotMember
	}
	return g, err
}

func (a accept) admitBroadcast(t *tx) error {
	var starts []int64
	err := t.rows(`SELECT started_at FROM expansions WHERE group_key = 0 AND message_id < ? ORDER BY message_id DESC LIMIT ?`, func(rows *sql.Rows) error {
		var start int64
		err := rows.Scan(&start)
		starts = append(starts, start)
		return err
	}, uuid.Max[:], rules.MaxStarts)
	if err != nil {
		return err
	}
	return rules.WaitForBroadcast(a.Expansion().Limit, starts, t.now)
}

// insertExpansion counts the message as an event of its group, and notes that it has to be brought to its receivers.
func (a accept) insertExpansion(t *tx, g groupRow) error {
	if g.key != 0 {
		g.seq++
		if _, err := t.exec(`UPDATE groups SET seq = ? WHERE group_key = ?`, g.seq, g.key); err != nil {
			return err
		}
	}
	lease, err := t.lease()
	if err != nil {
		return err
	}
	_, err = t.exec(`INSERT INTO expansions (message_id, owner, group_key, seq, audience, state, after_key, users_up_to, devices_up_to,
			users, targets, started_at, finished_at)
		VALUES (?, ?, ?, ?, ?, 'Running', 0, (SELECT coalesce(max(user_key), 0) FROM users),
			(SELECT coalesce(max(device_key), 0) FROM devices), 0, 0, ?, 0)`,
		a.ID[:], lease, g.key, g.seq, a.Audience, t.now)
	return err
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
	key, err := messageKey(messageID)
	if err != nil {
		return store.Expansion{}, err
	}
	var r rules.ExpansionRow
	if err := s.reader.row(ctx, expansionsOf+`WHERE x.message_id = ? `+that, r.Dest(), key[:]); err != nil {
		return store.Expansion{}, s.explain(missing(err))
	}
	return r.Result()
}

// Broadcasts implements store.Store.
func (s *Store) Broadcasts(ctx context.Context, after string, limit int) (out []store.Expansion, err error) {
	before, err := rules.BroadcastsBefore(after)
	if err != nil {
		return nil, err
	}
	err = s.reader.rows(ctx, expansionsOf+`WHERE x.group_key = 0 AND x.message_id < ? ORDER BY x.message_id DESC LIMIT ?`,
		func(rows *sql.Rows) error {
			var r rules.ExpansionRow
			if err := rows.Scan(r.Dest()...); err != nil {
				return err
			}
			x, err := r.Result()
			out = append(out, x)
			return err
		}, before[:], limit)
	return out, s.explain(err)
}

// SetBroadcast implements store.Store.
func (s *Store) SetBroadcast(ctx context.Context, messageID string, to store.ExpansionState) (x store.Expansion, err error) {
	key, err := messageKey(messageID)
	if err != nil {
		return x, err
	}
	err = s.write(ctx, func(t *tx) error {
		var now store.ExpansionState
		err := t.row(`SELECT state FROM expansions WHERE message_id = ? AND group_key = 0`, []any{&now}, key[:])
		if err != nil {
			return missing(err)
		}
		next, err := rules.NextState(now, to)
		if err != nil || next == now {
			return err
		}
		finished := int64(0)
		if next.Ended() {
			finished = t.now
		}
		_, err = t.exec(`UPDATE expansions SET state = ?, finished_at = ? WHERE message_id = ?`, string(next), finished, key[:])
		return err
	})
	if err != nil {
		return x, err
	}
	return s.Broadcast(ctx, messageID)
}
