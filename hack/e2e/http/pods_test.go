package http_test

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/offlinepush/operator/dispatcher/client"
	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/simulator/traffic"
	"github.com/offlinepush/operator/dispatcher/store/postgres/postgrestest"
	"github.com/offlinepush/operator/hack/e2e/process"
)

// crew is three dispatchers of one app under a load that goes to one of them, the victim.
type crew struct {
	*world
	victim *process.Dispatcher
	phones map[string]*handset
	load   *load
}

// newCrew starts the third dispatcher and the load.
func newCrew(t *testing.T, w *world, victim *process.Dispatcher) *crew {
	t.Helper()
	w.another(t)
	users := []string{"ann", "ben", "cat", "dan"}
	c := &crew{world: w, victim: victim, phones: w.receivers(t, users...)}
	for _, v := range vendors() {
		w.fault(t, v.row, traffic.Fault{LatencyMs: 400})
	}
	c.load = w.startLoad(t, users...)
	c.load.server.Store(w.serverAt(victim))
	return c
}

// busy waits until the victim has calls open and others waiting.
func (c *crew) busy(t *testing.T) {
	t.Helper()
	c.load.awaitMore(t, 60)
	until(t, "pushes are pending", func() error {
		if a := c.disp.Report(t).Account; a.Pending == 0 {
			return errors.New("none is")
		}
		return nil
	})
}

// takenOver leads the load to a survivor, and says how long after the fault all that had been
// acknowledged was on its phone.
func (c *crew) takenOver(t *testing.T, fault time.Time) {
	t.Helper()
	acked := c.load.snapshot()
	c.load.server.Store(c.server())
	until(t, "all of before the fault is on its phone", func() error {
		missing := maps.Clone(acked)
		for _, h := range c.phones {
			for _, a := range must1(c.sim.Client.Notifications(t.Context(), h.id, 0, 0))(t) {
				delete(missing, a.Payload)
			}
		}
		if len(missing) > 0 {
			return fmt.Errorf("%d are missing", len(missing))
		}
		return nil
	})
	t.Logf("%d messages that were acknowledged before the fault are on their phones %s after it", len(acked), time.Since(fault))
}

// end stops the load and checks that everything arrived, and that the account knows of everything.
func (c *crew) end(t *testing.T) {
	t.Helper()
	acked := c.load.stop()
	for _, v := range vendors() {
		c.clearFault(t, v.row)
	}
	repeated := delivered(t, acked, c.phones)
	c.settled(t)
	if a := c.disp.Report(t).Account; a.Admitted != int64(len(acked)) || a.Unaccounted() != 0 {
		t.Errorf("%d messages were acknowledged, to a phone each; the account says %+v", len(acked), a)
	}
	t.Logf("%d messages, %d repeated", len(acked), repeated)
}

// What a killed dispatcher leaves is taken over and sent by the others.
func TestKilledDispatcherIsTakenOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t, postgres())
	c := newCrew(t, w, w.another(t))
	c.busy(t)
	c.victim.Kill()
	c.takenOver(t, time.Now())
	c.end(t)
}

