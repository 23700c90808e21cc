package call

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/message"
)

// FuzzSteps plays any sequence of events: no state is invalid, a refused event changes nothing, and time alone brings
// everybody to an end.
func FuzzSteps(f *testing.F) {
	f.Add([]byte{1, 2, 0, 3, 1, 9, 4, 0, 3})
	f.Add([]byte{0, 1, 7, 0, 1, 1, 0, 2, 2, 0, 3, 3, 0, 6, 1, 40, 5, 2, 5})
	f.Fuzz(func(t *testing.T, script []byte) {
		s := calling(t, "u1", "u2")
		actions := []message.CallAction{
			message.CallInvite, message.CallAccept, message.CallReject, message.CallCancel, message.CallQuit, message.CallEnd, message.CallTimeout,
		}
		for len(script) >= 3 {
			e := Event{
				Action: actions[int(script[0])%len(actions)], By: user(script[1]), Device: fmt.Sprint(script[1] / 16), MessageID: fmt.Sprint("m", s.call.Version+1),
				Ring: time.Duration(script[2]%8+1) * time.Second,
			}
			for i := range script[2] % 4 {
				e.To = append(e.To, user(script[2]/4+i))
			}
			if e.Action == message.CallTimeout {
				e.By = ""
			}
			s.now = s.now.Add(time.Duration(script[0]/8) * time.Second)
			script = script[3:]
			before := s.call.Clone()
			if err := s.step(e); err != nil {
				if diff := cmp.Diff(before, s.call); diff != "" {
					t.Fatalf("a refused %+v changed the call:\n%s", e, diff)
				}
				continue
			}
			if before.State == message.CallEnded && len(before.Outbox) == 0 || s.call.Version != before.Version+1 {
				t.Fatalf("%+v made %+v of %+v", e, s.call, before)
			}
			check(t, s.call)
			told(t, s.call, s.told)
		}
		for range 40 {
			at := s.call.Deadline()
			if at.IsZero() {
				break
			}
			s.now = later(s.now, at)
			s.must(s.step(Event{Action: message.CallTimeout}))
			check(t, s.call)
		}
		if s.call.State != message.CallEnded {
			t.Errorf("it never ends by itself: %+v", s.call)
		}
	})
}

func user(n byte) string {
	if n%12 == 0 {
		return "anna"
	}
	return fmt.Sprint("u", n%12)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// told wants a notice that can be accepted as a message.
func told(t *testing.T, c message.Call, n message.CallNotice) {
	t.Helper()
	if n.From == "" || len(n.To) == 0 || n.Event.CallID != c.ID || (n.Push == nil) != n.PushUntil.IsZero() && n.Event.Action != message.CallInvite {
		t.Errorf("%+v", n)
	}
	seen := map[string]bool{}
	for _, u := range n.To {
		if seen[u] {
			t.Errorf("%s is told twice: %+v", u, n)
		}
		seen[u] = true
	}
	for _, u := range n.PushTo {
		if !seen[u] || u == n.From {
			t.Errorf("%s is pushed: %+v", u, n)
		}
	}
}
