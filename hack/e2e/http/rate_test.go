package http_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/offlinepush/operator/dispatcher/simulator/xiaomi"
	"github.com/offlinepush/operator/dispatcher/wire"
	"github.com/offlinepush/operator/hack/e2e/process"
)

const (
	// appRate is what the app may ask Xiaomi in a second, and strictRate what Xiaomi takes: it refuses what is more than a
	// little beyond.
	appRate    = 30
	strictRate = appRate * 6 / 5
	// meterWindow is what a rate is measured over.
	meterWindow = 3 * time.Second
)

// meter counts the requests that Xiaomi gets.
type meter struct {
	world   *world
	seq     int64
	at      []time.Time
	refused int
}

// read takes what came since the last time.
func (m *meter) read(t *testing.T) {
	t.Helper()
	for _, r := range must1(m.world.sim.Client.Requests(t.Context(), "xiaomi", m.seq, 0))(t) {
		m.seq = r.Seq
		m.at = append(m.at, r.At)
		if answer, ok := r.Answer.(map[string]any); ok && answer["code"] == float64(200002) {
			m.refused++
		}
	}
}

// share is how much of the rate was used lately; 1 is all of it.
func (m *meter) share(t *testing.T) float64 {
	t.Helper()
	m.read(t)
	since := time.Now().Add(-meterWindow)
	before, _ := slices.BinarySearchFunc(m.at, since, time.Time.Compare)
	return float64(len(m.at)-before) / (appRate * meterWindow.Seconds())
}

// await waits until so much of the rate is used.
func (m *meter) await(t *testing.T, what string, holds func(share float64) bool) {
	t.Helper()
	began := time.Now()
	until(t, what, func() error {
		if share := m.share(t); !holds(share) {
			return fmt.Errorf("%.2f of it is used", share)
		}
		return nil
	})
	t.Logf("%s after %s", what, time.Since(began))
}

// rated is a world whose Xiaomi row has a rate that Xiaomi enforces.
func rated(t *testing.T) *world {
	t.Helper()
	w := prepare(t, postgres())
	row := &w.doc.Channels[1]
	row.Limits.RequestsPerSecond, row.Limits.MaxConcurrentRequests = appRate, 256
	must1(w.sim.Client.CreateXiaomiApp(t.Context(), xiaomi.App{
		PackageName: packageName, AppSecret: row.Xiaomi.AppSecret.Reveal(), RequestsPerSecond: strictRate,
	}))(t)
	w.disp.Configure(t, w.doc)
	w.disp.Start(t)
	return w
}

// floodAt sends so many messages to a user at a dispatcher, which has their pushes then, and returns the last one.
func (w *world) floodAt(t *testing.T, d *process.Dispatcher, user string, n int) (last string) {
	t.Helper()
	const batch = 100
	for range n / batch {
		messages := make([]wire.SendMessage, batch)
		for i := range messages {
			messages[i] = wire.SendMessage{
				ClientID: unique("id"), From: "alice", To: []string{user}, Body: "hello", Push: &wire.Push{Title: "hello", Content: "hello"},
			}
		}
		for _, r := range must1(w.serverAt(d).SendBatch(t.Context(), messages))(t) {
			if r.Sent == nil {
				t.Fatalf("a message was refused: %+v", r)
			}
			last = r.Sent.MessageID
		}
	}
	return last
}

// Three dispatchers with more to send than the rate serves keep it together. When one is killed the others keep theirs until
// its lease has run out, and have its part then; one that comes takes its part from them. Xiaomi refuses next to nothing.
func TestDispatchersShareARate(t *testing.T) {
	t.Parallel()
	w := rated(t)
	victim := w.another(t)
	w.another(t)
	w.newPhone(t, vendors()[1]).bind(t, "ann")
	m := &meter{world: w}
	for _, d := range w.all {
		w.floodAt(t, d, "ann", 1000)
	}
	whole := func(share float64) bool { return share > 0.9 }
	m.await(t, "three use the rate", whole)
	victim.Kill()
	m.await(t, "two use what is theirs", func(share float64) bool { return share < 0.75 })
	m.await(t, "two use the rate", whole)
	newcomer := w.another(t)
	last := w.floodAt(t, newcomer, "ann", 100)
	until(t, "the newcomer has sent", func() error {
		m.read(t)
		if got := must1(w.server().Trace(t.Context(), last))(t).Devices; len(got) != 1 || got[0].State != "Handed" {
			return errors.New("its last message waits")
		}
		return nil
	})
	m.await(t, "three use the rate again", whole)
	took := m.at[len(m.at)-1].Sub(m.at[0])
	if most := appRate*took.Seconds() + strictRate; float64(len(m.at)) > most {
		t.Errorf("%d requests in %s, want %.0f at the most", len(m.at), took, most)
	}
	if m.refused*50 > len(m.at) { // On a slow machine some come together.
		t.Errorf("Xiaomi refused %d of %d requests as too fast", m.refused, len(m.at))
	}
	t.Logf("%d requests in %s: %.1f a second", len(m.at), took, float64(len(m.at))/took.Seconds())
}
