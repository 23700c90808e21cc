package http_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/offlinepush/operator/dispatcher/client"
	"github.com/offlinepush/operator/dispatcher/simulator/traffic"
	"github.com/offlinepush/operator/dispatcher/wire"
	"github.com/offlinepush/operator/hack/e2e/process"
)

// contested is a phone that changes hands.
type contested struct {
	*handset
	history *process.History

	mu           sync.Mutex
	installation int
	device       *client.Device
}

func (c *contested) current() (*client.Device, int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.device, c.installation
}

// reinstall registers a new installation with the same vendor token.
func (c *contested) reinstall(ctx context.Context) error {
	credentials, err := c.register(ctx)
	if err != nil {
		return err
	}
	c.history.Register(time.Now())
	c.mu.Lock()
	defer c.mu.Unlock()
	c.installation++
	c.device = client.Restore(c.world.disp.DeviceURL, credentials, c.world.devicePlane)
	return nil
}

// login binds the user on the present installation.
func (c *contested) login(ctx context.Context, user, token string) error {
	device, installation := c.current()
	start := time.Now()
	_, err := device.Bind(ctx, token)
	if err == nil {
		c.history.Bind(process.Span{Start: start, Answer: time.Now()}, installation, user)
	}
	return err
}

func (c *contested) logout(ctx context.Context) error {
	device, installation := c.current()
	start := time.Now()
	err := device.Logout(ctx)
	if err == nil {
		c.history.Logout(process.Span{Start: start, Answer: time.Now()}, installation)
	}
	return err
}

// push is a vendor's request that names a receiver, with when it came.
type push struct {
	at time.Time
	to string
}

// recording is what one vendor received. It is safe for concurrent use.
type recording struct {
	mu     sync.Mutex
	pushes []push
}

func (r *recording) add(p push) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pushes = append(r.pushes, p)
}

// all are the pushes so far.
func (r *recording) all() []push {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.pushes)
}

// names tells whether some push is for the user.
func (r *recording) names(user string) bool {
	return slices.ContainsFunc(r.all(), func(p push) bool { return p.to == user })
}

// record reads the vendor's requests until ctx ends; the simulator keeps only the newest.
func (w *world) record(ctx context.Context, t *testing.T, v vendor, into *recording) {
	t.Helper()
	addressee := regexp.MustCompile(`to=(\w+) n=\d+`)
	for last := int64(0); ; {
		list, err := w.sim.Client.Requests(context.WithoutCancel(ctx), v.row, last, 200*time.Millisecond)
		if err != nil {
			t.Errorf("reading the requests of %s: %v", v.row, err)
			return
		}
		for _, r := range list {
			if r.Seq != last+1 {
				t.Errorf("requests %d to %d of %s are lost", last+1, r.Seq-1, v.row)
			}
			last = r.Seq
			if to := addressee.FindStringSubmatch(shown(t, r)); to != nil {
				into.add(push{r.At, to[1]})
			}
		}
		if len(list) == 0 && ctx.Err() != nil {
			return
		}
	}
}

func shown(t *testing.T, r traffic.Request) string {
	t.Helper()
	b, err := json.Marshal(r.Content)
	if err != nil {
		t.Error(err)
	}
	return string(b)
}

// After the answer to a logout, a takeover or the registration of a new installation, no request for the
// former user starts and nothing of theirs is shown: two users fight for a phone of each vendor, whose app
// is reinstalled all the while, under a load of messages to both. They fight on until something of each of
// them was on its way and something was fenced, so that the test proves something on a slow machine too.
func TestFenceUnderLoad(t *testing.T) {
	t.Parallel()
	const turns, reinstalls = 40, 12
	for _, store := range eachStore() {
		t.Run(store.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, store)
			dice := seed(t)
			rivals := map[string][]string{"fcm": {"ann", "ben"}, "xiaomi": {"cat", "dan"}}
			phones := map[string]*contested{}
			recorded := map[string]*recording{}
			listening, hangUp := context.WithCancel(t.Context())
			defer hangUp()
			fighting, part := context.WithCancel(t.Context())
			var recorders, actors sync.WaitGroup
			defer actors.Wait()
			defer part()
			for _, v := range vendors() {
				w.fault(t, v.row, traffic.Fault{LatencyMs: 30, Probability: 0.7, Seed: dice.Uint64()})
				h := w.newPhone(t, v)
				c := &contested{handset: h, history: &process.History{}, device: h.device()}
				c.history.Register(time.Now())
				phones[v.row], recorded[v.row] = c, &recording{}
				recorders.Go(func() { w.record(listening, t, v, recorded[v.row]) })
			}
			l := w.startLoad(t, "ann", "ben", "cat", "dan")
			for row, c := range phones {
				for _, user := range rivals[row] {
					token, own := w.userToken(t, user), rand.New(rand.NewPCG(dice.Uint64(), 0))
					more := func(n int) bool { return n < turns || fighting.Err() == nil }
					actors.Go(func() { act(t, own, more, func() error { return c.login(t.Context(), user, token) }, c.logout) })
				}
				own := rand.New(rand.NewPCG(dice.Uint64(), 0))
				more := func(n int) bool { return n < reinstalls }
				actors.Go(func() { act(t, own, more, func() error { return c.reinstall(t.Context()) }, nil) })
			}
			w.contest(t, rivals, recorded)
			part()
			actors.Wait()
			for _, c := range phones {
				must(t, c.logout(t.Context()))
			}
			l.stop()
			w.settled(t)
			hangUp()
			recorders.Wait()
			for row, c := range phones {
				c.judge(t, recorded[row].all())
			}
		})
	}
}

