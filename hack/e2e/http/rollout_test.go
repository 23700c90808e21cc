package http_test

import (
	"context"
	"testing"
	"time"

	"github.com/offlinepush/operator/dispatcher/client"
	"github.com/offlinepush/operator/dispatcher/wire"
	"github.com/offlinepush/operator/hack/e2e/process"
)

// reader is a phone that stays connected: where its dispatcher stops, it connects to the next one.
type reader struct {
	*handset
	user string
	seqs chan int64
}

func (w *world) newReader(t *testing.T, i int, user string) *reader {
	t.Helper()
	return &reader{handset: w.newPhone(t, vendors()[i%len(vendors())]), user: user, seqs: make(chan int64, 10_000)}
}

func (r *reader) connect(t *testing.T, d *process.Dispatcher) *client.Session {
	t.Helper()
	s := must1(r.deviceAt(d).Open(t.Context(), client.Login{
		UserToken: r.world.userToken(t, r.user),
		OnMessage: func(m wire.Message) error { r.seqs <- m.Seq; return nil },
	}))(t)
	t.Cleanup(s.Close)
	return s
}

// A dispatcher that is rolled out pushes nobody who connects again in time, whatever was sent meanwhile: neither what
// waited for an acknowledgement, nor what is accepted before the phones are back. Phones that stay away are pushed.
func TestRolloutPushesNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t, postgres())
	next, old := w.another(t), w.disp
	rollout(t, w, old, func() *process.Dispatcher { return next })
	drained(t, old)
}

// The same where the next dispatcher starts after the former has ended, with messages that wait at the end.
func TestRestartPushesNobody(t *testing.T) {
	t.Parallel()
	for _, store := range eachStore() {
		t.Run(store.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, store)
			rollout(t, w, w.disp, func() *process.Dispatcher {
				drained(t, w.disp)
				w.disp.Start(t)
				return w.disp
			})
		})
	}
}

// drained waits until a dispatcher has ended in good order.
func drained(t *testing.T, d *process.Dispatcher) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if code, err := d.Wait(ctx); err != nil || code != 0 {
		t.Fatalf("the drained dispatcher ended with %d, %v:\n%s", code, err, tail(d.Output()))
	}
}

func rollout(t *testing.T, w *world, old *process.Dispatcher, successor func() *process.Dispatcher) {
	t.Helper()
	var readers []*reader
	var sessions []*client.Session
	for i, user := range []string{"ann", "ben", "cat", "dan"} {
		r := w.newReader(t, i, user)
		readers, sessions = append(readers, r), append(sessions, r.connect(t, old))
	}
	away := w.newReader(t, 0, "eve") // does not come back
	lost := away.connect(t, old)
	mute := w.newPhone(t, vendors()[1]) // gets a message and does not acknowledge it until it is back
	held := make(chan struct{})
	must1(mute.deviceAt(old).Open(t.Context(), client.Login{
		UserToken: w.userToken(t, "fay"), OnMessage: func(wire.Message) error { <-held; return context.Canceled },
	}))(t)
	w.sendAt(t, old, "fay")

	sent := 0
	say := func(d *process.Dispatcher) {
		sent++
		w.sendAt(t, d, "ann", "ben", "cat", "dan")
	}
	for range 5 {
		say(old)
	}
	began := time.Now()
	old.Terminate(t)
	for _, s := range sessions {
		kicked(t, s, wire.KickedDraining)
	}
	kicked(t, lost, wire.KickedDraining)
	close(held)
	now := successor()
	w.disp = now
	say(now) // Nobody is back.
	w.sendAt(t, now, "eve")
	back := make(chan int64, 10)
	must1(mute.deviceAt(now).Open(t.Context(), client.Login{
		UserToken: w.userToken(t, "fay"), OnMessage: func(m wire.Message) error { back <- m.Seq; return nil },
	}))(t)
	for _, r := range readers {
		r.connect(t, now)
	}
	say(now)
	for _, r := range readers {
		for seq := int64(0); seq < int64(sent); {
			select {
			case got := <-r.seqs:
				if got > seq+1 {
					t.Fatalf("%s got %d after %d", r.user, got, seq)
				}
				seq = max(seq, got)
			case <-time.After(patience):
				t.Fatalf("%s has %d of %d messages", r.user, seq, sent)
			}
		}
	}
	<-back
	away.arrivals(t, 1)
	if took := time.Since(began); took < 9*time.Second {
		t.Errorf("who stayed away was pushed after %s, before the end of the grace", took)
	}
	w.settled(t)
	for _, r := range readers {
		r.silent(t, 0)
	}
	mute.silent(t, 0)
	away.silent(t, 1)
}

// sendAt sends one message through a dispatcher.
func (w *world) sendAt(t *testing.T, d *process.Dispatcher, to ...string) {
	t.Helper()
	m := w.newMessage("alice", to...)
	must1(w.serverAt(d).Send(t.Context(), m))(t)
}
