package modeltest

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
)

// ledger is what the vendors see and say. A call is noted together with what the
// model knows of its token at that moment.
type ledger struct {
	mu sync.Mutex
	// now is who holds each token by the changes that were answered, coming by the one that is under way.
	now, coming map[string]holder
	calls       []*call
	answers     map[string][]message.Class // by token, the next ones
	slow        map[string]time.Duration   // by row
	troubled    map[string]bool            // rows that ever gave another answer than Accepted, or late
	faults      []string
}

// holder is an installation with a token, as the model knows it.
type holder struct {
	installation int
	user         string
	binding      int   // grows with every change of the user
	acked        int64 // of the user's inbox
}

// call is one target of a vendor call.
type call struct {
	row, message, token, userHash string
	at                            time.Time
	shows                         provider.Notification
	// held has the holders of the token: one, or two while it changes.
	held []holder
	// class is empty while the call is open.
	class message.Class
}

// begin notes a call and gives its answers and how long they take.
func (l *ledger) begin(row string, n provider.Notification, targets []provider.Target) ([]*call, []message.Class, time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var calls []*call
	var classes []message.Class
	for _, t := range targets {
		if slices.ContainsFunc(calls, func(c *call) bool { return c.token == t.Token }) {
			l.faults = append(l.faults, "a token is twice in one call: "+t.Token)
		}
		c := &call{row: row, message: n.MessageID, token: t.Token, userHash: t.UserHash, at: time.Now(), shows: n}
		for _, m := range []map[string]holder{l.now, l.coming} {
			if h, ok := m[t.Token]; ok && !slices.Contains(c.held, h) {
				c.held = append(c.held, h)
			}
		}
		calls = append(calls, c)
		class := message.Accepted
		if script := l.answers[t.Token]; len(script) > 0 {
			class, l.answers[t.Token] = script[0], script[1:]
			l.troubled[row] = true
		}
		classes = append(classes, class)
	}
	l.calls = append(l.calls, calls...)
	return calls, classes, l.slow[row]
}

// end notes the answers; a call that was forgotten stays so.
func (l *ledger) end(calls []*call, classes []message.Class) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, c := range calls {
		if c.class == "" {
			c.class = classes[i]
		}
	}
}

// forget makes what is not settled forgotten, as the death of the process does:
// the calls that are open, and those before them in the same delivery.
func (l *ledger) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, open := range l.calls {
		if open.class != "" {
			continue
		}
		for _, c := range l.calls {
			if c.row == open.row && c.message == open.message && c.class != "" {
				c.class = forgotten
			}
		}
		open.class = forgotten
	}
}

// set notes who holds the tokens by the answered changes, and by the one that is under way.
func (l *ledger) set(now, coming map[string]holder) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.now, l.coming = now, coming
}

// change runs f on the ledger.
func (l *ledger) change(f func(*ledger)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f(l)
}

// vendor is the provider of one channel row in one process.
type vendor struct {
	ledger     *ledger
	row        string
	maxTargets int
	dead       <-chan struct{} // closed when the process is killed
}

// Send implements provider.Provider.
func (v *vendor) Send(ctx context.Context, n provider.Notification, targets []provider.Target) []message.Outcome {
	out := make([]message.Outcome, len(targets))
	for i := range out {
		out[i] = message.Outcome{Class: message.Transient}
	}
	select {
	case <-v.dead: // What a dead process does, nobody sees.
		return out
	default:
	}
	calls, classes, takes := v.ledger.begin(v.row, n, targets)
	if takes > 0 {
		select {
		case <-time.After(takes):
		case <-v.dead:
			return out
		case <-ctx.Done():
			v.ledger.change(func(l *ledger) { l.faults = append(l.faults, "a call was cut off: "+ctx.Err().Error()) })
		}
	}
	v.ledger.end(calls, classes)
	for i, class := range classes {
		out[i] = outcome(class)
	}
	return out
}

func outcome(class message.Class) message.Outcome {
	if class == lost {
		class = message.Transient
	}
	out := message.Outcome{Class: class}
	if class == message.Throttled {
		out.RetryAfter = 2 * time.Second
	}
	return out
}

// Probe implements provider.Provider.
func (*vendor) Probe(context.Context) message.Outcome {
	return message.Outcome{Class: message.Accepted}
}

// MaxTargets implements provider.Provider.
func (v *vendor) MaxTargets() int { return v.maxTargets }

// Requests implements provider.Provider.
func (*vendor) Requests(int) int { return 1 }

// Close implements provider.Provider.
func (*vendor) Close() {}

// newProvider is server.Outside.NewProvider of a process.
func (l *ledger) newProvider(dead <-chan struct{}) func(config.Channel, provider.Deps) (provider.Provider, error) {
	return func(row config.Channel, _ provider.Deps) (provider.Provider, error) {
		v := &vendor{ledger: l, row: row.Name, maxTargets: 500, dead: dead}
		if row.Vendor == "Xiaomi" {
			v.maxTargets = 1 // so that a delivery takes several calls
		}
		return v, nil
	}
}
