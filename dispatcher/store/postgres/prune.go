package postgres

import (
	"cmp"
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/rules"
)

const (
	pruneKeys = `DELETE FROM @.idempotency WHERE ctid = ANY (ARRAY (
		SELECT ctid FROM @.idempotency WHERE expires_at < $1 ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED))`
	oldDevices = `SELECT device_key FROM @.devices WHERE seen_at < $1
		ORDER BY seen_at, device_key LIMIT $2 FOR UPDATE SKIP LOCKED`
	pruneTokens  = `DELETE FROM @.tokens WHERE device_key = ANY($1::bigint[])`
	pruneCursors = `DELETE FROM @.cursors WHERE device_key = ANY($1::bigint[])`
	pruneDevices = `DELETE FROM @.devices WHERE device_key = ANY($1::bigint[])`
	// pruneLeases forgets who has an heir and left nothing to do, after an hour for those who look. The
	// order makes it look into the index, where an owner who is missing is found missing at once.
	pruneLeases = `DELETE FROM @.leases l WHERE l.heir <> 0 AND l.expires_at < ` + now + ` - 3600000
		AND (SELECT 1 FROM @.deliveries d WHERE d.owner = l.incarnation ORDER BY d.channel, d.due_at LIMIT 1) IS NULL
		AND (SELECT 1 FROM @.expansions x WHERE x.owner = l.incarnation AND x.finished_at = 0 ORDER BY x.message_id LIMIT 1) IS NULL`
	pendingOfDay = `SELECT EXISTS (SELECT 1 FROM @.deliveries WHERE message_id >= $1 AND message_id < $2)
		OR EXISTS (SELECT 1 FROM @.expansions WHERE message_id >= $1 AND message_id < $2 AND finished_at = 0)`
	// pruneMembers leaves a group alone that has messages which are not expanded yet: one may be for who left.
	pruneMembers = `DELETE FROM @.group_members WHERE ctid = ANY (ARRAY (
		SELECT m.ctid FROM @.group_members m WHERE m.left_at < $1
			AND NOT EXISTS (SELECT 1 FROM @.expansions x WHERE x.group_key = m.group_key AND x.finished_at = 0)
		ORDER BY m.left_at LIMIT $2 FOR UPDATE SKIP LOCKED))`
	pruneMembersOfGroups = `DELETE FROM @.group_members WHERE ctid = ANY (ARRAY (
		SELECT m.ctid FROM (
			SELECT g.group_key FROM @.groups g WHERE g.deleted_at < $1
				AND NOT EXISTS (SELECT 1 FROM @.expansions x WHERE x.group_key = g.group_key AND x.finished_at = 0)
				AND EXISTS (SELECT 1 FROM @.group_members m WHERE m.group_key = g.group_key)
			ORDER BY g.deleted_at LIMIT 10) AS g
		CROSS JOIN LATERAL (SELECT ctid FROM @.group_members WHERE group_key = g.group_key ORDER BY user_key LIMIT $2) AS m
		LIMIT $2))`
	// pruneGroups looks for members like pruneLeases for deliveries: in the index, however many there are.
	pruneGroups = `DELETE FROM @.groups WHERE group_key = ANY (ARRAY (
		SELECT g.group_key FROM @.groups g WHERE g.deleted_at < $1
			AND (SELECT 1 FROM @.group_members m WHERE m.group_key = g.group_key ORDER BY m.user_key LIMIT 1) IS NULL
		LIMIT $2 FOR UPDATE SKIP LOCKED))`
	pruneExpansions = `DELETE FROM @.expansions WHERE message_id = ANY (ARRAY (
		SELECT message_id FROM @.expansions WHERE finished_at > 0 AND finished_at < $1
		ORDER BY finished_at LIMIT $2 FOR UPDATE SKIP LOCKED))`
)

// lockTries bounds how often a day is tried to be dropped while others use the
// table. Each of them makes those who come later wait for a moment only.
const (
	lockTries = 5
	lockWait  = `SET LOCAL lock_timeout = '200ms'`
)

// Prune implements store.Store, and makes the partitions of the next days in the
// end. Processes that prune at the same time leave each other's rows alone.
func (s *Store) Prune(ctx context.Context, before store.Cutoffs, limit int) (out store.Pruned, err error) {
	steps := []func() (more bool, err error){
		func() (bool, error) { return s.dropDay(ctx, &out, millis(before.Messages), messagesTable, inboxTable) },
		func() (bool, error) { return s.dropDay(ctx, &out, millis(before.Outcomes), outcomesTable) },
		func() (bool, error) { return s.dropDay(ctx, &out, millis(before.Outcomes), receiptsTable) },
		func() (bool, error) { return s.trim(ctx, &out, limit) },
		func() (bool, error) { return s.pruneRows(ctx, pruneLetters, millis(before.Letters), limit) },
		func() (bool, error) { return s.pruneRows(ctx, pruneBeyond, rules.Bound(before.MaxLetters), limit) },
		func() (bool, error) { return s.pruneRows(ctx, pruneContent, 0, limit) },
		func() (bool, error) { return s.pruneRows(ctx, pruneKeys, millis(before.Idempotency), limit) },
		func() (bool, error) { return s.pruneRows(ctx, pruneCalls, millis(before.Messages), limit) },
		func() (bool, error) { return s.pruneRows(ctx, prunePushTests, millis(before.PushTests), limit) },
		func() (bool, error) { return s.pruneRows(ctx, pruneMembers, millis(before.Messages), limit) },
		func() (bool, error) { return s.pruneRows(ctx, pruneMembersOfGroups, millis(before.Messages), limit) },
		func() (bool, error) { return s.pruneRows(ctx, pruneGroups, millis(before.Messages), limit) },
		func() (bool, error) { return s.pruneRows(ctx, pruneExpansions, rules.OldExpansions(before), limit) },
		func() (bool, error) { return s.pruneDevices(ctx, millis(before.Devices), limit) },
		func() (bool, error) { _, err := s.exec(ctx, s.pool, pruneLeases); return false, err },
	}
	for _, step := range steps {
		again, err := step()
		if err != nil {
			return out, explain(err)
		}
		out.More = out.More || again
	}
	if out.More {
		return out, nil
	}
	return out, explain(s.makePartitions(ctx))
}

