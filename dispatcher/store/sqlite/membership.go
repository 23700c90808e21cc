package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"

	"github.com/google/uuid"

	"github.com/offlinepush/operator/dispatcher/store"
)

const (
	groupByID = `SELECT group_key, seq, members FROM groups WHERE group_id = ? AND deleted_at IS NULL`
	// countMembers counts those of the named users who are members now.
	countMembers = `SELECT count(*) FROM json_each(?2) j CROSS JOIN users u ON u.user_id = j.value
		CROSS JOIN group_members m ON m.group_key = ?1 AND m.user_key = u.user_key WHERE m.left_seq IS NULL`
	makeUsers = `INSERT INTO users (user_id, last_seq) SELECT j.value, 0 FROM json_each(?) j WHERE true ON CONFLICT DO NOTHING`
	join      = `INSERT INTO group_members (group_key, user_key, joined_seq)
		SELECT ?1, u.user_key, ?2 FROM json_each(?3) j CROSS JOIN users u ON u.user_id = j.value WHERE true ON CONFLICT DO NOTHING`
	leave = `UPDATE group_members SET left_seq = ?2, left_at = ?4 WHERE group_key = ?1 AND left_seq IS NULL
		AND user_key IN (SELECT u.user_key FROM json_each(?3) j CROSS JOIN users u ON u.user_id = j.value)`
	membersOf = `SELECT m.user_key, u.user_id FROM group_members m CROSS JOIN users u ON u.user_key = m.user_key
		WHERE m.group_key = ? AND m.user_key > ? AND m.left_seq IS NULL ORDER BY m.user_key LIMIT ?`
	groupsOf = `SELECT g.group_key, g.group_id, g.members FROM users u CROSS JOIN group_members m ON m.user_key = u.user_key
		CROSS JOIN groups g ON g.group_key = m.group_key
		WHERE u.user_id = ? AND m.group_key > ? AND m.left_seq IS NULL AND g.deleted_at IS NULL ORDER BY m.group_key LIMIT ?`
)

// groupRow is a group as it is changed.
type groupRow struct{ key, seq, members int64 }

// group finds a group that is not deleted, with ErrNotFound.
func (t *tx) group(groupID string) (g groupRow, err error) {
	err = t.row(groupByID, []any{&g.key, &g.seq, &g.members}, groupID)
	return g, missing(err)
}

// PutGroup implements store.Store.
func (s *Store) PutGroup(ctx context.Context, groupID string, userIDs []string) (c store.GroupChange, err error) {
	userIDs = once(userIDs)
	err = s.write(ctx, func(t *tx) error {
		g, err := t.group(groupID)
		created := errors.Is(err, store.ErrNotFound)
		if created {
			g = groupRow{}
			g.key, err = t.insert(`INSERT INTO groups (group_id, seq, members, created_at) VALUES (?, 0, 0, ?)`, groupID, t.now)
		}
		if err != nil {
			return err
		}
		c, err = t.join(g, userIDs)
		c.Created = created
		return err
	})
	return c, err
}

// AddMembers implements store.Store.
func (s *Store) AddMembers(ctx context.Context, groupID string, userIDs []string) (store.GroupChange, error) {
	return s.changeGroup(ctx, groupID, userIDs, (*tx).join)
}

// RemoveMembers implements store.Store.
func (s *Store) RemoveMembers(ctx context.Context, groupID string, userIDs []string) (store.GroupChange, error) {
	return s.changeGroup(ctx, groupID, userIDs, (*tx).leave)
}

func (s *Store) changeGroup(
	ctx context.Context, groupID string, userIDs []string, change func(*tx, groupRow, []string) (store.GroupChange, error),
) (c store.GroupChange, err error) {
	userIDs = once(userIDs)
	err = s.write(ctx, func(t *tx) error {
		g, err := t.group(groupID)
		if err != nil {
			return err
		}
		c, err = change(t, g, userIDs)
		return err
	})
	return c, err
}

