package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/offlinepush/operator/dispatcher/client"
	"github.com/offlinepush/operator/dispatcher/simulator"
	"github.com/offlinepush/operator/dispatcher/simulator/phone"
	"github.com/offlinepush/operator/dispatcher/wire"
	"github.com/offlinepush/operator/hack/e2e/process"
)

// The people, for each vendor: residents have a phone and no session, readers have a session as long as
// they can, and two switchers share one phone.
const (
	readers   = 1
	switchers = 1
	// fewest residents there are; perPhone is what a phone receives at the most: Huawei gives one 3,000 pushes a day and
	// drops the others without a word, and a switchers' phone receives for two.
	fewest, perPhone = 10, 1_400
)

// residents are so many for each vendor that no phone receives more than its vendor allows.
func residents() int {
	users := int(duration.Seconds()) * *rateFlag / perPhone
	return max(fewest, users/len(vendors()))
}

// handset is a phone with what it showed.
type handset struct {
	world       *world
	vendor      process.Vendor
	id, token   string
	credentials wire.RegisteredDevice
	// users are those who use it: one, or two in turn.
	users   []string
	history *process.History

	mu       sync.Mutex
	arrivals []phone.Arrival
	// read is what sessions showed.
	read map[string]time.Time
}

// people are all phones with their users.
type people struct {
	world  *world
	phones []*handset
	names  []string

	living sync.WaitGroup
	cancel context.CancelFunc
	// quit ends the switching and reading; the phones stay.
	quit chan struct{}
}

// settle buys and registers the phones, and lets everybody live.
func (w *world) settle(t *testing.T, dice *rand.Rand) *people {
	t.Helper()
	p := &people{world: w, quit: make(chan struct{})}
	ctx, cancel := context.WithCancel(t.Context())
	p.cancel = cancel
	t.Cleanup(func() { cancel(); p.living.Wait() })
	for _, v := range vendors() {
		for n := range residents() {
			p.move(t, ctx, v, fmt.Sprintf("%s-resident-%d", v.Row, n))
		}
		for n := range readers {
			h := p.move(t, ctx, v, fmt.Sprintf("%s-reader-%d", v.Row, n))
			p.live(ctx, dice, h.readOn)
		}
		for n := range switchers {
			h := p.move(t, ctx, v, fmt.Sprintf("%s-switcher-%da", v.Row, n), fmt.Sprintf("%s-switcher-%db", v.Row, n))
			p.live(ctx, dice, h.takeTurns)
		}
	}
	return p
}

// move gives users a phone.
func (p *people) move(t *testing.T, ctx context.Context, v process.Vendor, users ...string) *handset { //nolint:revive // the context outlives the call
	t.Helper()
	made, err := p.world.sim.Client.CreatePhone(ctx, simulator.NewPhone{Vendor: v.Row, App: v.App})
	if err != nil {
		t.Fatal(err)
	}
	h := &handset{world: p.world, vendor: v, id: made.ID, token: made.Token, users: users, history: &process.History{}, read: map[string]time.Time{}}
	key := p.world.doc.Auth.RegistrationKeys[0].Reveal()
	d, err := client.Register(ctx, p.world.where[0].Load().device, key, wire.RegisterDevice{Vendor: v.API, Token: h.token}, callers())
	if err != nil {
		t.Fatal(err)
	}
	h.credentials = d.Credentials
	h.history.Register(time.Now())
	if err := h.login(ctx, d, users[0]); err != nil {
		t.Fatal(err)
	}
	p.phones, p.names = append(p.phones, h), append(p.names, users...)
	p.living.Go(func() { h.watch(ctx) })
	return h
}

// live lets a user do something until the people leave.
func (p *people) live(ctx context.Context, dice *rand.Rand, life func(context.Context, *rand.Rand, <-chan struct{})) {
	own := rand.New(rand.NewPCG(dice.Uint64(), 3))
	p.living.Go(func() { life(ctx, own, p.quit) })
}

func (p *people) anyone(dice *rand.Rand) string { return p.names[dice.IntN(len(p.names))] }

// watch notes what the phone shows.
func (h *handset) watch(ctx context.Context) {
	for last := int64(0); ctx.Err() == nil; {
		for a, err := range h.world.sim.Client.Stream(ctx, h.id, last) {
			if err != nil {
				break
			}
			last = a.Seq
			h.mu.Lock()
			h.arrivals = append(h.arrivals, a)
			h.mu.Unlock()
		}
	}
}

func (h *handset) device(dice *rand.Rand) *client.Device {
	return client.Restore(h.world.any(dice).device, h.credentials, callers())
}

// login binds a user, and notes when. A request without an answer may have worked all the same, a little later too.
func (h *handset) login(ctx context.Context, d *client.Device, user string) error {
	token, err := h.world.users.Token(user)
	if err != nil {
		return err
	}
	start := time.Now()
	if _, err := d.Bind(ctx, token); err != nil {
		h.history.Try(process.Span{Start: start, Answer: time.Now().Add(late)}, 0, user)
		return err
	}
	h.history.Bind(process.Span{Start: start, Answer: time.Now()}, 0, user)
	return nil
}

