package postgres

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/offlinepush/operator/dispatcher/store/rules"
)

const (
	// claimKeys waits for other transactions that claim the same keys.
	claimKeys = `INSERT INTO @.idempotency (sender, client_id, request_hash, message_id, expires_at)
		SELECT * FROM unnest($1::text[], $2::text[], $3::bytea[], $4::uuid[], $5::bigint[])
		ON CONFLICT (sender, client_id) DO NOTHING RETURNING sender, client_id`
	unclaimKeys = `DELETE FROM @.idempotency i USING unnest($1::text[], $2::text[]) AS k(sender, client_id)
		WHERE i.sender = k.sender AND i.client_id = k.client_id`
	readPending = `SELECT coalesce(sum(pending), 0)::bigint FROM @.backlog`
	readFirsts  = `SELECT i.sender, i.client_id, i.request_hash, i.message_id, p.user_id, p.seq
		FROM unnest($1::text[], $2::text[]) AS k(sender, client_id)
		JOIN @.idempotency i ON i.sender = k.sender AND i.client_id = k.client_id
		LEFT JOIN LATERAL (
			SELECT u.user_id, x.seq FROM @.inbox x JOIN @.users u ON u.user_key = x.user_key WHERE x.message_id = i.message_id
				AND NOT EXISTS (SELECT 1 FROM @.expansions e WHERE e.message_id = i.message_id)) AS p ON true`
	// takePlaces locks the users, so that places are taken without a gap.
	takePlaces = `INSERT INTO @.users AS u (user_id, last_seq) SELECT * FROM unnest($1::text[], $2::bigint[])
		ON CONFLICT (user_id) DO UPDATE SET last_seq = u.last_seq + excluded.last_seq RETURNING user_id, user_key, last_seq`
	insertMessages = `INSERT INTO @.messages (message_id, kind, detail, sender, body, push, created_at, push_expires_at)
		SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::bigint[])`
	insertInbox = `INSERT INTO @.inbox (user_key, seq, message_id) SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::uuid[])`
	// insertDeliveries gives the rows to this process's lease if it lives.
	insertDeliveries = `WITH own AS (` + lockLease + `)
		INSERT INTO @.deliveries (message_id, channel, rule, priority, targets, target_count, due_at, expires_at, owner, attempt, changed_at)
		SELECT r.*, coalesce((SELECT incarnation FROM own), 0), 0, ` + now + `
		FROM unnest($2::uuid[], $3::text[], $4::text[], $5::smallint[], $6::bytea[], $7::integer[], $8::bigint[], $9::bigint[]) AS r
		RETURNING delivery_id, owner`
)

// claim takes the idempotency keys of the batch, and learns how much is pending.
func (a *accepting) claim(ctx context.Context) error {
	b := a.tx.batch()
	if len(a.claims) > 0 {
		a.claimKeys(b)
	}
	a.lockCalls(b)
	a.lock(b, a.batch, a.store.incarnation.Load())
	if slices.ContainsFunc(a.batch, func(r *acceptRequest) bool { return r.Capped() }) {
		b.add(readPending).QueryRow(func(row pgx.Row) error { return row.Scan(&a.pending) })
	}
	a.lockChanged(b)
	return a.run(ctx, b)
}

func (a *accepting) claimKeys(b *batch) {
	var senders, clients []string
	var hashes [][]byte
	var ids [][16]byte
	var expires []int64
	for _, k := range slices.SortedFunc(maps.Keys(a.claims), compareKeys) {
		r := a.claims[k]
		senders, clients = append(senders, k.sender), append(clients, k.client)
		hashes, ids, expires = append(hashes, r.Hash[:]), append(ids, r.ID), append(expires, millis(r.IdempotentUntil))
	}
	var k idempotencyKey
	b.add(claimKeys, senders, clients, hashes, ids, expires).Query(func(rows pgx.Rows) error {
		_, err := pgx.ForEachRow(rows, []any{&k.sender, &k.client}, func() error {
			a.fresh[k] = true
			return nil
		})
		return err
	})
}

func compareKeys(a, b idempotencyKey) int {
	return cmp.Or(cmp.Compare(a.sender, b.sender), cmp.Compare(a.client, b.client))
}