func (s *Store) pruneRows(ctx context.Context, query string, cutoff int64, limit int) (more bool, err error) {
	n, err := s.exec(ctx, s.pool, query, cutoff, limit)
	return n >= int64(limit), err
}

func (s *Store) pruneDevices(ctx context.Context, cutoff int64, limit int) (more bool, err error) {
	err = s.inTx(ctx, func(ctx context.Context, t *tx) error {
		var keys []int64
		err := t.rows(ctx, oldDevices, func(row pgx.CollectableRow) error {
			var key int64
			err := row.Scan(&key)
			keys = append(keys, key)
			return err
		}, cutoff, limit)
		if more = len(keys) == limit; err != nil || len(keys) == 0 {
			return err
		}
		b := t.batch()
		b.add(pruneDevices, keys)
		b.add(pruneTokens, keys)
		b.add(pruneCursors, keys)
		b.add(deleteBadgesOf, keys)
		return t.run(ctx, b)
	})
	return more, err
}

// dropDay drops the oldest day that is wholly before the cutoff, of all the
// tables at once, unless something of it is pending.
func (s *Store) dropDay(ctx context.Context, out *store.Pruned, cutoff int64, tables ...string) (more bool, err error) {
	all, err := s.partitions(ctx, s.pool)
	if err != nil {
		return false, err
	}
	old := slices.DeleteFunc(all, func(p partition) bool {
		return p.day < 0 || (p.day+1)*dayMillis > cutoff || !slices.Contains(tables, p.table)
	})
	slices.SortFunc(old, func(a, b partition) int {
		return cmp.Or(cmp.Compare(a.day, b.day), cmp.Compare(slices.Index(tables, a.table), slices.Index(tables, b.table)))
	})
	for len(old) > 0 {
		same := slices.IndexFunc(old, func(p partition) bool { return p.day != old[0].day })
		if same < 0 {
			same = len(old)
		}
		dropped, err := s.drop(ctx, out, old[:same])
		if err != nil || dropped {
			return same < len(old), err
		}
		old = old[same:]
	}
	return false, nil
}

// drop removes a day's partitions, unless somebody needs them, has just removed them or uses the
// tables for so long that the next time will do.
func (s *Store) drop(ctx context.Context, out *store.Pruned, day []partition) (dropped bool, err error) {
	// Before the count and the lock, because a day that is pending is asked for often, and behind them, to be sure.
	if pending, err := pendingOf(ctx, s, day[0]); pending || err != nil {
		return false, err
	}
	// Most of it before the lock, too, and the rest behind it.
	if err := keepLetters(ctx, func(ctx context.Context, query string, args ...any) (int64, error) {
		return s.exec(ctx, s.pool, query, args...)
	}, day[0]); err != nil {
		return false, err
	}
	expired, err := s.countExpired(ctx, day)
	if code(err) == "42P01" { // undefined_table: another process was faster
		return false, nil
	}
	if err != nil {
		return false, err
	}
	for range lockTries {
		err = s.inTx(ctx, func(ctx context.Context, t *tx) (err error) {
			dropped, err = t.drop(ctx, day)
			return err
		})
		if code(err) == "55P03" { // lock_not_available
			continue
		}
		if !dropped || err != nil {
			return false, err
		}
		out.Expired += expired
		return true, nil
	}
	return false, nil
}

func (t *tx) drop(ctx context.Context, day []partition) (bool, error) {
	b := t.batch()
	b.add(lockWait)
	for _, p := range day {
		b.add(`LOCK TABLE ONLY @.` + p.table + ` IN ACCESS EXCLUSIVE MODE`)
	}
	if err := t.run(ctx, b); err != nil {
		return false, err
	}
	if pending, err := pendingOf(ctx, t, day[0]); pending || err != nil {
		return false, err
	}
	// Who drops it counts what expired, and only one does.
	if all, err := t.store.partitions(ctx, t); err != nil || !slices.Contains(all, day[0]) {
		return false, err
	}
	if err := keepLetters(ctx, t.exec, day[0]); err != nil {
		return false, err
	}
	b = t.batch()
	for _, p := range day {
		b.add(`DROP TABLE IF EXISTS ` + pgx.Identifier{t.store.schema, p.name}.Sanitize())
	}
	t.store.days.forget()
	return true, t.run(ctx, b)
}

// rower is a transaction or the store.
type rower interface {
	row(ctx context.Context, query string, args ...any) pgx.Row
}

// pendingOf reports whether something of a day's messages is pending, which keeps the messages alone.
func pendingOf(ctx context.Context, q rower, p partition) (pending bool, err error) {
	if p.table == outcomesTable || p.table == receiptsTable {
		return false, nil
	}
	err = q.row(ctx, pendingOfDay, firstID(p.day), firstID(p.day+1)).Scan(&pending)
	return pending, err
}