// contest waits until the vendors received something for every rival, and something was fenced.
func (w *world) contest(t *testing.T, rivals map[string][]string, recorded map[string]*recording) {
	t.Helper()
	until(t, "the fight proves something", func() error {
		for row, users := range rivals {
			for _, user := range users {
				if !recorded[row].names(user) {
					return fmt.Errorf("%s: no request for %s", row, user)
				}
			}
		}
		if a := w.disp.Report(t).Account; a.Cancelled == 0 {
			return fmt.Errorf("nothing was fenced: %+v", a)
		}
		return nil
	})
}

// act takes turns with pauses of a random length as long as there is one more; every third turn is undone.
func act(t *testing.T, dice *rand.Rand, more func(turn int) bool, do func() error, undo func(context.Context) error) {
	t.Helper()
	for n := 0; more(n); n++ {
		err := do()
		<-time.After(time.Duration(dice.IntN(60)) * time.Millisecond)
		if err == nil && undo != nil && dice.IntN(3) == 0 {
			err = undo(t.Context())
		}
		if err != nil {
			t.Errorf("a phone's request failed: %v", err)
			return
		}
	}
}

// judge holds what the vendor received and the phone showed against the phone's history.
func (c *contested) judge(t *testing.T, received []push) {
	t.Helper()
	count := map[string]int{}
	for _, p := range received {
		count[p.to]++
		if !c.history.Allows(p.to, p.at) {
			t.Errorf("%s: a request for %s began at %s, after the answer that ended their binding", c.row, p.to, p.at)
		}
	}
	for _, a := range must1(c.world.sim.Client.Notifications(t.Context(), c.id, 0, 0))(t) {
		if to := receiver(a.Payload); !c.history.Allows(to, a.ArrivedAt) {
			t.Errorf("%s: the phone showed at %s what is for %s, after the answer that ended their binding", c.row, a.ArrivedAt, to)
		}
	}
	t.Logf("%s: requests %v, %d changes of hands, %d installations", c.row, count, c.history.Changes(), c.history.Installations())
}

// A takeover that is repeated, because its caller hung up, waits for the open call like the first one.
func TestRepeatedTakeoverWaits(t *testing.T) {
	t.Parallel()
	for _, store := range eachStore() {
		t.Run(store.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, store)
			h := w.newPhone(t, vendors()[0])
			h.bind(t, "ann")
			w.fault(t, "fcm", traffic.Fault{LatencyMs: 3000, Path: "messages:send"})
			w.send(t, w.newMessage("alice", "ann"))
			w.asksForToken(t)
			token := w.userToken(t, "ben")
			short, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			if _, err := h.device().Bind(short, token); err == nil {
				t.Fatal("the takeover was answered while the call was open")
			}
			must1(h.device().Bind(t.Context(), token))(t)
			answered := time.Now()
			if a := h.arrivals(t, 1)[0]; a.ArrivedAt.After(answered) {
				t.Errorf("the repeated takeover was answered at %s, the former user's push was shown at %s", answered, a.ArrivedAt)
			}
		})
	}
}

// The session of a user ends, with the reason, when the phone changes hands; it shows nothing more.
func TestSessionEndsWithBinding(t *testing.T) {
	t.Parallel()
	for _, store := range eachStore() {
		t.Run(store.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, store)
			for _, c := range []struct {
				name, reason string
				change       func(ctx context.Context, h *handset, rival string) error
			}{
				{"takeover", wire.KickedRebound, func(ctx context.Context, h *handset, rival string) error {
					_, err := h.device().Bind(ctx, rival)
					return err
				}},
				{"logout", wire.KickedLoggedOut, func(ctx context.Context, h *handset, _ string) error { return h.device().Logout(ctx) }},
				{"reinstall", wire.KickedRebound, func(ctx context.Context, h *handset, _ string) error {
					_, err := h.register(ctx)
					return err
				}},
				{"unregister", wire.KickedUnregistered, func(ctx context.Context, h *handset, _ string) error { return h.device().Unregister(ctx) }},
			} {
				t.Run(c.name, func(t *testing.T) {
					t.Parallel()
					user := "ann-" + c.name
					h := w.newPhone(t, vendors()[1])
					session, messages := h.open(t, user)
					w.send(t, w.newMessage("alice", user))
					next(t, messages)
					must(t, c.change(t.Context(), h, w.userToken(t, "ben")))
					late := w.send(t, w.newMessage("alice", user))
					kicked(t, session, c.reason)
					if len(messages) != 0 {
						t.Errorf("the former user's session got %+v", <-messages)
					}
					trace := must1(w.server().Trace(t.Context(), late.MessageID))(t)
					if slices.ContainsFunc(trace.Devices, func(d wire.TraceDevice) bool { return d.PushID == h.credentials.PushID }) {
						t.Errorf("the message of the former user is for the phone: %+v", trace)
					}
					h.silent(t, 0)
				})
			}
		})
	}
}
