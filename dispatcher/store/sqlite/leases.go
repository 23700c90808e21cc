package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/offlinepush/operator/dispatcher/store"
)

// nobody owns deliveries that are accepted while there is no lease.
const nobody = 0

// lease is the incarnation that may own deliveries, or nobody.
func (t *tx) lease() (incarnation int64, err error) {
	err = t.row(`SELECT incarnation FROM leases`, []any{&incarnation})
	if errors.Is(err, sql.ErrNoRows) {
		return nobody, nil
	}
	return incarnation, err
}

// AcquireLease implements store.Store. The directory's lock proves that every
// other incarnation is dead, so all rows are adopted and no time runs out.
func (s *Store) AcquireLease(ctx context.Context, by store.Holder, _ time.Duration) (lease store.Lease, err error) {
	err = s.write(ctx, func(t *tx) error {
		if _, err = t.exec(`DELETE FROM leases`); err != nil {
			return err
		}
		if err = t.resumeGrace(); err != nil {
			return err
		}
		if lease.Incarnation, err = t.insert(`INSERT INTO leases (pod, acquired_at) VALUES (?, ?)`, by.Pod, t.now); err != nil {
			return err
		}
		if _, err = t.exec(adoptExpansions, lease.Incarnation); err != nil {
			return err
		}
		lease.Adopted, err = t.exec(adopt, lease.Incarnation)
		lease.Living = alone
		return err
	})
	return lease, err
}

// alone is how many live: the directory has one holder.
const alone = 1

// graceWithin is how long after a drain its sessions can still have grace: a restart takes less.
const graceWithin = 2 * time.Minute

// resumeGrace gives the phones of those that drained a moment ago their time from now on: while nobody had
// the directory they could not connect.
func (t *tx) resumeGrace() error {
	if _, err := t.exec(`DELETE FROM drains WHERE drained_at <= ?`, t.now-graceWithin.Milliseconds()); err != nil {
		return err
	}
	_, err := t.exec(`UPDATE drains SET grace_until = ?`, t.now+store.DrainGrace.Milliseconds())
	return err
}

// DrainSessions implements store.Store.
func (s *Store) DrainSessions(ctx context.Context) error {
	return s.write(ctx, func(t *tx) error {
		_, err := t.exec(`INSERT INTO drains (incarnation, drained_at, grace_until)
			SELECT incarnation, ?1, ?1 + ?2 FROM leases WHERE true ON CONFLICT DO NOTHING`, t.now, store.DrainGrace.Milliseconds())
		return err
	})
}

// adopt is the one statement that visits all deliveries.
const adopt = `UPDATE deliveries SET owner = ?`

// RenewLease implements store.Store.
func (s *Store) RenewLease(ctx context.Context, _ time.Duration) (store.Lease, error) {
	renewed := store.Lease{Living: alone}
	err := s.reader.row(ctx, `SELECT incarnation FROM leases`, []any{&renewed.Incarnation})
	if errors.Is(err, sql.ErrNoRows) {
		return store.Lease{}, store.ErrLeaseLost
	}
	return renewed, s.explain(err)
}

// ReleaseLease implements store.Store.
func (s *Store) ReleaseLease(ctx context.Context) error {
	return s.write(ctx, func(t *tx) error {
		_, err := t.exec(`DELETE FROM leases`)
		return err
	})
}

// Peers implements store.Store: the directory has one holder.
func (*Store) Peers(context.Context) ([]store.Peer, error) { return nil, nil }

// Now implements store.Store: one process has one clock.
func (*Store) Now() time.Time { return time.Now() }
