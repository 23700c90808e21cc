package lease

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/offlinepush/operator/dispatcher/store"
)

// leases is a store of leases in virtual time that answers as a test wants it.
type leases struct {
	store.Leases // the rest panics

	mu       sync.Mutex
	last     int64
	acquired error
	renewed  error
	adopted  int64
	living   int64
	// takes is how long an answer takes; the effect is at its end.
	takes    time.Duration
	calls    int
	released int
}

func (l *leases) AcquireLease(ctx context.Context, _ store.Holder, _ time.Duration) (store.Lease, error) {
	if err := l.wait(ctx); err != nil {
		return store.Lease{}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.acquired != nil {
		return store.Lease{}, l.acquired
	}
	l.last++
	l.renewed = nil
	return store.Lease{Incarnation: l.last, Adopted: l.adopted, Living: l.living}, nil
}

func (l *leases) RenewLease(ctx context.Context, _ time.Duration) (store.Lease, error) {
	if err := l.wait(ctx); err != nil {
		return store.Lease{}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.renewed != nil {
		return store.Lease{}, l.renewed
	}
	adopted := l.adopted
	l.adopted = 0
	return store.Lease{Incarnation: l.last, Adopted: adopted, Living: l.living}, nil
}

func (l *leases) ReleaseLease(context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.released++
	return nil
}

func (l *leases) wait(ctx context.Context) error {
	l.mu.Lock()
	l.calls++
	takes := l.takes
	l.mu.Unlock()
	if takes == 0 {
		return nil
	}
	select {
	case <-time.After(takes):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (l *leases) set(f func(*leases)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f(l)
}

// elapse lets virtual time pass and everything that is due in it happen.
func elapse(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// started is a keeper that holds a lease in a bubble, until the test ends.
func started(t *testing.T) (*Keeper, *leases) {
	t.Helper()
	return startedOn(t, &leases{living: 1})
}

// startedOn is started over leases that the test prepared.
func startedOn(t *testing.T, l *leases) (*Keeper, *leases) {
	t.Helper()
	k := New(Deps{Store: l, Holder: store.Holder{Pod: "pod"}, Log: slog.New(slog.DiscardHandler)})
	if err := k.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := k.Release(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return k, l
}

func TestALeaseIsKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k, l := started(t)
		term := k.Term()
		for range 100 {
			if !term.Fits(TTL - Interval - time.Millisecond) {
				t.Fatalf("only %s are left", time.Until(term.Deadline()))
			}
			elapse(Interval)
		}
		if k.Term() != term || k.Incarnation() != 1 {
			t.Errorf("incarnation %d, want the first one", k.Incarnation())
		}
		if want := 101; l.calls != want {
			t.Errorf("%d calls of the store, want %d", l.calls, want)
		}
	})
}

func TestWhatIsLeftCountsFromBeforeTheRenewalWasSent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k, l := started(t)
		const slow = 2 * time.Second
		l.set(func(l *leases) { l.takes = slow })
		sent := time.Now().Add(Interval)
		elapse(Interval + slow)
		if got, want := k.Term().Deadline(), sent.Add(TTL); !got.Equal(want) {
			t.Errorf("the lease ends %s after what is safe", got.Sub(want))
		}
	})
}

func TestALeaseThatCannotBeRenewedRunsOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k, l := started(t)
		term := k.Term()
		l.set(func(l *leases) { l.renewed = errors.New("the database is gone") })
		elapse(TTL - 6*time.Second)
		if err := k.Err(); err != nil {
			t.Errorf("a lease that goes on is told as %v", err)
		}
		if term.Fits(6 * time.Second) {
			t.Error("a call of 6 s fits into 6 s")
		}
		if !term.Fits(5 * time.Second) {
			t.Error("a call of 5 s does not fit into 6 s")
		}
		elapse(time.Minute)
		if term.Fits(0) {
			t.Error("the lease did not run out")
		}
		if err := k.Err(); !errors.Is(err, ErrOver) || !strings.Contains(err.Error(), "the database is gone") {
			t.Errorf("told as %v", err)
		}
		l.set(func(l *leases) { l.renewed = nil })
		elapse(pause)
		if k.Term() != term || !term.Fits(TTL-2*pause) {
			t.Error("a lease that the store renews is not held")
		}
		if err := k.Err(); err != nil {
			t.Errorf("a lease that is held is told as %v", err)
		}
	})
}

