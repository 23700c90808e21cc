package session_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"

	"github.com/coder/websocket"

	"github.com/offlinepush/operator/dispatcher/ingress/planetest"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/session"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/sqlite"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// shared is a store as if other processes had it open too.
type shared struct {
	*sqlite.Store

	mu sync.Mutex
	// former is whose place every session takes; elsewhere is who holds all sessions meanwhile.
	former    store.Place
	elsewhere int64
	// refuse fails calls of Connect, forgets fails calls of Disconnect, as often.
	refuse, forgets int
	replaced        []store.Place
}

var errTrouble = errors.New("no connection")

func (s *shared) Connect(ctx context.Context, sessions []store.Session) ([]store.Connected, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refuse > 0 {
		s.refuse--
		return nil, errTrouble
	}
	out, err := s.Store.Connect(ctx, sessions)
	for i := range out {
		out[i].Former = s.former
	}
	return out, err
}

func (s *shared) Disconnect(ctx context.Context, sessions []store.Session) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.forgets > 0 {
		s.forgets--
		return errTrouble
	}
	return s.Store.Disconnect(ctx, sessions)
}

func (s *shared) DevicesOf(ctx context.Context, userIDs []string) (map[string][]message.Device, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out, err := s.Store.DevicesOf(ctx, userIDs)
	for _, devices := range out {
		for i := range devices {
			if s.elsewhere != 0 {
				devices[i].Session = s.elsewhere
			}
		}
	}
	return out, err
}

func (s *shared) Replaced(former store.Place, _ int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.replaced = append(s.replaced, former)
}

func (s *shared) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// share lets the bed's sessions be noted in a store that others have open too.
func share(t *testing.T, bed *planetest.Bed) *shared {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	s := &shared{Store: bed.Store}
	places := session.NewPlaces(session.PlacesDeps{Hub: bed.Hub, Store: s, Lease: bed.Lease, Peers: s, Log: log})
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var run sync.WaitGroup
	run.Go(func() { places.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		run.Wait()
	})
	bed.Device.Config.Handler = session.NewServer(session.Deps{
		Hub: bed.Hub, Places: places, Devices: bed.Bindings, Users: bed.Users, Store: bed.Store, Live: bed.Live, Log: log,
	})
	return s
}

