package delivery

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/lease"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
)

func TestPartOfTheLiving(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		state lease.State
		want  float64
	}{
		"before the lease": {lease.State{}, newcomerShare},
		"alone":            {lease.State{Living: 1, Known: true}, 1},
		"one of four":      {lease.State{Living: 4, Known: true}, 0.25},
		"newly one of two": {lease.State{Living: 2}, 0.5 * newcomerShare},
	} {
		if got := partOf(tt.state); got != tt.want {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}

// asks lets calls of n requests each ask the limiter one after another, and says when each was served.
func asks(ctx context.Context, l *limiter, calls, n int) <-chan time.Time {
	served := make(chan time.Time, calls)
	go func() {
		defer close(served)
		for range calls {
			if c := l.claim(); c.take(ctx, n) == nil {
				served <- time.Now()
			}
		}
	}()
	return served
}

// sinceStart are the times, in whole milliseconds.
func sinceStart(start time.Time, served <-chan time.Time) (at []int64) {
	for s := range served {
		at = append(at, s.Sub(start).Milliseconds())
	}
	return at
}

func TestARateServesABurstAndThenItsPace(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		perSecond, burst float64
		calls, n         int
		want             []int64
	}{
		"no limit":            {0, 1, 3, 1000, []int64{0, 0, 0}},
		"a second's at once":  {2, 2, 4, 1, []int64{0, 0, 500, 1000}},
		"fewer than one":      {0.25, 1, 3, 1, []int64{0, 4000, 8000}},
		"calls of many":       {100, 1000, 3, 1000, []int64{0, 10_000, 20_000}},
		"calls beyond bursts": {100, 100, 3, 300, []int64{0, 3000, 6000}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				l := newLimiter()
				l.set(tt.perSecond, tt.burst)
				if got := sinceStart(time.Now(), asks(t.Context(), l, tt.calls, tt.n)); !slices.Equal(got, tt.want) {
					t.Errorf("served at %v ms, want %v", got, tt.want)
				}
			})
		})
	}
}

// TestANewRateHoldsForThoseThatWait: at one request in 100 s somebody would wait for minutes after others are gone, or
// go at the former pace after others came.
func TestANewRateHoldsForThoseThatWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter()
		l.set(0.01, 1)
		start := time.Now()
		served := asks(t.Context(), l, 4, 1)
		elapse(50 * time.Second)
		l.set(1, 1) // half of a request is there
		elapse(1500 * time.Millisecond)
		l.set(0.1, 1)
		if got, want := sinceStart(start, served), []int64{0, 50_500, 51_500, 61_500}; !slices.Equal(got, want) {
			t.Errorf("served at %v ms, want %v", got, want)
		}
	})
}

// TestAChangeOfTheRateGivesNothingAway: a new configuration and the coming and going of others fill nothing up.
func TestAChangeOfTheRateGivesNothingAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter()
		l.set(10, 10)
		sinceStart(time.Now(), asks(t.Context(), l, 10, 1)) // All that are there are taken.
		for range 20 {
			l.set(5, 5)
			l.set(10, 10)
		}
		if got := l.behind(); got != 0 {
			t.Errorf("behind by %s without claims", got)
		}
		first := l.claim()
		if got, want := l.behind(), 100*time.Millisecond; got != want {
			t.Errorf("behind by %s, want %s", got, want)
		}
		first.drop()
		l.set(0, 1)
		if got := l.behind(); got != 0 {
			t.Errorf("behind by %s without a limit", got)
		}
	})
}

func TestAWaitForTheRateEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter()
		l.set(0.001, 1)
		ctx, cancel := context.WithCancel(t.Context())
		served := asks(ctx, l, 3, 1)
		elapse(time.Second)
		c := l.claim()
		waiting := make(chan error)
		go func() { waiting <- c.take(ctx, 1) }() // in the second place
		synctest.Wait()
		cancel()
		if err := <-waiting; err == nil {
			t.Error("a call may start after the end")
		}
		c.drop()
		if got := len(sinceStart(time.Now(), served)); got != 1 {
			t.Errorf("%d calls were served, want the first", got)
		}
	})
}