func TestALostLeaseIsAcquiredAnew(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k, l := started(t)
		before, changed := k.Current()
		l.set(func(l *leases) { l.renewed, l.adopted = store.ErrLeaseLost, 7 })
		elapse(Interval)
		select {
		case <-changed:
		default:
			t.Error("nobody was told")
		}
		after, _ := k.Current()
		if before.Term.Fits(0) {
			t.Error("the former term goes on")
		}
		if after.Term.Incarnation != 2 || !after.Term.Fits(TTL-time.Second) || after.Adopted != 7 {
			t.Errorf("got incarnation %d until %s, %d adopted", after.Term.Incarnation, after.Term.Deadline(), after.Adopted)
		}
	})
}

func TestALostLeaseEndsThoughNoNewOneIsToBeHad(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k, l := started(t)
		term := k.Term()
		l.set(func(l *leases) { l.renewed, l.acquired = store.ErrLeaseLost, errors.New("the disk is full") })
		elapse(Interval)
		if term.Fits(0) {
			t.Error("the lost term goes on")
		}
		elapse(time.Minute)
		l.set(func(l *leases) { l.acquired = nil })
		elapse(pause)
		if k.Incarnation() != 2 {
			t.Errorf("incarnation %d, want a new one", k.Incarnation())
		}
	})
}

func TestAdoptedDeliveriesAreTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k, l := started(t)
		term := k.Term()
		_, changed := k.Current()
		elapse(Interval)
		select {
		case <-changed:
			t.Error("a renewal that adopted nothing is told")
		default:
		}
		for i := range int64(2) {
			_, changed = k.Current()
			l.set(func(l *leases) { l.adopted = 5 })
			elapse(Interval)
			<-changed
			if s, _ := k.Current(); s.Adopted != 5*(i+1) || s.Term != term {
				t.Errorf("%d adopted, incarnation %d", s.Adopted, s.Term.Incarnation)
			}
		}
	})
}

// TestTheOthersThatLiveAreTold: who comes among others is known to them once they renewed their leases.
func TestTheOthersThatLiveAreTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k, l := startedOn(t, &leases{living: 3})
		check := func(living int64, known bool) {
			t.Helper()
			if s, _ := k.Current(); s.Living != living || s.Known != known {
				t.Errorf("%d live, known %t, want %d and %t", s.Living, s.Known, living, known)
			}
		}
		check(3, false)
		elapse(Interval)
		check(3, true)
		_, changed := k.Current()
		elapse(Interval)
		select {
		case <-changed:
			t.Error("a renewal that changed nothing is told")
		default:
		}
		l.set(func(l *leases) { l.living = 2 })
		elapse(Interval)
		<-changed
		check(2, true)
		l.set(func(l *leases) { l.renewed = errors.New("the database is gone") })
		elapse(Interval)
		check(2, true)
		l.set(func(l *leases) { l.renewed, l.living = store.ErrLeaseLost, 4 })
		elapse(Interval)
		check(4, false) // They counted it out with its former lease.
	})
}

func TestWhoIsAloneNeedsNobodyToKnowIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k, _ := started(t)
		if s, _ := k.Current(); s.Living != 1 || !s.Known {
			t.Errorf("%d live, known %t", s.Living, s.Known)
		}
	})
}

func TestARenewalThatHangsIsRepeated(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k, l := started(t)
		l.set(func(l *leases) { l.takes = time.Hour })
		elapse(Interval)
		l.set(func(l *leases) { l.takes = 0 })
		elapse(patience + pause)
		if !k.Term().Fits(TTL - pause) {
			t.Errorf("only %s are left", time.Until(k.Term().Deadline()))
		}
	})
}

func TestAReleasedLeaseIsOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &leases{}
		k := New(Deps{Store: l, Log: slog.New(slog.DiscardHandler)})
		ctx, cancel := context.WithCancel(t.Context())
		if err := k.Start(ctx); err != nil {
			t.Fatal(err)
		}
		cancel() // bounds the start only
		elapse(10 * TTL)
		if !k.Term().Fits(time.Second) {
			t.Error("the lease ended before Release")
		}
		if err := k.Release(t.Context()); err != nil {
			t.Fatal(err)
		}
		if k.Term().Fits(0) {
			t.Error("the term goes on after Release")
		}
		calls := l.calls
		elapse(10 * TTL)
		if l.calls != calls || l.released != 1 {
			t.Errorf("%d calls after %d, released %d times", l.calls, calls, l.released)
		}
	})
}

func TestStartSaysWhyThereIsNoLease(t *testing.T) {
	t.Parallel()
	full := errors.New("the disk is full")
	k := New(Deps{Store: &leases{acquired: full}, Log: slog.New(slog.DiscardHandler)})
	if k.Term().Fits(0) || k.Incarnation() != 0 {
		t.Error("holds a lease before Start")
	}
	if err := k.Start(t.Context()); !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
	if k.Term().Fits(0) {
		t.Error("holds a lease that the store refused")
	}
}
