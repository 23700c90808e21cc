package binding_test

import (
	"context"
	"testing"
	"time"

	"github.com/offlinepush/operator/dispatcher/binding"
	"github.com/offlinepush/operator/dispatcher/ingress/planetest"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
)

// other is the other one of two dispatchers.
type other struct{ fence *planetest.Fence }

func (o other) Fence(ctx context.Context, changes []store.EpochChange, _ string) error {
	return o.fence.Quiesce(ctx, changes)
}

// noSessions is a hub of a dispatcher that nobody is connected to.
type noSessions struct{}

func (noSessions) Kick([]store.EpochChange, string) {}

// twoPods share a store, in which Alice's phone holds the token "a"; there are two more phones, and
// one that was exported somewhere else and holds "a" since then.
type twoPods struct {
	first, second *binding.Service
	slow          *planetest.Fence // of the first
	alice, x, y   int64
	moved         store.Record
}

func newTwoPods(t *testing.T) *twoPods {
	t.Helper()
	bed := planetest.New(t)
	p := &twoPods{slow: &planetest.Fence{}}
	deps := binding.Deps{Store: bed.Store, Sessions: noSessions{}, Vendors: []string{"FCM"}}
	deps.Fence, deps.Peers = p.slow, other{&planetest.Fence{}}
	p.first = binding.New(deps)
	deps.Fence, deps.Peers = &planetest.Fence{}, other{p.slow}
	p.second = binding.New(deps)
	for token, key := range map[string]*int64{"a": &p.alice, "x": &p.x, "y": &p.y} {
		c, err := p.first.Register(t.Context(), registration("FCM", token))
		if err != nil {
			t.Fatal(err)
		}
		d, err := p.first.Find(t.Context(), c.PushID)
		if err != nil {
			t.Fatal(err)
		}
		*key = d.Key
	}
	if _, err := p.first.Bind(t.Context(), p.alice, "alice"); err != nil {
		t.Fatal(err)
	}
	p.moved = record("moved")
	p.moved.Tokens[message.TokenAlert], p.moved.SeenAt = "a", bed.Store.Now().Add(time.Minute)
	return p
}

// askedFor is how often somebody waited for what was Alice's.
func (p *twoPods) askedFor() (n int) {
	for _, c := range p.slow.Asked() {
		if c.Device == p.alice {
			n++
		}
	}
	return n
}

// request is a change that a phone asks one of the dispatchers for.
type request func(context.Context, *binding.Service, *twoPods) error

func setToken(device func(*twoPods) int64, token string) request {
	return func(ctx context.Context, s *binding.Service, p *twoPods) error {
		return s.SetToken(ctx, phoneOf(device(p)), message.TokenAlert, token)
	}
}

func bindTo(device func(*twoPods) int64, user string) request {
	return func(ctx context.Context, s *binding.Service, p *twoPods) error {
		_, err := s.Bind(ctx, device(p), user)
		return err
	}
}

func logout(ctx context.Context, s *binding.Service, p *twoPods) error { return s.Logout(ctx, p.alice) }

func unregister(ctx context.Context, s *binding.Service, p *twoPods) error {
	return s.Unregister(ctx, p.alice)
}

func register(ctx context.Context, s *binding.Service, _ *twoPods) error {
	_, err := s.Register(ctx, registration("FCM", "a"))
	return err
}

func importMoved(ctx context.Context, s *binding.Service, p *twoPods) error {
	_, err := s.Import(ctx, []store.Record{p.moved}, time.Time{})
	return err
}

// TestRepetitionAtAnotherPodWaits: a push to Alice is open at one dispatcher while her phone changes
// hands; the request is repeated, or followed by the next, at the other one. Once it is answered,
// nobody asks for it any more.
func TestRepetitionAtAnotherPodWaits(t *testing.T) {
	t.Parallel()
	alice := func(p *twoPods) int64 { return p.alice }
	x := func(p *twoPods) int64 { return p.x }
	y := func(p *twoPods) int64 { return p.y }
	for _, tt := range []struct {
		name         string
		first, again request
	}{
		{"the same token", setToken(x, "a"), setToken(x, "a")},
		{"another token of the device", setToken(x, "a"), setToken(x, "b")},
		{"the token on another device", setToken(x, "a"), setToken(y, "a")},
		{"the token of a new device", setToken(x, "a"), register},
		{"the registration", register, register},
		{"the binding of who has the token", setToken(x, "a"), bindTo(x, "bob")},
		{"the binding", bindTo(alice, "bob"), bindTo(alice, "bob")},
		{"a third user", bindTo(alice, "bob"), bindTo(alice, "carol")},
		{"the logout", logout, logout},
		{"the import", importMoved, importMoved},
		{"the token of the unregistered device", unregister, register},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := newTwoPods(t)
			before := p.askedFor()
			release := p.slow.Hold()
			defer release()
			answers := make(chan error, 2)
			go func() { answers <- tt.first(t.Context(), p.first, p) }()
			p.awaitAsked(t, before+1)
			go func() { answers <- tt.again(t.Context(), p.second, p) }()
			p.awaitAsked(t, before+2)
			select {
			case err := <-answers:
				t.Fatalf("answered %v while the push to Alice is open", err)
			default:
			}
			release()
			for range 2 {
				if err := <-answers; err != nil {
					t.Error(err)
				}
			}
			if err := tt.again(t.Context(), p.second, p); err != nil || p.askedFor() != before+2 {
				t.Errorf("%v; asked %d times, want no more after the answer", err, p.askedFor()-before)
			}
		})
	}
}

// awaitAsked waits until somebody waited for what was Alice's that often.
func (p *twoPods) awaitAsked(t *testing.T, n int) {
	t.Helper()
	again := time.NewTicker(time.Millisecond)
	defer again.Stop()
	limit := time.After(time.Minute)
	for p.askedFor() < n {
		select {
		case <-again.C:
		case <-limit:
			t.Fatalf("asked %d times, want %d", p.askedFor(), n)
		}
	}
}

// broken cannot note what is confirmed.
type broken struct{ unbinder }

func (broken) Confirm(context.Context, []store.EpochChange) error { return context.DeadlineExceeded }

// What has taken effect is answered well, although the next one will wait for it again.
func TestTroubleOfTheNoteIsNoTroubleOfTheCaller(t *testing.T) {
	t.Parallel()
	service := binding.New(binding.Deps{Store: broken{}, Fence: &planetest.Fence{}, Sessions: noSessions{}})
	if err := service.Logout(t.Context(), 1); err != nil {
		t.Error(err)
	}
}