// late is how long after its caller gave up a request may still take effect: a dispatcher that froze finds it when it goes on.
const late = frozen + 2*time.Second

// takeTurns lets the users of one phone log in after each other, sometimes with a logout between.
func (h *handset) takeTurns(ctx context.Context, dice *rand.Rand, quit <-chan struct{}) {
	for n := 1; ; n++ {
		select {
		case <-quit:
			return
		case <-time.After(time.Duration(300+dice.IntN(1500)) * time.Millisecond):
		}
		h.insist(ctx, func(ctx context.Context) error {
			if dice.IntN(2) == 0 {
				return nil
			}
			start := time.Now()
			err := h.device(dice).Logout(ctx)
			if err == nil {
				h.history.Logout(process.Span{Start: start, Answer: time.Now()}, 0)
			}
			return err
		})
		h.insist(ctx, func(ctx context.Context) error { return h.login(ctx, h.device(dice), h.users[n%len(h.users)]) })
	}
}

// insist repeats a request until it is answered.
func (h *handset) insist(ctx context.Context, request func(context.Context) error) {
	for ctx.Err() == nil {
		limited, cancel := context.WithTimeout(ctx, 3*callTimeout)
		err := request(limited)
		cancel()
		if err == nil {
			return
		}
		rest(ctx, again)
	}
}

// readOn keeps a session open wherever there is a dispatcher.
func (h *handset) readOn(ctx context.Context, dice *rand.Rand, quit <-chan struct{}) {
	for ctx.Err() == nil {
		select {
		case <-quit:
			return
		default:
		}
		s, err := h.session(ctx, dice, h.users[0], nil)
		if err != nil {
			rest(ctx, again)
			continue
		}
		select {
		case <-ended(s):
		case <-quit:
			s.Close()
		}
	}
}

func ended(s *client.Session) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Wait()
	}()
	return done
}

// session opens one that notes what it shows.
func (h *handset) session(ctx context.Context, dice *rand.Rand, user string, after *int64) (*client.Session, error) {
	token, err := h.world.users.Token(user)
	if err != nil {
		return nil, err
	}
	return h.device(dice).Open(ctx, client.Login{UserToken: token, After: after, OnMessage: func(m wire.Message) error {
		h.mu.Lock()
		defer h.mu.Unlock()
		if _, known := h.read[m.Body]; !known {
			h.read[m.Body] = time.Now()
		}
		return nil
	}})
}

// await waits until every acknowledged message is where it belongs.
func (p *people) await(t *testing.T, acked map[string]ack) {
	t.Helper()
	close(p.quit)
	must := map[string]bool{}
	for _, h := range p.phones {
		must[h.users[0]] = len(h.users) == 1
	}
	until(t, "all acknowledged messages are on their phones", func() error {
		missing, last := 0, ""
		seen := p.seen()
		for payload, a := range acked {
			if must[a.to] && !seen[payload] {
				missing, last = missing+1, payload
			}
		}
		if missing > 0 {
			return fmt.Errorf("%d are missing, such as %q, acknowledged at %s", missing, last, acked[last].at)
		}
		return nil
	})
}

// seen are the payloads that any phone or session showed.
func (p *people) seen() map[string]bool {
	seen := map[string]bool{}
	for _, h := range p.phones {
		h.mu.Lock()
		for _, a := range h.arrivals {
			seen[a.Payload] = true
		}
		for payload := range h.read {
			seen[payload] = true
		}
		h.mu.Unlock()
	}
	return seen
}

// leave ends all lives.
func (p *people) leave(t *testing.T) {
	t.Helper()
	p.cancel()
	p.living.Wait()
}

// evidence is what phones and inboxes hold at the end.
func (p *people) evidence(t *testing.T) evidence {
	t.Helper()
	e := evidence{inboxes: map[string][]string{}}
	for _, h := range p.phones {
		e.phones = append(e.phones, witness{vendor: h.vendor.Row, users: h.users, arrivals: h.arrivals, read: h.read, history: h.history})
		for _, user := range h.users {
			e.inboxes[user] = h.inbox(t, user)
		}
	}
	return e
}

// inbox reads all of a user's messages by a last session.
func (h *handset) inbox(t *testing.T, user string) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	token, err := h.world.users.Token(user)
	if err != nil {
		t.Fatal(err)
	}
	trace, err := h.world.server(h.world.where[0].Load()).SendBatch(ctx, []wire.SendMessage{{ClientID: "last-" + user, From: "checker", To: []string{user}, Body: lastBody}})
	if err != nil || trace[0].Sent == nil {
		t.Fatalf("marking the end of an inbox: %v", err)
	}
	var bodies []string
	errEnd := errors.New("that was the last")
	d := client.Restore(h.world.where[0].Load().device, h.credentials, callers())
	s, err := d.Open(ctx, client.Login{UserToken: token, After: new(int64), OnMessage: func(m wire.Message) error {
		if m.Body == lastBody {
			return errEnd
		}
		bodies = append(bodies, m.Body)
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Wait(); !errors.Is(err, errEnd) {
		t.Fatalf("reading %s's inbox: %v", user, err)
	}
	return bodies
}

// lastBody ends what the checker reads of an inbox.
const lastBody = "the last one"
