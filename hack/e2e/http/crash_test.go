package http_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/offlinepush/operator/dispatcher/simulator/traffic"
)

// seed makes a test's choices repeatable: put a printed one here to repeat a run.
func seed(t *testing.T) *rand.Rand {
	t.Helper()
	n := rand.Uint64()
	t.Logf("seed %d", n)
	return rand.New(rand.NewPCG(n, n))
}

// receivers are users with a phone each, every second of the other vendor.
func (w *world) receivers(t *testing.T, users ...string) map[string]*handset {
	t.Helper()
	phones := map[string]*handset{}
	for i, user := range users {
		phones[user] = w.newPhone(t, vendors()[i%len(vendors())])
		phones[user].bind(t, user)
	}
	return phones
}

// Whenever the dispatcher is killed between its answer and the vendor call, every message that it
// acknowledged reaches its phone, and nobody else's.
func TestKillLosesNothing(t *testing.T) {
	t.Parallel()
	const rounds = 8
	for _, store := range eachStore() {
		t.Run(store.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, store)
			dice := seed(t)
			phones := w.receivers(t, "ann", "ben", "cat", "dan")
			for _, v := range vendors() {
				w.fault(t, v.row, traffic.Fault{LatencyMs: 150, Probability: 0.8, Seed: dice.Uint64()})
			}
			l := w.startLoad(t, "ann", "ben", "cat", "dan")
			pendingAtDeath := int64(0)
			for range rounds {
				l.awaitMore(t, 5+dice.IntN(40))
				before := w.disp.Report(t)
				pendingAtDeath += before.Account.Pending
				w.disp.Kill()
				w.disp.Start(t)
				l.redirect(w)
				if after := w.disp.Report(t); after.Incarnation <= before.Incarnation || after.Account.Unaccounted() != 0 {
					t.Errorf("after the restart: incarnation %d, before %d; account %+v", after.Incarnation, before.Incarnation, after.Account)
				}
			}
			acked := l.stop()
			for _, v := range vendors() {
				w.clearFault(t, v.row)
			}
			began := time.Now()
			repeated := delivered(t, acked, phones)
			w.settled(t)
			account := w.disp.Report(t).Account
			if want := int64(len(acked)); account.Admitted != want || account.Handed != want {
				t.Errorf("%d messages were acknowledged, to a phone each; the account says %+v", want, account)
			}
			if pendingAtDeath == 0 {
				t.Error("nothing was pending at any kill: the test proves nothing")
			}
			t.Logf("%d messages, %d pending at the kills, %d repeated, all there %s after the last", len(acked), pendingAtDeath, repeated, time.Since(began))
		})
	}
}
