package postgres

import (
	"maps"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/rules"
)

const (
	// lockSteps finds the expansions that this process may go on with, and where they are.
	lockSteps = `SELECT x.message_id, x.after_key FROM @.expansions x
		WHERE x.message_id = ANY($2::uuid[]) AND x.state = 'Running' AND x.owner IN (SELECT o.incarnation FROM ` + owned + `)
		ORDER BY x.message_id FOR UPDATE`
	moveSteps = `UPDATE @.expansions x SET after_key = n.to_key, users = x.users + n.users, targets = x.targets + n.targets,
			state = CASE WHEN n.last THEN 'Done' ELSE x.state END, finished_at = CASE WHEN n.last THEN ` + now + ` ELSE 0 END
		FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::boolean[]) AS n(message_id, to_key, users, targets, last)
		WHERE x.message_id = n.message_id`
	lockGroups = `SELECT g.group_id, g.group_key, g.seq FROM @.groups g
		WHERE g.group_id = ANY($1::text[]) AND g.deleted_at IS NULL ORDER BY g.group_key FOR UPDATE`
	// readSenders sees who is a member under the locks.
	readSenders = `SELECT n.group_id, n.user_id FROM unnest($1::text[], $2::text[]) AS n(group_id, user_id)
		JOIN @.groups g ON g.group_id = n.group_id AND g.deleted_at IS NULL JOIN @.users u ON u.user_id = n.user_id
		JOIN @.group_members m ON m.group_key = g.group_key AND m.user_key = u.user_key AND m.left_seq IS NULL`
	moveGroups = `UPDATE @.groups g SET seq = n.seq FROM unnest($1::bigint[], $2::bigint[]) AS n(group_key, seq)
		WHERE g.group_key = n.group_key`
	// lockMeta lets one process at a time begin broadcasts, of which there may be so many only.
	lockMeta   = `SELECT ` + now + ` FROM @.meta WHERE id = 1 FOR UPDATE`
	readStarts = `SELECT started_at FROM @.expansions WHERE group_key = 0 ORDER BY message_id DESC LIMIT $1`
	// insertExpansions gives the rows to this process's lease if it lives.
	insertExpansions = `WITH own AS (` + lockLease + `)
		INSERT INTO @.expansions (message_id, group_key, seq, audience, owner, state, users_up_to, devices_up_to, started_at)
		SELECT r.*, coalesce((SELECT incarnation FROM own), 0), 'Running', (SELECT coalesce(max(user_key), 0) FROM @.users),
			(SELECT coalesce(max(device_key), 0) FROM @.devices), ` + now + `
		FROM unnest($2::uuid[], $3::bigint[], $4::bigint[], $5::text[]) AS r`
)

// many is what a batch has to know of messages for many, and of the steps of such.
type many struct {
	cursors map[uuid.UUID]int64
	groups  map[string]groupRow
	members map[membership]bool
	// starts are of the broadcasts before, newest first, and at is now.
	starts []int64
	at     int64
	// seqs are the places of the batch's messages among the events of their groups.
	seqs map[*acceptRequest]groupRow
}

type membership struct{ group, user string }

func newMany() many {
	return many{
		cursors: map[uuid.UUID]int64{}, groups: map[string]groupRow{}, members: map[membership]bool{},
		seqs: map[*acceptRequest]groupRow{},
	}
}

// lock locks what the batch goes on with or sends to, in the order of tables that all keep.
func (m *many) lock(b *batch, requests []*acceptRequest, own int64) {
	var steps [][16]byte
	members := map[membership]bool{}
	broadcasts := false
	for _, r := range requests {
		switch x := r.Expansion(); {
		case r.Step != nil:
			steps = append(steps, r.ID)
		case r.Broadcast():
			broadcasts = true
		case x != nil:
			members[membership{x.GroupID, r.Message.Sender}] = true
		}
	}
	if broadcasts {
		b.add(lockMeta).QueryRow(func(row pgx.Row) error { return row.Scan(&m.at) })
		b.add(readStarts, rules.MaxStarts).Query(func(rows pgx.Rows) (err error) {
			m.starts, err = pgx.CollectRows(rows, pgx.RowTo[int64])
			return err
		})
	}
	if len(steps) > 0 {
		b.add(lockSteps, own, steps).Query(m.scanSteps)
	}
	m.lockGroups(b, members)
}

