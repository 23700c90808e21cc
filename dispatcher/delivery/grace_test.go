package delivery

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
)

// graced lets the device's dispatcher have stopped, so that it counts as connected for a while.
func (m *memory) graced(device int64, until time.Time) {
	m.set(func(m *memory) {
		s := m.devices[device]
		s.GraceUntil = until
		m.devices[device] = s
	})
}

func TestGraceIsWaitedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(1, 2, 3)
		for _, device := range []int64{1, 2} {
			m.graced(device, time.Now().Add(store.DrainGrace))
		}
		b := newBench(t, m, &vendor{})
		defer b.drain()
		b.engine.Submit(1, []message.Delivery{m.add(1, 1, 2, 3)})
		synctest.Wait()
		if m.result(3).State != message.Handed || m.result(1).State != "" || m.result(2).State != "" {
			t.Errorf("at once: %+v, %+v, %+v", m.result(1), m.result(2), m.result(3))
		}
		elapse(store.DrainGrace / 2)
		m.set(func(m *memory) {
			s := m.devices[1]
			s.Acked = 1 // over its session at another dispatcher
			m.devices[1] = s
		})
		elapse(store.DrainGrace/2 - time.Millisecond)
		synctest.Wait()
		if m.result(2).State != "" {
			t.Errorf("before the end of the grace: %+v", m.result(2))
		}
		elapse(2 * time.Millisecond)
		synctest.Wait()
		if got := m.result(1); got.State != message.Cancelled || got.Reason != message.ReasonAcked {
			t.Errorf("acknowledged in time: %+v", got)
		}
		if got := m.result(2); got.State != message.Handed {
			t.Errorf("never back: %+v", got)
		}
	})
}

func TestGraceIsForWhatCanBeAcknowledged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(1)
		m.graced(1, time.Now().Add(store.DrainGrace))
		b := newBench(t, m, &vendor{})
		defer b.drain()
		row := m.add(1, 1)
		row.Targets[0].Seq = 0 // for the device alone
		m.set(func(m *memory) { m.rows[row.ID] = row })
		b.engine.Submit(1, []message.Delivery{row})
		synctest.Wait()
		if got := m.result(1); got.State != message.Handed {
			t.Errorf("got %+v", got)
		}
	})
}