// once is a list of users without repetitions.
func once(userIDs []string) []string { return slices.Compact(slices.Sorted(slices.Values(userIDs))) }

// join decides first and writes then, so that a full group is left as it is.
func (t *tx) join(g groupRow, userIDs []string) (store.GroupChange, error) {
	ids, err := jsonOf(userIDs)
	if err != nil {
		return store.GroupChange{}, err
	}
	var already int64
	if err := t.row(countMembers, []any{&already}, g.key, ids); err != nil {
		return store.GroupChange{}, err
	}
	added := int64(len(userIDs)) - already
	if g.members+added > store.MaxGroupMembers {
		return store.GroupChange{}, store.ErrGroupFull
	}
	if added > 0 {
		if _, err := t.exec(makeUsers, ids); err != nil {
			return store.GroupChange{}, err
		}
		if _, err := t.exec(join, g.key, g.seq+1, ids); err != nil {
			return store.GroupChange{}, err
		}
	}
	return t.changed(g, added)
}

func (t *tx) leave(g groupRow, userIDs []string) (store.GroupChange, error) {
	ids, err := jsonOf(userIDs)
	if err != nil {
		return store.GroupChange{}, err
	}
	removed, err := t.exec(leave, g.key, g.seq+1, ids, t.now)
	if err != nil {
		return store.GroupChange{}, err
	}
	c, err := t.changed(g, -removed)
	c.Changed = removed
	return c, err
}

// changed counts a change of the members as an event of the group.
func (t *tx) changed(g groupRow, by int64) (store.GroupChange, error) {
	c := store.GroupChange{Changed: by, Members: g.members + by}
	if by == 0 {
		return c, nil
	}
	_, err := t.exec(`UPDATE groups SET seq = seq + 1, members = members + ? WHERE group_key = ?`, by, g.key)
	return c, err
}

// DeleteGroup implements store.Store. The memberships end with the group; Prune deletes them.
func (s *Store) DeleteGroup(ctx context.Context, groupID string) error {
	return s.write(ctx, func(t *tx) error {
		g, err := t.group(groupID)
		if err != nil {
			return err
		}
		_, err = t.exec(`UPDATE groups SET deleted_at = ? WHERE group_key = ?`, t.now, g.key)
		return err
	})
}

// Members implements store.Store.
func (s *Store) Members(ctx context.Context, groupID string, after int64, limit int) (out []store.User, err error) {
	var g groupRow
	if err := s.reader.row(ctx, groupByID, []any{&g.key, &g.seq, &g.members}, groupID); err != nil {
		return nil, s.explain(missing(err))
	}
	return s.users(ctx, membersOf, g.key, after, limit)
}

func (s *Store) users(ctx context.Context, query string, args ...any) (out []store.User, err error) {
	err = s.reader.rows(ctx, query, func(rows *sql.Rows) error {
		var u store.User
		err := rows.Scan(&u.Key, &u.ID)
		out = append(out, u)
		return err
	}, args...)
	return out, s.explain(err)
}

// GroupsOf implements store.Store.
func (s *Store) GroupsOf(ctx context.Context, userID string, after int64, limit int) (out []store.Group, err error) {
	err = s.reader.rows(ctx, groupsOf, func(rows *sql.Rows) error {
		var g store.Group
		err := rows.Scan(&g.Key, &g.ID, &g.Members)
		out = append(out, g)
		return err
	}, userID, after, limit)
	return out, s.explain(err)
}

// jsonOf is a list as json_each takes it.
func jsonOf(list []string) (string, error) {
	if list == nil {
		list = []string{}
	}
	b, err := json.Marshal(list)
	return string(b), err
}

// messageKey is the key of a message id that we gave out, or ErrNotFound.
func messageKey(id string) (uuid.UUID, error) {
	key, err := uuid.Parse(id)
	if err != nil {
		return key, store.ErrNotFound
	}
	return key, nil
}