func (m *many) scanSteps(rows pgx.Rows) error {
	var id uuid.UUID
	var after int64
	_, err := pgx.ForEachRow(rows, []any{&id, &after}, func() error {
		m.cursors[id] = after
		return nil
	})
	return err
}

func (m *many) lockGroups(b *batch, asked map[membership]bool) {
	if len(asked) == 0 {
		return
	}
	var groups, users []string
	for k := range asked {
		groups, users = append(groups, k.group), append(users, k.user)
	}
	b.add(lockGroups, groups).Query(func(rows pgx.Rows) error {
		var id string
		var g groupRow
		_, err := pgx.ForEachRow(rows, []any{&id, &g.key, &g.seq}, func() error {
			m.groups[id] = g
			return nil
		})
		return err
	})
	b.add(readSenders, groups, users).Query(func(rows pgx.Rows) error {
		var k membership
		_, err := pgx.ForEachRow(rows, []any{&k.group, &k.user}, func() error {
			m.members[k] = true
			return nil
		})
		return err
	})
}

// admit decides whether a message for many, or a step of such, may be written, and counts it as an event.
func (m *many) admit(r *acceptRequest) error {
	x := r.Expansion()
	switch {
	case r.Step != nil:
		after, mine := m.cursors[r.ID]
		if !mine || after != r.Step.From {
			return store.ErrMoved
		}
		m.cursors[r.ID] = r.Step.To
		if r.Step.Last {
			delete(m.cursors, r.ID)
		}
	case r.Broadcast():
		if err := rules.WaitForBroadcast(x.Limit, m.starts, m.at); err != nil {
			return err
		}
		m.starts = slices.Insert(m.starts, 0, m.at)
		m.seqs[r] = groupRow{}
	case x != nil:
		g, ok := m.groups[x.GroupID]
		if !ok {
			return store.ErrNotFound
		}
		if !m.members[membership{x.GroupID, r.Message.Sender}] {
			return store.ErrNotMember
		}
		g.seq++
		m.groups[x.GroupID], m.seqs[r] = g, g
	}
	return nil
}

// write moves what the accepted requests move, and adds what they begin.
func (m *many) write(b *batch, accepted []*acceptRequest, own int64) {
	var moved struct {
		ids                [][16]byte
		to, users, targets []int64
		last               []bool
	}
	var begun struct {
		ids          [][16]byte
		groups, seqs []int64
		audiences    []string
	}
	counters := map[int64]int64{}
	for _, r := range accepted {
		if s := r.Step; s != nil {
			moved.ids, moved.to, moved.users = append(moved.ids, r.ID), append(moved.to, s.To), append(moved.users, s.Users)
			moved.targets, moved.last = append(moved.targets, r.Targets), append(moved.last, s.Last)
		}
		if g, ok := m.seqs[r]; ok {
			begun.ids, begun.groups = append(begun.ids, r.ID), append(begun.groups, g.key)
			begun.seqs, begun.audiences = append(begun.seqs, g.seq), append(begun.audiences, r.Audience)
			counters[g.key] = max(counters[g.key], g.seq)
		}
	}
	delete(counters, 0)
	if len(moved.ids) > 0 {
		b.add(moveSteps, moved.ids, moved.to, moved.users, moved.targets, moved.last)
	}
	if len(counters) > 0 {
		keys := slices.Sorted(maps.Keys(counters))
		seqs := make([]int64, len(keys))
		for i, k := range keys {
			seqs[i] = counters[k]
		}
		b.add(moveGroups, keys, seqs)
	}
	if len(begun.ids) > 0 {
		b.add(insertExpansions, own, begun.ids, begun.groups, begun.seqs, begun.audiences)
	}
}
