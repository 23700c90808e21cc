package postgres

import (
	"context"
	"errors"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/offlinepush/operator/dispatcher/store"
)

// Whoever changes a group, or sends to it, holds its row: its events have one order.
const (
	makeGroup = `INSERT INTO @.groups (group_id, seq, members, created_at) VALUES ($1, 0, 0, ` + now + `)
		ON CONFLICT (group_id) WHERE deleted_at IS NULL DO NOTHING`
	lockGroup = `SELECT group_key, seq, members FROM @.groups WHERE group_id = $1 AND deleted_at IS NULL FOR UPDATE`
	joinGroup = `INSERT INTO @.group_members (group_key, user_key, joined_seq)
		SELECT $1, u.user_key, $2 FROM @.users u WHERE u.user_id = ANY($3::text[]) ORDER BY u.user_key
		ON CONFLICT (group_key, user_key) WHERE left_seq IS NULL DO NOTHING`
	leaveGroup = `UPDATE @.group_members m SET left_seq = $2, left_at = ` + now + `
		FROM @.users u WHERE u.user_id = ANY($3::text[]) AND m.group_key = $1 AND m.user_key = u.user_key AND m.left_seq IS NULL`
	countChange = `UPDATE @.groups SET seq = seq + 1, members = members + $2 WHERE group_key = $1`
	endGroup    = `UPDATE @.groups SET deleted_at = ` + now + ` WHERE group_id = $1 AND deleted_at IS NULL`
	findGroup   = `SELECT group_key FROM @.groups WHERE group_id = $1 AND deleted_at IS NULL`
	membersOf   = `SELECT m.user_key, u.user_id FROM (
			SELECT user_key FROM @.group_members WHERE group_key = $1 AND user_key > $2 AND left_seq IS NULL
			ORDER BY user_key LIMIT $3) m
		JOIN @.users u ON u.user_key = m.user_key ORDER BY m.user_key`
	groupsOf = `SELECT g.group_key, g.group_id, g.members FROM @.users u JOIN @.group_members m ON m.user_key = u.user_key
		JOIN @.groups g ON g.group_key = m.group_key
		WHERE u.user_id = $1 AND m.group_key > $2 AND m.left_seq IS NULL AND g.deleted_at IS NULL ORDER BY m.group_key LIMIT $3`
)

// groupRow is a group as it is changed.
type groupRow struct{ key, seq, members int64 }

// lockedGroup finds and locks a group that is not deleted, with ErrNotFound.
func (t *tx) lockedGroup(ctx context.Context, groupID string) (g groupRow, err error) {
	err = t.row(ctx, lockGroup, groupID).Scan(&g.key, &g.seq, &g.members)
	return g, missing(err)
}

// PutGroup implements store.Store.
func (s *Store) PutGroup(ctx context.Context, groupID string, userIDs []string) (c store.GroupChange, err error) {
	err = s.inTx(ctx, func(ctx context.Context, t *tx) error {
		n, err := t.exec(ctx, makeGroup, groupID)
		if err != nil {
			return err
		}
		g, err := t.lockedGroup(ctx, groupID)
		if errors.Is(err, store.ErrNotFound) { // It was deleted in between.
			return errAgain
		}
		if err != nil {
			return err
		}
		c, err = t.join(ctx, g, userIDs)
		c.Created = n == 1
		return err
	})
	return c, explain(err)
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
	ctx context.Context, groupID string, userIDs []string,
	change func(*tx, context.Context, groupRow, []string) (store.GroupChange, error),
) (c store.GroupChange, err error) {
	err = s.inTx(ctx, func(ctx context.Context, t *tx) error {
		g, err := t.lockedGroup(ctx, groupID)
		if err != nil {
			return err
		}
		c, err = change(t, ctx, g, userIDs)
		return err
	})
	if err != nil {
		return store.GroupChange{}, explain(err)
	}
	return c, nil
}

func (t *tx) join(ctx context.Context, g groupRow, userIDs []string) (store.GroupChange, error) {
	sorted := slices.Compact(slices.Sorted(slices.Values(userIDs)))
	if _, err := t.exec(ctx, makeUsers, sorted); err != nil {
		return store.GroupChange{}, err
	}
	added, err := t.exec(ctx, joinGroup, g.key, g.seq+1, sorted)
	if err == nil && g.members+added > store.MaxGroupMembers {
		err = store.ErrGroupFull
	}
	if err != nil {
		return store.GroupChange{}, err
	}
	return t.changed(ctx, g, added)
}

func (t *tx) leave(ctx context.Context, g groupRow, userIDs []string) (store.GroupChange, error) {
	removed, err := t.exec(ctx, leaveGroup, g.key, g.seq+1, userIDs)
	if err != nil {
		return store.GroupChange{}, err
	}
	c, err := t.changed(ctx, g, -removed)
	c.Changed = removed
	return c, err
}

// changed counts a change of the members as an event of the group.
func (t *tx) changed(ctx context.Context, g groupRow, by int64) (store.GroupChange, error) {
	c := store.GroupChange{Changed: by, Members: g.members + by}
	if by == 0 {
		return c, nil
	}
	_, err := t.exec(ctx, countChange, g.key, by)
	return c, err
}

// DeleteGroup implements store.Store. The memberships end with the group; Prune deletes them.
func (s *Store) DeleteGroup(ctx context.Context, groupID string) error {
	n, err := s.exec(ctx, s.pool, endGroup, groupID)
	if err == nil && n == 0 {
		err = store.ErrNotFound
	}
	return err
}

// Members implements store.Store.
func (s *Store) Members(ctx context.Context, groupID string, after int64, limit int) ([]store.User, error) {
	var key int64
	if err := s.row(ctx, findGroup, groupID).Scan(&key); err != nil {
		return nil, explain(missing(err))
	}
	return s.users(ctx, membersOf, key, after, limit)
}

func (s *Store) users(ctx context.Context, query string, args ...any) (out []store.User, err error) {
	err = s.rows(ctx, query, func(row pgx.CollectableRow) error {
		var u store.User
		err := row.Scan(&u.Key, &u.ID)
		out = append(out, u)
		return err
	}, args...)
	return out, err
}

// GroupsOf implements store.Store.
func (s *Store) GroupsOf(ctx context.Context, userID string, after int64, limit int) (out []store.Group, err error) {
	err = s.rows(ctx, groupsOf, func(row pgx.CollectableRow) error {
		var g store.Group
		err := row.Scan(&g.Key, &g.ID, &g.Members)
		out = append(out, g)
		return err
	}, userID, after, limit)
	return out, err
}
