package delivery

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/lease"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/report"
	"github.com/offlinepush/operator/dispatcher/store"
)

// lose lets the store take the lease away, and the keeper get a new one.
func (b *bench) lose() {
	b.store.set(func(m *memory) { m.renewed = store.ErrLeaseLost })
	elapse(lease.Interval)
	synctest.Wait()
}

func TestAdoptedRowsAreSentAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(1, 2)
		b := newBench(t, m, &vendor{})
		defer b.drain()
		synctest.Wait()
		row, orphan := m.add(1, 1), m.add(2, 2)
		orphan.Channel, orphan.ExpiresAt = "gone", time.Now().Add(time.Hour)
		m.set(func(m *memory) {
			m.rows[row.ID], m.rows[orphan.ID] = row, orphan
			m.adopted = 2
		})
		elapse(lease.Interval)
		synctest.Wait()
		if m.result(1).State != message.Handed {
			t.Errorf("got %+v", m.result(1))
		}
		rows, err := b.engine.Channels(t.Context())
		if err != nil || len(rows) != 2 || rows[0].Name != "gone" || rows[0].Pending != 1 {
			t.Errorf("the row without a channel is not shown: %+v, %v", rows, err)
		}
		elapse(time.Hour + 2*sweepEvery)
		synctest.Wait()
		if m.result(2).State != message.Expired {
			t.Errorf("got %+v", m.result(2))
		}
	})
}

func TestAdoptedRowsAreFoundThoughTheStoreFailsMeanwhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(1)
		b := newBench(t, m, &vendor{})
		defer b.drain()
		synctest.Wait()
		orphan := m.add(1, 1)
		orphan.Channel = "gone"
		m.set(func(m *memory) {
			m.rows[1] = orphan
			m.adopted, m.counting = 1, errors.New("the database is gone")
		})
		elapse(lease.Interval)
		synctest.Wait()
		m.set(func(m *memory) { m.counting = nil })
		elapse(2 * storePause)
		synctest.Wait()
		if rows, err := b.engine.Channels(t.Context()); err != nil || len(rows) != 2 {
			t.Errorf("got %+v, %v", rows, err)
		}
	})
}

func TestACallStartsOnlyIfItFitsIntoTheLease(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(1, 2)
		b := newBench(t, m, &vendor{})
		defer b.drain()
		synctest.Wait()
		m.set(func(m *memory) { m.renewed = errors.New("the database is gone") })
		elapse(lease.TTL - callTimeout - time.Millisecond)
		b.submit([]message.Delivery{m.add(1, 1)})
		synctest.Wait()
		elapse(time.Millisecond)
		b.submit([]message.Delivery{m.add(2, 2)})
		elapse(time.Minute)
		if diff := cmp.Diff([][]string{{"b"}}, b.vendor.sent()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestWhatBeganUnderALostLeaseIsSilentForGood(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(1)
		former := &vendor{gate: make(chan struct{})}
		b := newBench(t, m, former)
		defer b.drain()
		b.submit([]message.Delivery{m.add(1, 1)})
		synctest.Wait() // its call is open
		b.vendor = &vendor{}
		b.lose()
		if len(b.made) != 2 {
			t.Fatalf("%d providers, want one for each term", len(b.made))
		}
		if err := b.made[0].Alive(); !errors.Is(err, lease.ErrOver) {
			t.Errorf("the open call may write: %v", err)
		}
		if err := b.made[1].Alive(); err != nil {
			t.Errorf("no call may write: %v", err)
		}
		close(former.gate)
		synctest.Wait()
		if !former.closed {
			t.Error("the former connections are not closed")
		}
	})
}

func TestTheConnectionsFallSilentBeforeTheLeaseRunsOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		b := newBench(t, m, &vendor{})
		defer b.drain()
		synctest.Wait()
		m.set(func(m *memory) { m.renewed = errors.New("the database is gone") })
		elapse(lease.TTL - provider.Linger - time.Millisecond)
		if err := b.made[0].Alive(); err != nil {
			t.Error(err)
		}
		elapse(time.Millisecond)
		if err := b.made[0].Alive(); !errors.Is(err, lease.ErrOver) {
			t.Errorf("got %v", err)
		}
	})
}

