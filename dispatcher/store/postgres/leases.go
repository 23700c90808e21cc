package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/offlinepush/operator/dispatcher/store"
)

// nobody owns deliveries that are accepted while there is no lease.
const nobody = 0

// orphanStep bounds the deliveries of nobody that one statement adopts.
const orphanStep = 5000

const (
	insertLease = `INSERT INTO @.leases (pod, addr, acquired_at, expires_at)
		SELECT $1, $2, t, t + $3 FROM (SELECT ` + now + ` AS t) AS n RETURNING incarnation, acquired_at`
	renewLease = `UPDATE @.leases l SET expires_at = ` + now + ` + $2
		WHERE l.incarnation = $1 AND ` + alive + ` RETURNING l.expires_at - $2`
	// lockLease finds this process's lease if it lives. The lock keeps it from being taken over before
	// what is written under it can be seen, and does not keep it from being renewed.
	lockLease = `SELECT l.incarnation FROM @.leases l WHERE l.incarnation = $1 AND ` + alive + ` FOR KEY SHARE`
	// drainLease leaves the lease alone, under which deliveries go on to the end.
	drainLease = `UPDATE @.leases l SET drained_at = ` + now + ` WHERE l.incarnation = $1 AND ` + staying
	endLease   = `UPDATE @.leases SET expires_at = 0 WHERE incarnation = $1 AND heir = 0`
	// inherit waits for nobody: a lease that is locked is being renewed, taken over or written under. An
	// heir whose own lease is inherited leaves nothing behind. The process's own is not its to inherit, even
	// if it has run out since it was renewed a moment ago.
	inherit = `WITH dead AS (
			SELECT incarnation FROM @.leases
			WHERE heir = 0 AND expires_at <= ` + now + ` AND incarnation <> $1 FOR UPDATE SKIP LOCKED)
		UPDATE @.leases l SET heir = $1
		WHERE l.incarnation IN (SELECT incarnation FROM dead) OR l.heir IN (SELECT incarnation FROM dead)
			OR l.heir IN (SELECT m.incarnation FROM @.leases m WHERE m.heir = $1)
		RETURNING l.incarnation`
	countLiving = `SELECT count(*) FROM @.leases l WHERE ` + alive
	countOwned  = `SELECT count(*) FROM (SELECT FROM @.deliveries WHERE owner = ANY($1::bigint[]) LIMIT 1000) AS d`
	adopt       = `UPDATE @.deliveries d SET owner = $1 FROM (
			SELECT delivery_id FROM @.deliveries WHERE owner = 0
			ORDER BY owner, channel, due_at, delivery_id LIMIT $2 FOR UPDATE SKIP LOCKED) AS o
		WHERE d.delivery_id = o.delivery_id`
	readPeers = `SELECT l.incarnation, l.pod, l.addr FROM @.leases l
		WHERE ` + alive + ` AND l.incarnation <> $1 AND l.addr <> '' ORDER BY l.incarnation`
)

// AcquireLease implements store.Store. A lease that this process still has ends.
func (s *Store) AcquireLease(ctx context.Context, by store.Holder, ttl time.Duration) (lease store.Lease, err error) {
	err = s.inTxOf(ctx, s.vital, func(ctx context.Context, t *tx) error {
		sent := time.Now()
		var ms int64
		b := t.batch()
		b.add(endLease, s.incarnation.Load())
		b.add(insertLease, by.Pod, by.Addr, ttl.Milliseconds()).QueryRow(func(row pgx.Row) error {
			return row.Scan(&lease.Incarnation, &ms)
		})
		if err := t.run(ctx, b); err != nil {
			return err
		}
		s.clock.set(ms, sent)
		return t.adopt(ctx, &lease)
	})
	if err != nil {
		return store.Lease{}, explain(err)
	}
	s.incarnation.Store(lease.Incarnation)
	return lease, nil
}

// RenewLease implements store.Store.
func (s *Store) RenewLease(ctx context.Context, ttl time.Duration) (store.Lease, error) {
	own := s.incarnation.Load()
	var renewed store.Lease
	err := s.inTxOf(ctx, s.vital, func(ctx context.Context, t *tx) error {
		sent := time.Now()
		var ms int64
		err := t.row(ctx, renewLease, own, ttl.Milliseconds()).Scan(&ms)
		if errors.Is(err, pgx.ErrNoRows) {
			return store.ErrLeaseLost
		}
		if err != nil {
			return err
		}
		s.clock.set(ms, sent)
		renewed = store.Lease{Incarnation: own}
		return t.adopt(ctx, &renewed)
	})
	if err != nil {
		return store.Lease{}, explain(err)
	}
	return renewed, nil
}

// adopt makes this incarnation, whose lease the transaction has locked, the
// heir of the dead, and gives it a step of what nobody owns. The rest of that
// is for the renewals of all processes. It counts those that live besides.
func (t *tx) adopt(ctx context.Context, to *store.Lease) error {
	var inherited []int64
	b := t.batch()
	b.add(inherit, to.Incarnation).Query(func(rows pgx.Rows) (err error) {
		inherited, err = pgx.CollectRows(rows, pgx.RowTo[int64])
		return err
	})
	b.add(adopt, to.Incarnation, orphanStep).Exec(func(tag pgconn.CommandTag) error {
		to.Adopted = tag.RowsAffected()
		return nil
	})
	b.add(adoptExpansions, to.Incarnation, orphanStep)
	b.add(countLiving).QueryRow(func(row pgx.Row) error { return row.Scan(&to.Living) })
	if err := t.run(ctx, b); err != nil || len(inherited) == 0 {
		return err
	}
	// Counted by a later statement: it sees all that was written under the dead leases.
	var n int64
	err := t.row(ctx, countOwned, inherited).Scan(&n)
	to.Adopted += n
	return err
}

// ReleaseLease implements store.Store.
func (s *Store) ReleaseLease(ctx context.Context) error {
	_, err := s.exec(ctx, s.vital, endLease, s.incarnation.Load())
	return err
}

// DrainSessions implements store.Store.
func (s *Store) DrainSessions(ctx context.Context) error {
	_, err := s.exec(ctx, s.vital, drainLease, s.incarnation.Load())
	return err
}

// Peers implements store.Store.
func (s *Store) Peers(ctx context.Context) (peers []store.Peer, err error) {
	err = s.rowsOf(ctx, s.vital, readPeers, func(row pgx.CollectableRow) error {
		var p store.Peer
		err := row.Scan(&p.Incarnation, &p.Pod, &p.Addr)
		peers = append(peers, p)
		return err
	}, s.incarnation.Load())
	return peers, err
}
