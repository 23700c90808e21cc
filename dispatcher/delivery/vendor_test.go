package delivery

import (
	"context"
	"slices"
	"sync"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
)

// vendor answers each token from a script and remembers the calls.
type vendor struct {
	mu      sync.Mutex
	answers map[string][]message.Outcome // by token; the last one repeats
	calls   [][]string
	shown   []provider.Notification // of each call
	badges  []int32                 // of all targets in order, 0 for none
	gate    chan struct{}           // nil lets calls pass
	poison  string                  // the token at which the client panics
	closed  bool
	probe   message.Outcome // zero is Accepted
	probed  int
}

func (v *vendor) Send(ctx context.Context, n provider.Notification, targets []provider.Target) []message.Outcome {
	v.mu.Lock()
	v.shown = append(v.shown, n)
	var tokens []string
	poisoned := false
	out := make([]message.Outcome, len(targets))
	for i, t := range targets {
		tokens = append(tokens, t.Token)
		v.badges = append(v.badges, 0)
		if t.Badge != nil {
			v.badges[len(v.badges)-1] = *t.Badge
		}
		out[i] = message.Outcome{Class: message.Accepted}
		poisoned = poisoned || t.Token == v.poison
		if script := v.answers[t.Token]; len(script) > 0 {
			out[i] = script[0]
			if len(script) > 1 {
				v.answers[t.Token] = script[1:]
			}
		}
	}
	v.calls = append(v.calls, tokens)
	gate := v.gate
	v.mu.Unlock()
	if poisoned {
		panic("the answer about " + v.poison)
	}
	if gate != nil {
		select {
		case <-gate:
		case <-ctx.Done():
		}
	}
	return out
}

func (v *vendor) Probe(context.Context) message.Outcome {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.probed++
	if v.probe.Class == "" {
		return message.Outcome{Class: message.Accepted}
	}
	return v.probe
}

func (v *vendor) MaxTargets() int  { return 2 }
func (v *vendor) Requests(int) int { return 1 }

func (v *vendor) Close() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.closed = true
}

func (v *vendor) sent() [][]string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.calls)
}