// TestRowsOfALostLeaseAreReadAgain: another process has adopted them, so that
// this one must not send what it still has in memory.
func TestRowsOfALostLeaseAreReadAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(1, 2, 3)
		v := &vendor{answers: map[string][]message.Outcome{"b": outcomes(message.QuotaExhausted)}}
		b := newBench(t, m, v)
		defer b.drain()
		b.submit([]message.Delivery{m.add(1, 1)})
		synctest.Wait() // the row is closed
		b.submit([]message.Delivery{m.add(2, 2)})
		stored, late := b.engine.Incarnation(), m.add(3, 3)
		m.set(func(m *memory) { m.mine = func(d message.Delivery) bool { return d.ID > late.ID } })
		b.lose()
		if rows, err := b.engine.Channels(t.Context()); err != nil || rows[0].State != report.QuotaExhausted {
			t.Errorf("a new term forgot what the vendor said: %+v, %v", rows, err)
		}
		b.engine.Submit(stored, []message.Delivery{late}) // its accept slept through the lease, too
		elapse(2 * time.Hour)
		synctest.Wait()
		if diff := cmp.Diff([][]string{{"b"}}, v.sent()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		b.submit([]message.Delivery{m.add(4, 3)})
		synctest.Wait()
		if diff := cmp.Diff([][]string{{"b"}, {"d"}}, v.sent()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestARowThatIsSubmittedUnderALaterTermIsReadAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(1)
		b := newBench(t, m, &vendor{})
		defer b.drain()
		synctest.Wait()
		stored := b.engine.Incarnation()
		m.set(func(m *memory) { m.mine = func(message.Delivery) bool { return false } })
		b.lose()
		b.engine.Submit(stored, []message.Delivery{m.add(1, 1)})
		elapse(time.Minute)
		if n := len(b.vendor.sent()); n != 0 {
			t.Errorf("%d calls for another process's row", n)
		}
		m.set(func(m *memory) { m.mine = nil })
		b.engine.Submit(stored, []message.Delivery{m.rows[1]})
		synctest.Wait()
		if m.result(1).State != message.Handed {
			t.Errorf("an own row is not read: %+v", m.result(1))
		}
	})
}

func TestAnAnswerThatCameUnderALostLeaseIsNotRecordedTwice(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(1)
		v := &vendor{gate: make(chan struct{})}
		b := newBench(t, m, v)
		defer b.drain()
		b.submit([]message.Delivery{m.add(1, 1)})
		synctest.Wait()
		m.set(func(m *memory) {
			m.settles = store.ErrLeaseLost
			m.mine = func(message.Delivery) bool { return false }
		})
		b.lose()
		close(v.gate)
		elapse(time.Minute)
		synctest.Wait()
		if n := len(v.sent()); n != 1 || m.result(1).State != "" {
			t.Errorf("%d calls, want 1; got %+v", n, m.result(1))
		}
	})
}

// sorted is for calls that may start in any order.
func sorted(calls [][]string) [][]string {
	slices.SortFunc(calls, slices.Compare)
	return calls
}

func TestTheStoresClockDecidesWhatIsDue(t *testing.T) {
	t.Parallel()
	for name, skew := range map[string]time.Duration{"ahead": 20 * time.Minute, "behind": -20 * time.Minute} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				m := newMemory(1, 2, 3, 4)
				m.skew = skew
				b := newBench(t, m, &vendor{answers: map[string][]message.Outcome{"d": outcomes(message.Transient, message.Accepted)}})
				defer b.drain()
				synctest.Wait()
				later, again, gone := m.add(2, 2), m.add(3, 3), m.add(4, 4)
				later.DueAt = later.DueAt.Add(time.Minute)
				gone.Channel, gone.ExpiresAt = "gone", m.Now().Add(90*time.Second)
				m.set(func(m *memory) { m.rows[2], m.rows[4] = later, gone })
				b.submit([]message.Delivery{m.add(1, 1), later, again, gone})
				synctest.Wait()
				if diff := cmp.Diff([][]string{{"b"}, {"d"}}, sorted(b.vendor.sent())); diff != "" {
					t.Errorf("at once (-want +got):\n%s", diff)
				}
				elapse(30 * time.Second)
				synctest.Wait()
				if diff := cmp.Diff([][]string{{"b"}, {"d"}, {"d"}}, sorted(b.vendor.sent())); diff != "" {
					t.Errorf("after the backoff (-want +got):\n%s", diff)
				}
				elapse(59 * time.Second)
				synctest.Wait()
				if m.result(2).State != message.Handed || m.result(4).State != "" {
					t.Errorf("got %+v and %+v", m.result(2), m.result(4))
				}
				elapse(2 * sweepEvery)
				synctest.Wait()
				if m.result(4).State != message.Expired {
					t.Errorf("got %+v", m.result(4))
				}
			})
		})
	}
}
