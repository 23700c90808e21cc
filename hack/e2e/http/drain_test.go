package http_test

import (
	"testing"
	"time"

	"github.com/offlinepush/operator/dispatcher/simulator/traffic"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// A SIGTERM under load ends the sessions with the reason and the process with 0 in its grace period;
// the next process delivers what was left.
func TestDrainLosesNothing(t *testing.T) {
	t.Parallel()
	for _, store := range eachStore() {
		t.Run(store.name, func(t *testing.T) {
			t.Parallel()
			w := prepare(t, store)
			for i := range w.doc.Channels {
				w.doc.Channels[i].Limits.MaxConcurrentRequests = 1 // so that much is pending
			}
			w.disp.Configure(t, w.doc)
			w.disp.Start(t)
			phones := w.receivers(t, "ann", "ben", "cat", "dan")
			online := w.newPhone(t, vendors()[0])
			session, _ := online.open(t, "olive")
			for _, v := range vendors() {
				w.fault(t, v.row, traffic.Fault{LatencyMs: 300})
			}
			l := w.startLoad(t, "ann", "ben", "cat", "dan")
			l.awaitMore(t, 100)

			began := time.Now()
			w.disp.Terminate(t)
			drained(t, w.disp)
			took := time.Since(began)
			kicked(t, session, wire.KickedDraining)

			w.disp.Start(t)
			l.redirect(w)
			left := w.disp.Report(t).Account.Pending
			for _, v := range vendors() {
				w.clearFault(t, v.row)
			}
			acked := l.stop()
			if repeated := delivered(t, acked, phones); repeated != 0 {
				t.Errorf("%d messages were sent again, although every call had ended", repeated)
			}
			w.settled(t)
			if left == 0 {
				t.Error("nothing was left for the next process: the test proves nothing")
			}
			t.Logf("%d messages, drained in %s, %d left for the next process", len(acked), took, left)
		})
	}
}
