package postgres

import (
	"testing"
	"time"

	"github.com/offlinepush/operator/dispatcher/store"
)

func acquire(t *testing.T, s *Store) store.Lease {
	t.Helper()
	l, err := s.AcquireLease(t.Context(), store.Holder{Pod: "pod"}, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func execute(t *testing.T, s *Store, query string, args ...any) {
	t.Helper()
	if _, err := s.pool.Exec(t.Context(), s.sql(query), args...); err != nil {
		t.Fatal(err)
	}
}

// orphans stores deliveries that nobody owns.
func orphans(t *testing.T, s *Store, n int) {
	t.Helper()
	execute(t, s, `INSERT INTO @.deliveries (message_id, channel, owner, targets, target_count, attempt, due_at, expires_at, changed_at)
		SELECT gen_random_uuid(), 'fcm', 0, '\x0100', 0, 0, 1, 1, 1 FROM generate_series(1, $1)`, n)
}

func TestWhatNobodyOwnsIsAdoptedInSteps(t *testing.T) {
	t.Parallel()
	s := handles(t, 1)[0]
	orphans(t, s, 2*orphanStep+10)
	if l := acquire(t, s); l.Adopted != orphanStep {
		t.Errorf("acquiring adopted %d, want a step of %d", l.Adopted, orphanStep)
	}
	for _, want := range []int64{orphanStep, 10, 0} {
		got, err := s.RenewLease(t.Context(), time.Minute)
		if err != nil || got.Adopted != want {
			t.Errorf("renewing adopted %d, %v, want %d", got.Adopted, err, want)
		}
	}
}

// Even a lease that is over before its renewal ends is somebody else's to inherit.
func TestTheOwnLeaseIsNotInherited(t *testing.T) {
	t.Parallel()
	stores := handles(t, 2)
	acquire(t, stores[0])
	accept(t, stores[0], pushTo(boundDevice(t, stores[0], "anna")))
	if _, err := stores[0].RenewLease(t.Context(), -time.Minute); err != nil {
		t.Fatal(err)
	}
	if l := acquire(t, stores[1]); l.Adopted != 1 {
		t.Errorf("adopted %d, want 1", l.Adopted)
	}
}

// A renewal does not wait for the writes under the lease, and a takeover does not happen during one.
func TestALeaseIsRenewedAndKeptDuringAWrite(t *testing.T) {
	t.Parallel()
	stores := handles(t, 2)
	own := acquire(t, stores[0])
	writing, err := stores[0].pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer writing.Rollback(t.Context()) //nolint:errcheck // It has only read.
	if _, err := writing.Exec(t.Context(), stores[0].sql(lockLease), own.Incarnation); err != nil {
		t.Fatal(err)
	}
	if _, err := stores[0].RenewLease(t.Context(), -time.Minute); err != nil { // it has run out
		t.Fatalf("renewing during a write: %v", err)
	}
	heir := func() (heir int64) {
		t.Helper()
		if err := stores[1].row(t.Context(), `SELECT heir FROM @.leases WHERE incarnation = $1`, own.Incarnation).Scan(&heir); err != nil {
			t.Fatal(err)
		}
		return heir
	}
	acquire(t, stores[1])
	if heir() != 0 {
		t.Error("the lease was taken over during a write")
	}
	if err := writing.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := stores[1].RenewLease(t.Context(), time.Minute); err != nil {
		t.Fatal(err)
	}
	if heir() == 0 {
		t.Error("the lease was not taken over after the write")
	}
}

func TestOldLeasesAreForgotten(t *testing.T) {
	t.Parallel()
	s := handles(t, 1)[0]
	own := acquire(t, s)
	accept(t, s, pushTo(boundDevice(t, s, "anna")))
	for _, l := range []struct {
		name    string
		hours   int
		heir    int64
		pending bool
	}{
		{"forgotten", 2, own.Incarnation, false},
		{"young", 0, own.Incarnation, false},
		{"not taken over", 2, 0, false},
		{"pending", 2, own.Incarnation, true},
	} {
		execute(t, s, `INSERT INTO @.leases (pod, addr, acquired_at, expires_at, heir) VALUES ($1, '', 1, `+now+` - $2::bigint * 3600000 - 1, $3)`,
			l.name, l.hours, l.heir)
		if l.pending {
			execute(t, s, `UPDATE @.deliveries SET owner = (SELECT max(incarnation) FROM @.leases)`)
		}
	}
	prune(t, s, store.Cutoffs{})
	var left string
	if err := s.row(t.Context(), `SELECT string_agg(pod, ', ' ORDER BY incarnation) FROM @.leases`).Scan(&left); err != nil {
		t.Fatal(err)
	}
	if want := "pod, young, not taken over, pending"; left != want {
		t.Errorf("kept the leases of %s, want %s", left, want)
	}
	if rows, err := s.Due(t.Context(), store.DueQuery{Channel: "fcm", Until: s.Now().Add(time.Minute), Limit: 10}); err != nil || len(rows) != 1 {
		t.Errorf("due from an inherited lease: %v, %v", rows, err)
	}
}