// keysOf are the idempotency keys of requests.
func keysOf(requests []*acceptRequest) (senders, clients []string) {
	keys := map[idempotencyKey]bool{}
	for _, r := range requests {
		if r.ClientID != "" {
			keys[r.key()] = true
		}
	}
	for _, k := range slices.SortedFunc(maps.Keys(keys), compareKeys) {
		senders, clients = append(senders, k.sender), append(clients, k.client)
	}
	return senders, clients
}

// firstRequest is the stored one that others repeat.
type firstRequest struct {
	hash []byte
	id   uuid.UUID
	seqs map[string]int64
}

// place takes the places and badges of the accepted messages, gives the keys of refused
// requests back, and answers repeated ones.
func (a *accepting) place(ctx context.Context) error {
	b := a.tx.batch()
	if senders, clients := keysOf(a.refused); len(senders) > 0 {
		b.add(unclaimKeys, senders, clients)
	}
	found := map[idempotencyKey]*firstRequest{}
	if len(a.repeated) > 0 {
		senders, clients := keysOf(a.repeated)
		b.add(readFirsts, senders, clients).Query(func(rows pgx.Rows) error { return scanFirsts(rows, found) })
	}
	if counts := a.counted(); len(counts) > 0 {
		userIDs, messages := columns(counts)
		b.add(takePlaces, userIDs, messages).Query(func(rows pgx.Rows) error { return a.scanPlaces(rows, counts) })
	}
	a.raise(b)
	if b.Len() == 0 {
		return nil
	}
	err := a.run(ctx, b)
	a.answer(found)
	return err
}

func scanFirsts(rows pgx.Rows, found map[idempotencyKey]*firstRequest) error {
	var k idempotencyKey
	var hash []byte
	var id uuid.UUID
	var userID *string
	var seq *int64
	_, err := pgx.ForEachRow(rows, []any{&k.sender, &k.client, &hash, &id, &userID, &seq}, func() error {
		if found[k] == nil {
			found[k] = &firstRequest{hash: hash, id: id, seqs: map[string]int64{}}
		}
		if userID != nil { // without one the message is gone
			found[k].seqs[*userID] = *seq
		}
		return nil
	})
	return err
}

// scanPlaces notes the last place of each user before the batch.
func (a *accepting) scanPlaces(rows pgx.Rows, counts map[string]int64) error {
	var userID string
	var p rules.Place
	_, err := pgx.ForEachRow(rows, []any{&userID, &p.User, &p.Seq}, func() error {
		a.users[userID] = rules.Place{User: p.User, Seq: p.Seq - counts[userID]}
		return nil
	})
	return err
}

// write stores what is accepted, and commits.
func (a *accepting) write(ctx context.Context) error {
	b := a.tx.batch()
	if len(a.accepted) == 0 {
		return a.finish(ctx, b)
	}
	rows := a.rows()
	if err := a.ensureDays(ctx, rows); err != nil {
		return err
	}
	a.many.write(b, a.accepted, a.store.incarnation.Load())
	if m := rows.messages; len(m.ids) > 0 {
		b.add(insertMessages, m.ids, m.kinds, m.details, m.senders, m.bodies, m.pushes, m.created, m.expires)
	}
	a.change(b)
	if i := rows.inbox; len(i.users) > 0 {
		b.add(insertInbox, i.users, i.seqs, i.messages)
	}
	noteCrowded(b, rows.crowded)
	rows.rules.queue(b)
	if d := rows.deliveries; len(d.chunks) > 0 {
		b.add(insertDeliveries, a.store.incarnation.Load(), d.messages, d.channels, d.rules, d.priorities, d.targets, d.counts, d.dues, d.expires).
			Query(func(rows pgx.Rows) error { return scanDeliveries(rows, d) })
	}
	a.changeCalls(b)
	rows.ledger.queue(b)
	return a.finish(ctx, b)
}

// scanDeliveries answers with the rows if they are this process's.
func scanDeliveries(rows pgx.Rows, d deliveryRows) error {
	ids, err := storedDeliveries(rows)
	d.answer(ids)
	return err
}

// storedDeliveries are the ids of the rows, which grow in their order, if they are this process's.
func storedDeliveries(rows pgx.Rows) (ids []int64, err error) {
	var id, owner int64
	_, err = pgx.ForEachRow(rows, []any{&id, &owner}, func() error {
		ids = append(ids, id)
		return nil
	})
	if err != nil || owner == nobody {
		return nil, err
	}
	slices.Sort(ids)
	return ids, nil
}
