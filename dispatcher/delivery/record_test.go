package delivery

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/lease"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/report"
	"github.com/offlinepush/operator/dispatcher/store"
)

func TestAStoreThatRecordsNothingRepeatsNoPush(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(1)
		m.settles = errors.New("disk is full")
		b := newBench(t, m, &vendor{})
		defer b.drain()
		b.submit([]message.Delivery{m.add(1, 1)})
		elapse(time.Minute)
		m.set(func(m *memory) { m.settles = nil })
		elapse(2 * storePause)
		synctest.Wait()
		if n := len(b.vendor.sent()); n != 1 || m.result(1).State != message.Handed {
			t.Errorf("%d calls, want 1; got %+v", n, m.result(1))
		}
	})
}

func TestDrainDoesNotWaitForAStoreThatRecordsNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(1)
		m.settles = errors.New("disk is full")
		b := newBench(t, m, &vendor{})
		b.submit([]message.Delivery{m.add(1, 1)})
		synctest.Wait()
		start := time.Now()
		b.drain()
		if waited := time.Since(start); waited != 0 || len(m.rows) != 1 {
			t.Errorf("waited %s, %d rows left", waited, len(m.rows))
		}
	})
}

// The answer to an accept can be lost with the connection: its row is stored, and nobody submits it.
func TestARowThatNobodySubmittedIsFound(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(1, 2)
		b := newBench(t, m, &vendor{})
		defer b.drain()
		b.submit([]message.Delivery{m.add(1, 1)})
		synctest.Wait()
		m.add(2, 2)
		elapse(2 * sweepEvery)
		synctest.Wait()
		if r := m.result(2); r.State != message.Handed {
			t.Errorf("got %+v", r)
		}
	})
}

// The answer to a settlement can be lost as well: repeating it finds that its targets are no more there.
func TestASettlementWhoseAnswerWasLost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(1, 2)
		b := newBench(t, m, &vendor{answers: map[string][]message.Outcome{"c": outcomes(message.Transient, message.Accepted)}})
		defer b.drain()
		m.lost = true
		b.submit([]message.Delivery{m.add(1, 1, 2)})
		elapse(time.Hour)
		synctest.Wait()
		if m.result(1).State != message.Handed || m.result(2).State != message.Handed {
			t.Errorf("got %+v and %+v", m.result(1), m.result(2))
		}
	})
}

func TestWhatWasSentIsRecordedThoughTheRestIsNot(t *testing.T) {
	t.Parallel()
	for name, interrupt := range map[string]func(*bench){
		"drain":         func(b *bench) { b.stop() },
		"failing store": func(b *bench) { b.store.set(func(m *memory) { m.fencing = errors.New("busy") }) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				m := newMemory(1, 2, 3)
				v := &vendor{gate: make(chan struct{})}
				b := newBench(t, m, v)
				b.submit([]message.Delivery{m.add(1, 1, 2, 3)})
				synctest.Wait() // the call for the first two is open
				interrupt(b)
				close(v.gate)
				synctest.Wait()
				b.drain()
				if diff := cmp.Diff([][]string{{"b", "c"}}, v.sent()); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				if rest := m.rows[1].Targets; m.result(1).State != message.Handed || len(rest) != 1 || rest[0].Device != 3 {
					t.Errorf("got %+v, left %+v", m.result(1), rest)
				}
			})
		})
	}
}

// TestWhatWasSentIsRecordedThoughTheLeaseIsShort: the second call does not fit into it any more, and one of its targets
// would not have been pushed anyway.
func TestWhatWasSentIsRecordedThoughTheLeaseIsShort(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(1, 2, 3, 4)
		m.devices[3] = store.FenceState{Epoch: 2}
		v := &vendor{gate: make(chan struct{})}
		b := newBench(t, m, v)
		defer b.drain()
		synctest.Wait()
		m.set(func(m *memory) { m.renewed = errors.New("the database is slow") })
		elapse(lease.TTL - callTimeout - time.Millisecond)
		b.submit([]message.Delivery{m.add(1, 1, 2, 3, 4)})
		elapse(2 * time.Millisecond)
		close(v.gate)
		m.set(func(m *memory) { m.renewed = nil })
		elapse(time.Minute)
		synctest.Wait()
		if diff := cmp.Diff([][]string{{"b", "c"}, {"e"}}, v.sent()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if fenced, last := m.result(3), m.result(4); fenced.State != message.Cancelled || last.State != message.Handed {
			t.Errorf("got %+v and %+v", fenced, last)
		}
	})
}

func TestALateAnswerToTheFormerCredentialLeavesTheNewOneAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(1)
		former := &vendor{gate: make(chan struct{}), answers: map[string][]message.Outcome{"b": outcomes(message.CredentialRejected)}}
		b := newBench(t, m, former)
		defer b.drain()
		b.submit([]message.Delivery{m.add(1, 1)})
		synctest.Wait() // the former credential's call is open
		b.vendor = &vendor{}
		document(t, b.path, "second")
		if err := b.live.Reload(); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		close(former.gate)
		synctest.Wait()
		rows, err := b.engine.Channels(t.Context())
		if err != nil || rows[0].State != report.NoTraffic {
			t.Errorf("got %+v, %v", rows, err)
		}
		elapse(2 * firstBackoff)
		synctest.Wait()
		if m.result(1).State != message.Handed {
			t.Errorf("got %+v", m.result(1))
		}
	})
}

func TestARowInMemoryOfAChannelThatIsGoneExpires(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(1, 2)
		b := newBench(t, m, &vendor{answers: map[string][]message.Outcome{"b": outcomes(message.QuotaExhausted)}})
		defer b.drain()
		b.submit([]message.Delivery{m.add(1, 1)})
		synctest.Wait() // the row is closed
		b.submit([]message.Delivery{m.add(2, 2)})
		b.engine.laneOf("row").replace(nil)
		elapse(25 * time.Hour)
		synctest.Wait()
		if r := m.result(2); r.State != message.Expired {
			t.Errorf("got %+v", r)
		}
	})
}
