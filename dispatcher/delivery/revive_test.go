package delivery

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/report"
)

// TestAVendorThatIsBackIsNoticedWithoutAPush: what waited was received otherwise, so that no push shows that the vendor answers.
func TestAVendorThatIsBackIsNoticedWithoutAPush(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(1)
		v := &vendor{answers: map[string][]message.Outcome{"b": outcomes(message.Transient)}, probe: message.Outcome{Class: message.Transient, Code: "silence"}}
		b := newBench(t, m, v)
		defer b.drain()
		b.submit([]message.Delivery{m.add(1, 1)})
		elapse(time.Minute)
		synctest.Wait()
		b.wantState(t, report.Unreachable)
		if v.probed != 0 {
			t.Errorf("%d probes while a push waits", v.probed)
		}
		m.set(func(m *memory) {
			s := m.devices[1]
			s.Acked = 9
			m.devices[1] = s
		})
		elapse(3 * longestOutage)
		synctest.Wait()
		if len(m.rows) != 0 {
			t.Fatalf("%d rows wait", len(m.rows))
		}
		b.wantState(t, report.Unreachable)
		if v.probed == 0 || v.probed > 4 {
			t.Errorf("%d probes in %s", v.probed, 3*longestOutage)
		}
		v.mu.Lock()
		v.probe = message.Outcome{Class: message.Accepted, HTTPStatus: 200}
		v.mu.Unlock()
		elapse(longestOutage)
		synctest.Wait()
		b.wantState(t, report.NoTraffic)
		if n := len(v.sent()); n == 0 || m.result(1).State != message.Cancelled {
			t.Errorf("%d pushes, the end is %s", n, m.result(1).State)
		}
	})
}

func (b *bench) wantState(t *testing.T, want report.ChannelState) {
	t.Helper()
	rows, err := b.engine.Channels(t.Context())
	if err != nil || rows[0].State != want {
		t.Errorf("got %+v, %v; want %s", rows, err, want)
	}
}

func TestAnswered(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	for _, tt := range []struct {
		verdict provider.Verdict
		want    report.ChannelState
		wait    time.Duration
	}{
		{provider.Valid, report.NoTraffic, 0},
		{provider.Unasked, report.NoTraffic, 0},
		{provider.Busy, report.NoTraffic, 0},
		{provider.Refused, report.CredentialRejected, heldBack},
		{provider.Silent, report.Unreachable, longestOutage},
	} {
		h := health{state: report.Unreachable, failures: 9, acceptedAt: now.Add(-time.Hour)}
		h.answered(provider.Proof{Verdict: tt.verdict, Code: "c"}, now)
		if h.state != tt.want || max(h.closedUntil.Sub(now), 0) != tt.wait || h.acceptedAt.IsZero() {
			t.Errorf("%s: got %+v", tt.verdict, h)
		}
	}
}