// A dispatcher that is frozen for a minute loses its lease: what it had is sent by the others, a takeover
// is answered once its lease has run out, and when it goes on it sends nothing of what it once owned.
func TestFrozenDispatcherStaysSilent(t *testing.T) {
	t.Parallel()
	const frozen = 60 * time.Second
	w := newWorld(t, postgres())
	c := newCrew(t, w, w.another(t))
	rival := w.newPhone(t, vendors()[0])
	rival.bind(t, "eve")
	c.busy(t)
	before := c.victim.Report(t).Incarnation
	for n := range 20 { // calls of the victim for a user who is about to lose the phone
		m := w.newMessage("sender-of-eve", "eve")
		m.Push.Payload = addressed("eve", n)
		must1(w.serverAt(c.victim).Send(t.Context(), m))(t)
	}
	c.victim.Signal(t, syscall.SIGSTOP)
	fault := time.Now()
	thaw := time.After(frozen)

	rival.bind(t, "fay")
	answered := time.Now()
	t.Logf("a takeover was answered %s after the freeze", answered.Sub(fault))
	c.takenOver(t, fault)
	<-thaw
	c.victim.Signal(t, syscall.SIGCONT)
	until(t, "the thawed dispatcher has a new lease", func() error {
		if now := c.victim.Report(t).Incarnation; now <= before {
			return fmt.Errorf("it says incarnation %d", now)
		}
		return nil
	})
	c.load.server.Store(w.serverAt(c.victim))
	c.load.awaitMore(t, 20) // it works again
	acked := c.load.stop()
	for _, v := range vendors() {
		c.clearFault(t, v.row)
	}
	delivered(t, acked, c.phones)
	c.settled(t)
	for _, a := range must1(w.sim.Client.Notifications(t.Context(), rival.id, 0, 0))(t) {
		if a.ArrivedAt.After(answered) {
			t.Errorf("the phone showed at %s what is for %s, after the answer at %s that ended the binding", a.ArrivedAt, receiver(a.Payload), answered)
		}
	}
	if a := c.disp.Report(t).Account; a.Admitted != int64(len(acked)+20) || a.Unaccounted() != 0 {
		t.Errorf("%d messages were acknowledged; the account says %+v", len(acked)+20, a)
	}
}

// A dispatcher that loses the database but not the vendors refuses messages and falls silent before the
// others take over; when the database is back it works again by itself.
func TestDispatcherWithoutDatabaseIsTakenOver(t *testing.T) {
	t.Parallel()
	if !process.InOwnNetwork(t) {
		return
	}
	const near, far = "127.0.0.1", "127.0.0.2"
	server := postgrestest.Start(t, postgrestest.Options{
		Network: postgrestest.TCP, Host: near, Settings: map[string]string{"listen_addresses": near + "," + far},
	})
	uri := server.URI(server.NewDatabase(t))
	w := prepare(t, storeKind{"postgres", func(testing.TB) config.Store { return process.DatabaseAt(uri) }})
	w.disp.Start(t)
	victim := w.disp.Another(t, "dispatcher-cut-off")
	cutOff := w.copyOf(t)
	cutOff.Store = process.DatabaseAt(strings.ReplaceAll(uri, near, far))
	victim.Configure(t, cutOff)
	victim.Start(t)
	w.all = append(w.all, victim)
	c := newCrew(t, w, victim)
	c.busy(t)
	heal := process.Cut(t, far)
	fault := time.Now()
	_, err := w.serverAt(victim).Send(t.Context(), w.newMessage("alice", "ann"))
	if e, ok := errors.AsType[*client.Error](err); !ok || e.Status != http.StatusServiceUnavailable {
		t.Errorf("a message without a database: %v, want status 503", err)
	}
	c.takenOver(t, fault)
	heal()
	until(t, "the dispatcher works again", func() error {
		if r := victim.Report(t); !r.Store.Ready {
			return errors.New(r.Store.Error)
		}
		return nil
	})
	c.load.server.Store(w.serverAt(victim))
	c.load.awaitMore(t, 20)
	c.end(t)
}

// A dispatcher whose clock is 20 minutes off is like any other: what it accepts is dated by the database,
// sent at once, and taken over at once when it dies.
func TestDispatcherWithWrongClock(t *testing.T) {
	t.Parallel()
	w := newWorld(t, postgres())
	wrong := w.disp.Another(t, "dispatcher-wrong-clock")
	wrong.Binaries = must1(process.BuildSkewed(t.Context(), t.TempDir(), 20*time.Minute))(t)
	wrong.Start(t)
	w.all = append(w.all, wrong)
	reader := w.newPhone(t, vendors()[0])
	_, live := reader.open(t, "gil")
	c := newCrew(t, w, wrong)
	m := w.newMessage("alice", "gil")
	must1(w.serverAt(wrong).Send(t.Context(), m))(t)
	if got := next(t, live); time.Since(got.CreatedAt).Abs() > time.Minute {
		t.Errorf("a message of now is dated %s", got.CreatedAt)
	}
	c.busy(t)
	wrong.Kill()
	c.takenOver(t, time.Now())
	acked := c.load.stop()
	for _, v := range vendors() {
		c.clearFault(t, v.row)
	}
	delivered(t, acked, c.phones)
	c.settled(t)
	reader.silent(t, 0)
}
