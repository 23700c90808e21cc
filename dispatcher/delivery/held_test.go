package delivery

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
)

// daily gives the bench's row so many pushes a day, and messages all but a part of them.
func (b *bench) daily(pushes int64, reserve int32) {
	b.t.Helper()
	documentWith(b.t, b.path, "first", func(d *config.Document) {
		d.Channels[0].Limits.QuotaReservePercent = reserve
		if pushes > 0 {
			d.Channels[0].Limits.DailyQuotas = []config.DailyQuota{{Class: "Public", Pushes: pushes}}
		}
	})
	if err := b.live.Reload(); err != nil {
		b.t.Fatal(err)
	}
	synctest.Wait()
}

// handed counts the devices whose push the vendor took.
func (m *memory) handed() (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.done {
		if r.State == message.Handed {
			n++
		}
	}
	return n
}

// filled is a bench whose two pushes of the day are used, and the given number of further ones wait.
func filled(t *testing.T, v *vendor, waiting int64) *bench {
	t.Helper()
	devices := make([]int64, 2+waiting)
	for i := range devices {
		devices[i] = int64(i) + 1
	}
	m := counting(nil, devices...)
	b := newBench(t, m, v)
	b.daily(2, 0)
	for _, d := range devices {
		b.submit([]message.Delivery{m.add(d, d)})
		synctest.Wait()
	}
	elapse(time.Minute)
	synctest.Wait()
	if n := m.handed(); n != 2 {
		t.Fatalf("%d are handed, want 2", n)
	}
	return b
}

// TestWhatWaitsGoesWhenTheQuotaGrows has more waiting than the lane reads at a time.
func TestWhatWaitsGoesWhenTheQuotaGrows(t *testing.T) {
	t.Parallel()
	const waiting = 2*refill + 10
	for name, tt := range map[string]struct {
		pushes  int64
		reserve int32
		want    int
	}{
		"by a little":  {3, 0, 3},
		"beyond need":  {10000, 0, 2 + waiting},
		"by no limit":  {0, 0, 2 + waiting},
		"for calls":    {4, 50, 2},
		"not at all":   {2, 10, 2},
		"for all once": {2 + refill, 0, 2 + refill},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				v := &vendor{}
				b := filled(t, v, waiting)
				defer b.drain()
				b.daily(tt.pushes, tt.reserve)
				elapse(time.Second)
				synctest.Wait()
				if n := b.store.handed(); n != tt.want || len(v.sent()) != tt.want {
					t.Errorf("%d are handed in %d calls, want %d", n, len(v.sent()), tt.want)
				}
				b.daily(0, 0)
				elapse(time.Second)
				synctest.Wait()
				if n := b.store.handed(); n != 2+waiting || len(v.sent()) != 2+waiting {
					t.Errorf("without a limit %d are handed in %d calls, want %d", n, len(v.sent()), 2+waiting)
				}
			})
		})
	}
}

// TestAGrownQuotaIsNoReasonToAskAVendorThatRefused has the vendor say that the day is used up before the limit says so.
func TestAGrownQuotaIsNoReasonToAskAVendorThatRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, v := counting(nil, 1, 2, 3), &vendor{}
		v.answers = map[string][]message.Outcome{m.devices[1].Token.Value: {
			{Class: message.QuotaExhausted, Code: "200006", RetryAfter: 5 * time.Hour}, {Class: message.Accepted},
		}}
		b := newBench(t, m, v)
		defer b.drain()
		b.daily(100, 0)
		for _, d := range []int64{1, 2, 3} {
			b.submit([]message.Delivery{m.add(d, d)})
			elapse(time.Second)
			synctest.Wait()
		}
		b.daily(1000, 0)
		elapse(time.Minute)
		synctest.Wait()
		if n := len(v.sent()); n != 1 {
			t.Errorf("%d calls, want the refused one alone", n)
		}
	})
}

// TestWhatWaitsGoesWhenTheRowIsSetGoingAgain has the limit taken away while nothing could be compared with it.
func TestWhatWaitsGoesWhenTheRowIsSetGoingAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := filled(t, &vendor{}, 3)
		defer b.drain()
		suspended := func(on bool) {
			documentWith(t, b.path, "first", func(d *config.Document) { d.Channels[0].Suspended = on })
			if err := b.live.Reload(); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		suspended(true)
		elapse(time.Second)
		suspended(false) // with another limit: none
		elapse(time.Second)
		synctest.Wait()
		if n := b.store.handed(); n != 5 {
			t.Errorf("%d are handed, want 5", n)
		}
	})
}
