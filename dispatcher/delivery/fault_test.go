package delivery

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/report"
)

// TestAFaultOfAClientEndsNoOthers has a vendor's client panic about one phone, which must cost that phone's push alone.
func TestAFaultOfAClientEndsNoOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, v := newMemory(1, 2, 3, 4), &vendor{}
		v.poison = m.devices[2].Token.Value
		b := newBench(t, m, v)
		defer b.drain()
		b.submit([]message.Delivery{m.add(1, 1), m.add(2, 2), m.add(3, 3)})
		elapse(time.Minute)
		synctest.Wait()
		b.submit([]message.Delivery{m.add(4, 4)})
		synctest.Wait()
		for _, device := range []int64{1, 3, 4} {
			if got := m.result(device).State; got != message.Handed {
				t.Errorf("device %d: %q", device, got)
			}
		}
		got := m.result(2)
		if got.State != message.Failed || got.Reason != message.ReasonAttempts || got.Outcome.Code != "internal" || !got.InDoubt {
			t.Errorf("the push at which the client panics is %+v", got)
		}
		if n := len(v.sent()); n != 3+maxUnknown {
			t.Errorf("%d calls, want %d", n, 3+maxUnknown)
		}
		if row := b.shown(); row.State != report.Delivering || row.Pending != 0 {
			t.Errorf("the row says %+v", row)
		}
	})
}

// TestAFaultOfAClientLeavesTheRowOpen has every push fail so: none waits for the next, and the row says what is wrong.
func TestAFaultOfAClientLeavesTheRowOpen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, v := newMemory(1), &vendor{}
		v.poison = m.devices[1].Token.Value
		b := newBench(t, m, v)
		defer b.drain()
		for id := range int64(enoughRefusals) {
			b.submit([]message.Delivery{m.add(id+1, 1)})
			elapse(refusingAfter)
			synctest.Wait()
		}
		if row := b.shown(); row.State != report.Refusing || row.Code != "internal" || row.Pending != 0 {
			t.Errorf("the row says %+v", row)
		}
		if n := len(v.sent()); n != enoughRefusals*maxUnknown {
			t.Errorf("%d calls, want %d", n, enoughRefusals*maxUnknown)
		}
	})
}
