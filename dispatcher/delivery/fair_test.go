package delivery

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
)

// A vendor that answers nothing, and one that fails everything, have more to do than they can for ten minutes. Not one
// push through another channel row waits meanwhile.
func TestADeadVendorDelaysNoOther(t *testing.T) {
	t.Parallel()
	for name, dead := range map[string]*vendor{
		"hangs": {},
		"fails": {answers: map[string][]message.Outcome{"b": outcomes(message.Transient)}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { besideADeadVendor(t, dead, name == "hangs") })
		})
	}
}

func besideADeadVendor(t *testing.T, dead *vendor, hangs bool) {
	t.Helper()
	const rounds, flood = 600, 50
	if hangs {
		dead.gate = make(chan struct{})
	}
	m := newMemory(1, 2)
	b := newBench(t, m, &vendor{})
	defer b.drain()
	b.others = map[string]*vendor{"dead": dead}
	documentWith(t, b.path, "first", func(d *config.Document) {
		row := d.Channels[0]
		row.Name, row.AppType = "dead", 2
		d.Channels = append(d.Channels, row)
	})
	if err := b.live.Reload(); err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
	var id int64
	add := func(channel string, device int64) message.Delivery {
		id++
		return m.addTo(channel, id, device)
	}
	for round := range rounds {
		var rows []message.Delivery
		for range flood {
			rows = append(rows, add("dead", 1))
		}
		b.submit(rows)
		b.submit([]message.Delivery{add("row", 2)})
		synctest.Wait() // virtual time stands still
		if got := len(b.vendor.sent()); got != round+1 {
			t.Fatalf("after %d pushes through the other row: %d calls", round+1, got)
		}
		elapse(time.Second)
	}
	backlog, err := m.Backlog(t.Context())
	if err != nil || backlog["row"] != 0 || backlog["dead"] < rounds*flood/2 {
		t.Errorf("left %v, %v: the dead row was not at full load", backlog, err)
	}
	l := b.engine.laneOf("dead")
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.queue.bytes > queueBytes {
		t.Errorf("the dead row holds %d bytes", l.queue.bytes)
	}
}