// rated gives the bench's row a rate.
func (b *bench) rated(perSecond int32) {
	b.t.Helper()
	documentWith(b.t, b.path, "first", func(d *config.Document) {
		d.Channels[0].Limits.RequestsPerSecond = perSecond
		d.Channels[0].Limits.MaxConcurrentRequests = 256
	})
	if err := b.live.Reload(); err != nil {
		b.t.Fatal(err)
	}
	synctest.Wait()
}

// flood gives the row more than its rate serves for long.
func (b *bench) flood(n int64) {
	for id := range n {
		b.submit([]message.Delivery{b.store.add(id+1, 1)})
	}
}

// callsIn lets time pass, and says how many calls began in it.
func (b *bench) callsIn(d time.Duration) int {
	synctest.Wait()
	before := len(b.vendor.sent())
	elapse(d)
	synctest.Wait()
	return len(b.vendor.sent()) - before
}

// TestEachOfSeveralProcessesKeepsItsPart: it follows the leases of the others, without a new configuration.
func TestEachOfSeveralProcessesKeepsItsPart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(1)
		m.peers = 3
		b := newBench(t, m, &vendor{})
		defer b.drain()
		b.rated(100)
		b.flood(2000)
		// The others use all of the rate until their next renewal.
		if got, most := b.callsIn(lease.Interval-time.Millisecond), 10; got == 0 || got > most {
			t.Errorf("%d calls before the others know of this process, want some, at most %d", got, most)
		}
		elapse(time.Millisecond)
		for name, tt := range map[string]struct {
			peers int64
			want  int
		}{"one of four": {3, 25}, "one of two": {1, 50}, "one of five, in a rollout": {4, 20}, "alone": {0, 100}} {
			m.set(func(m *memory) { m.peers = tt.peers })
			elapse(lease.Interval)
			if got := b.callsIn(time.Second); got < tt.want-1 || got > tt.want+1 {
				t.Errorf("%s: %d calls in a second, want %d", name, got, tt.want)
			}
		}
	})
}

// TestARateOfLessThanOneForEach: three processes share one request a second, and all that waits goes.
func TestARateOfLessThanOneForEach(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(1)
		m.peers = 2
		b := newBench(t, m, &vendor{})
		defer b.drain()
		b.rated(1)
		elapse(2 * lease.Interval)
		b.flood(12)
		if got := b.callsIn(30 * time.Second); got < 10 || got > 11 {
			t.Errorf("%d calls in half a minute, want one every third second", got)
		}
		elapse(10 * time.Second)
		if left, err := m.Backlog(t.Context()); err != nil || left["row"] != 0 {
			t.Errorf("left %v, %v", left, err)
		}
	})
}

// TestACallWaitsForOneThatBegan: what waits for the rate waits in the queue, where a call is the next.
func TestACallWaitsForOneThatBegan(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(1, 2)
		b := newBench(t, m, &vendor{})
		defer b.drain()
		b.rated(2)
		b.flood(300)
		elapse(10 * time.Second)
		d := m.add(1000, 2)
		d.Priority = message.PriorityCall
		m.set(func(m *memory) { m.rows[d.ID] = d })
		b.submit([]message.Delivery{d})
		elapse(time.Second)
		synctest.Wait()
		if m.result(2).State != message.Handed {
			t.Error("the call waits for more than the one that began before it")
		}
	})
}

// TestANewSenderHasNoNewBurst: a credential that is renewed, and a lease that was lost, must not let a second's rate go again.
func TestANewSenderHasNoNewBurst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(1)
		b := newBench(t, m, &vendor{})
		defer b.drain()
		b.rated(50)
		b.flood(1000)
		elapse(2 * time.Second)
		before := len(b.vendor.sent())
		documentWith(t, b.path, "second", func(d *config.Document) { d.Channels[0].Limits.RequestsPerSecond = 50 })
		if err := b.live.Reload(); err != nil {
			t.Fatal(err)
		}
		m.set(func(m *memory) { m.renewed = store.ErrLeaseLost })
		elapse(lease.Interval)
		synctest.Wait()
		if got, most := len(b.vendor.sent())-before, 50*3+1; got == 0 || got > most {
			t.Errorf("%d calls, want at most %d", got, most)
		}
	})
}
