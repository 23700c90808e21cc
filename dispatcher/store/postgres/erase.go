package postgres

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/rules"
)

const (
	// eraseUser waits for who takes places in the inbox. What comes later makes another user.
	eraseUser   = `DELETE FROM @.users WHERE user_id = $1 RETURNING user_key`
	endSessions = `UPDATE @.devices d SET epoch = d.epoch + 1, session = NULL, session_number = NULL
		FROM (SELECT device_key FROM @.devices WHERE user_key = $1 ORDER BY device_key FOR UPDATE) AS o WHERE d.device_key = o.device_key`
	beginErasure = `INSERT INTO @.erasures (user_id, user_key, begun_at)
		SELECT $1::text, $2::bigint, ` + now + ` WHERE $2 <> 0 OR NOT EXISTS (SELECT 1 FROM @.erasures WHERE user_id = $1)`
	erasuresWithDevices = `SELECT e.erasure_id, e.user_id, e.user_key, e.begun_at, d.device_key, d.epoch
		FROM @.erasures e LEFT JOIN @.devices d ON d.user_key = e.user_key `
	erasuresOf    = erasuresWithDevices + `WHERE e.user_id = $1 ORDER BY e.erasure_id, d.device_key`
	firstErasures = erasuresWithDevices + `WHERE e.erasure_id IN (SELECT erasure_id FROM @.erasures ORDER BY erasure_id LIMIT $1)
		ORDER BY e.erasure_id, d.device_key`
	lockErased = `SELECT device_key FROM @.devices WHERE device_key = ANY($1::bigint[]) AND user_key = $2 ORDER BY device_key FOR UPDATE`
	endErasure = `DELETE FROM @.erasures WHERE erasure_id = $1`
	// forgetSent leaves alone what the next user of the id sends.
	forgetSent = `DELETE FROM @.idempotency WHERE ctid = ANY (ARRAY (SELECT ctid FROM @.idempotency
			WHERE sender = $1 AND message_id < $2 ORDER BY client_id LIMIT $3 FOR UPDATE)) RETURNING message_id`
	// lockGroupsOf waits for who changes the members of the same groups.
	lockGroupsOf = `SELECT group_key FROM @.groups WHERE group_key IN (SELECT group_key FROM @.group_members
			WHERE user_key = $1 AND left_seq IS NULL ORDER BY group_key LIMIT $2) ORDER BY group_key FOR UPDATE`
	countErased = `UPDATE @.groups g SET members = g.members - 1 FROM @.group_members m
		WHERE g.group_key = ANY($1::bigint[]) AND m.group_key = g.group_key AND m.user_key = $2 AND m.left_seq IS NULL`
	eraseMembers  = `DELETE FROM @.group_members WHERE group_key = ANY($1::bigint[]) AND user_key = $2`
	lockSent      = `SELECT message_id FROM @.messages WHERE message_id = ANY($1::uuid[]) ORDER BY message_id FOR UPDATE`
	forgetSenders = `UPDATE @.messages SET sender = '' WHERE message_id = ANY($1::uuid[])`
)

// Erase implements store.Store.
func (s *Store) Erase(ctx context.Context, userID string) (out []store.Erasure, err error) {
	err = s.inTx(ctx, func(ctx context.Context, t *tx) error {
		out = nil
		var user int64
		err := t.rows(ctx, eraseUser, func(row pgx.CollectableRow) error { return row.Scan(&user) }, userID)
		if err != nil {
			return err
		}
		b := t.batch()
		b.add(endSessions, user)
		b.add(beginErasure, userID, user)
		if err := t.run(ctx, b); err != nil {
			return err
		}
		return t.rows(ctx, erasuresOf, scanErasures(&out), userID)
	})
	return out, explain(err)
}

// Erasures implements store.Store.
func (s *Store) Erasures(ctx context.Context, limit int) (out []store.Erasure, err error) {
	err = s.rows(ctx, firstErasures, scanErasures(&out), limit)
	return out, err
}

func scanErasures(out *[]store.Erasure) func(pgx.CollectableRow) error {
	return func(row pgx.CollectableRow) error {
		var e store.Erasure
		var begun int64
		var device, epoch *int64
		err := row.Scan(&e.ID, &e.UserID, &e.User, &begun, &device, &epoch)
		*out = rules.AddErasure(*out, e, begun, device, epoch)
		return err
	}
}

// EraseDevices implements store.Store.
func (s *Store) EraseDevices(ctx context.Context, e store.Erasure) error {
	var devices []int64
	for _, d := range e.Devices {
		devices = append(devices, d.Device)
	}
	return explain(s.inTx(ctx, func(ctx context.Context, t *tx) error {
		var keys []int64
		err := t.rows(ctx, lockErased, func(row pgx.CollectableRow) error {
			var key int64
			err := row.Scan(&key)
			keys = append(keys, key)
			return err
		}, devices, e.User)
		if err != nil || len(keys) == 0 {
			return err
		}
		b := t.batch()
		b.add(deleteTokensOf, keys)
		b.add(deleteCursorsOf, keys)
		b.add(deleteBadgesOf, keys)
		b.add(deleteDevices, keys)
		return t.run(ctx, b)
	}))
}

// EraseRows implements store.Store.
func (s *Store) EraseRows(ctx context.Context, e store.Erasure, limit int) (more bool, err error) {
	for _, table := range rules.UserTables() {
		n, err := s.exec(ctx, s.pool, table.Delete("@.", "$1", "$2"), table.Owner(e), limit)
		if err != nil || n >= int64(limit) {
			return true, explain(err)
		}
	}
	err = s.inTx(ctx, func(ctx context.Context, t *tx) error {
		if more, err = t.eraseMemberships(ctx, e, limit); more || err != nil {
			return err
		}
		if more, err = t.eraseSent(ctx, e, limit); more || err != nil {
			return err
		}
		_, err = t.exec(ctx, endErasure, e.ID)
		return err
	})
	return more, explain(err)
}

// eraseMemberships takes the user out of groups, which then have one member less.
func (t *tx) eraseMemberships(ctx context.Context, e store.Erasure, limit int) (more bool, err error) {
	var groups []int64
	err = t.rows(ctx, lockGroupsOf, func(row pgx.CollectableRow) error {
		var group int64
		err := row.Scan(&group)
		groups = append(groups, group)
		return err
	}, e.User, limit)
	if err != nil || len(groups) == 0 {
		return false, err
	}
	b := t.batch()
	b.add(countErased, groups, e.User)
	b.add(eraseMembers, groups, e.User)
	return len(groups) == limit, t.run(ctx, b)
}

// eraseSent empties what the user sent, which the ids of the requests lead to.
func (t *tx) eraseSent(ctx context.Context, e store.Erasure, limit int) (more bool, err error) {
	var ids [][16]byte
	err = t.rows(ctx, forgetSent, func(row pgx.CollectableRow) error {
		var id uuid.UUID
		err := row.Scan(&id)
		ids = append(ids, id)
		return err
	}, e.UserID, rules.SentBefore(e), limit)
	if err != nil || len(ids) == 0 {
		return false, err
	}
	b := t.batch()
	b.add(lockSent, ids)
	b.add(forgetSenders, ids)
	b.add(emptyMessages, ids)
	return len(ids) == limit, t.run(ctx, b)
}