// loseLease ends the lease as if it had run out; the keeper acquires another soon.
func loseLease(t *testing.T, bed *planetest.Bed) {
	t.Helper()
	if err := bed.Store.ReleaseLease(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestASessionThatCannotBeNotedIsRefused(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	s := share(t, bed)
	c, _ := bed.Phone(t, "FCM", "bob")
	s.refuse = 1
	p := dial(t, bed)
	p.send(wire.ClientFrame{Type: wire.FrameLogin, Token: bed.UserToken(t, "bob"), PushID: c.PushID, DeviceSecret: c.DeviceSecret})
	p.closes(websocket.StatusTryAgainLater, "connect again later")
	dial(t, bed).login(bed, c, "bob")
}

func TestTheFormerPlaceIsTold(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	s := share(t, bed)
	c, _ := bed.Phone(t, "FCM", "bob")
	dial(t, bed).login(bed, c, "bob")
	if len(s.replaced) != 0 {
		t.Errorf("nobody had a session, and %v is told", s.replaced)
	}
	former := store.Place{Incarnation: 99, Number: 3}
	s.set(func() { s.former = former })
	dial(t, bed).login(bed, c, "bob")
	if len(s.replaced) != 1 || s.replaced[0] != former {
		t.Errorf("told %v, want %v", s.replaced, former)
	}
}

func TestAReplacedSessionEnds(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	c, d := bed.Phone(t, "FCM", "bob")
	dial(t, bed).login(bed, c, "bob")
	p := dial(t, bed)
	p.login(bed, c, "bob") // the second login of this process
	bed.Hub.Replace(d.Key, 1)
	post(t, bed, "bob", 1)
	p.next(wire.FrameMessage) // It goes on.
	bed.Hub.Replace(d.Key, 2)
	if f := p.next(wire.FrameKicked); f.Reason != wire.KickedReplaced {
		t.Errorf("reason %q", f.Reason)
	}
}

func TestSessionsAreNotedAgainUnderAnotherLease(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	c, _ := bed.Phone(t, "FCM", "bob")
	p := dial(t, bed)
	p.login(bed, c, "bob")
	lost := bed.Lease.Incarnation()
	loseLease(t, bed)
	if bed.Online(t, "bob") && bed.Lease.Incarnation() == lost {
		t.Error("a session counts without a lease")
	}
	accepted := bed.Store.Accept(t.Context(), []store.AcceptRequest{{ // by another process, which does not know of the session
		Message:  message.Message{ID: "019a0000-0000-7000-8000-000000000001", Sender: "alice", Body: "hello", CreatedAt: bed.Store.Now()},
		ClientID: "c-1", Recipients: []string{"bob"}, IdempotentUntil: bed.Store.Now(),
	}})
	if accepted[0].Err != nil {
		t.Fatal(accepted[0].Err)
	}
	waitFor(t, func() bool { return bed.Online(t, "bob") })
	if f := p.next(wire.FrameMessage); f.Body != "hello" {
		t.Errorf("got %+v", f)
	}
}

func TestSessionsThatCannotBeNotedAgainEnd(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, reason string
		meanwhile    func(t *testing.T, bed *planetest.Bed, s *shared, device int64)
	}{
		{"logged out", wire.KickedRebound, func(t *testing.T, bed *planetest.Bed, _ *shared, device int64) {
			t.Helper()
			if _, err := bed.Store.Unbind(t.Context(), device); err != nil {
				t.Error(err)
			}
		}},
		{"connected elsewhere", wire.KickedReplaced, func(_ *testing.T, _ *planetest.Bed, s *shared, _ int64) {
			s.set(func() { s.elsewhere = 99 })
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			bed := planetest.New(t)
			s := share(t, bed)
			c, d := bed.Phone(t, "FCM", "bob")
			p := dial(t, bed)
			p.login(bed, c, "bob")
			tt.meanwhile(t, bed, s, d.Key)
			s.set(func() { s.refuse = 1 }) // and the first attempt fails
			loseLease(t, bed)
			if f := p.next(wire.FrameKicked); f.Reason != tt.reason {
				t.Errorf("reason %q, want %q", f.Reason, tt.reason)
			}
		})
	}
}

func TestAnEndedSessionIsForgottenWhenTheStoreWorksAgain(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	s := share(t, bed)
	c, _ := bed.Phone(t, "FCM", "bob")
	p := dial(t, bed)
	p.login(bed, c, "bob")
	s.set(func() { s.forgets = 1 })
	_ = p.conn.Close(websocket.StatusNormalClosure, "")
	waitFor(t, func() bool { return !bed.Online(t, "bob") })
}

// TestADrainedSessionCountsAsConnected: a rollout is no reason to push.
func TestADrainedSessionCountsAsConnected(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	c, _ := bed.Phone(t, "FCM", "bob")
	p := dial(t, bed)
	p.login(bed, c, "bob")
	closed := make(chan error, 1)
	go func() { closed <- bed.Hub.Close(t.Context()) }()
	p.next(wire.FrameKicked)
	p.closes(websocket.StatusGoingAway, wire.KickedDraining)
	if err := <-closed; err != nil {
		t.Error(err)
	}
	if !bed.Online(t, "bob") {
		t.Error("forgotten before the lease ends")
	}
}

func TestEverySessionLooksWhenItIsTold(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	c, _ := bed.Phone(t, "FCM", "bob")
	p := dial(t, bed)
	p.login(bed, c, "bob")
	p.ping()
	accepted := bed.Store.Accept(t.Context(), []store.AcceptRequest{{
		Message:  message.Message{ID: "019a0000-0000-7000-8000-000000000002", Sender: "alice", Body: "hello", CreatedAt: bed.Store.Now()},
		ClientID: "c-1", Recipients: []string{"bob"}, IdempotentUntil: bed.Store.Now(),
	}})
	if accepted[0].Err != nil {
		t.Fatal(accepted[0].Err)
	}
	bed.Hub.NotifyAll()
	p.next(wire.FrameMessage)
}
