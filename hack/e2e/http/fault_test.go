package http_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/offlinepush/operator/dispatcher/report"
	"github.com/offlinepush/operator/dispatcher/simulator/traffic"
)

// trouble is something that goes wrong at a vendor, and what must come of it.
type trouble struct {
	name string
	// fault lasts, unless it has a count, until the healthy vendor's message is there.
	fault traffic.Fault
	// messages are sent while it lasts.
	messages int
	// state is what the row reports meanwhile, if it says anything.
	state report.ChannelState
	// apart is the least time between the vendor's first two requests.
	apart time.Duration
	// repeats means that the vendor had taken a message whose answer was lost.
	repeats bool
}

func troubles() []trouble {
	return []trouble{
		{name: "slow", fault: traffic.Fault{LatencyMs: 4500, Count: 2}, messages: 2},
		{name: "slower than the timeout", fault: traffic.Fault{LatencyMs: 7000, Count: 1}, messages: 1},
		{name: "storm of server errors", fault: traffic.Fault{Status: 503}, messages: 3, state: report.Unreachable},
		{
			name: "throttled", fault: traffic.Fault{Throttle: true, Status: 429, RetryAfterSeconds: 2},
			messages: 1, state: report.Throttled, apart: 2 * time.Second,
		},
		{name: "lost answer", fault: traffic.Fault{DropResponseAfterAccept: true}, messages: 1, repeats: true},
		{name: "connection reset", fault: traffic.Fault{ResetConnection: true}, messages: 2},
	}
}

// Whatever goes wrong at one vendor, none of its messages is lost, a repeated one is shown once, and the
// other vendor's messages do not wait.
func TestVendorTrouble(t *testing.T) {
	t.Parallel()
	for _, store := range eachStore() {
		t.Run(store.name, func(t *testing.T) {
			t.Parallel()
			for i, v := range vendors() {
				t.Run(v.row, func(t *testing.T) {
					t.Parallel()
					w := newWorld(t, store)
					for _, c := range troubles() {
						t.Run(c.name, func(t *testing.T) { w.suffer(t, c, v, vendors()[1-i]) })
					}
				})
			}
		})
	}
}

// met waits until a vendor's fault has met a request.
func (w *world) met(t *testing.T, row string) {
	t.Helper()
	until(t, "the fault has met a request", func() error {
		if !slices.ContainsFunc(must1(w.sim.Client.Requests(t.Context(), row, 0, 0))(t), func(r traffic.Request) bool { return r.Faulted }) {
			return errors.New("it has not")
		}
		return nil
	})
}

func (w *world) suffer(t *testing.T, c trouble, troubled, healthy vendor) {
	t.Helper()
	phones := map[string]*handset{"ann": w.newPhone(t, troubled), "ben": w.newPhone(t, healthy)}
	acked := map[string]string{}
	send := func(user string, n int) {
		m := w.newMessage("alice", user)
		m.Push.Payload = addressed(user, n)
		w.send(t, m)
		acked[m.Push.Payload] = user
	}
	for user, h := range phones {
		h.bind(t, user)
	}
	send("ann", 0) // FCM's access token is there before the trouble
	send("ben", 0)
	delivered(t, acked, phones)
	w.settled(t) // and with that the vendors have noted these requests
	must(t, w.sim.Client.ClearRequests(t.Context(), troubled.row))

	w.fault(t, troubled.row, c.fault)
	for n := range c.messages {
		send("ann", n+1)
	}
	send("ben", 1)
	if c.state != "" {
		w.awaitState(t, troubled.row, c.state)
	}
	if c.fault.Count == 0 {
		w.met(t, troubled.row)
		phones["ben"].arrivals(t, 2)
		w.clearFault(t, troubled.row)
	}
	w.settled(t) // and with that everything has arrived, also what arrived twice
	repeated := delivered(t, acked, phones)
	if (repeated > 0) != c.repeats {
		t.Errorf("%d messages arrived twice", repeated)
	}
	theirs, ours := phones["ann"].arrivals(t, c.messages+1), phones["ben"].arrivals(t, 2)
	if last := theirs[len(theirs)-1].ArrivedAt; c.fault.Count > 0 && !ours[1].ArrivedAt.Before(last) {
		t.Errorf("the healthy vendor's message came at %s, after the troubled one's at %s", ours[1].ArrivedAt, last)
	}
	requests := must1(w.sim.Client.Requests(t.Context(), troubled.row, 0, 0))(t)
	if c.apart > 0 && (len(requests) < 2 || requests[1].At.Sub(requests[0].At) < c.apart) {
		t.Errorf("the vendor asked for %s between requests, and got %+v", c.apart, requests)
	}
	w.awaitState(t, troubled.row, report.Delivering)
	for _, h := range phones {
		must(t, h.device().Unregister(t.Context())) // the next trouble has phones of its own
	}
}
