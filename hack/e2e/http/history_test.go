package http_test

import (
	"sync"
	"testing"
	"time"
)

// span is from before something was asked until after its answer.
type span struct{ start, answer time.Time }

// holding is a user's binding on an installation, which is numbered in the order of registrations.
type holding struct {
	span
	installation int
	user         string
}

// ending ends the bindings of an installation: a logout, or a binding of another user.
type ending struct {
	span
	installation int
	// spared is the user whose own binding this is; empty for a logout.
	spared string
}

// history is what was done to one phone. It knows only what a caller can know: when each
// request began and was answered. It is safe for concurrent use.
type history struct {
	mu       sync.Mutex
	holdings []holding
	endings  []ending
	// reinstalled is when the registration of each installation was answered.
	reinstalled []time.Time
}

func (h *history) register(answer time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.reinstalled = append(h.reinstalled, answer)
}

func (h *history) bind(s span, installation int, user string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.holdings = append(h.holdings, holding{s, installation, user})
	h.endings = append(h.endings, ending{s, installation, user})
}

func (h *history) logout(s span, installation int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.endings = append(h.endings, ending{s, installation, ""})
}

// allows tells whether a push for the user may be under way on the phone at that moment: some binding
// of theirs had been asked for, and no end of it had been answered.
func (h *history) allows(user string, at time.Time) bool {
	for _, b := range h.holdings {
		if b.user == user && !b.start.After(at) && !h.over(b, at) {
			return true
		}
	}
	return false
}

// over tells whether the answer to something had ended the binding by then. What overlapped with the
// binding's own request may have come first and ends nothing; a newer installation ends all for ever.
func (h *history) over(b holding, at time.Time) bool {
	for newer := b.installation + 1; newer < len(h.reinstalled); newer++ {
		if h.reinstalled[newer].Before(at) {
			return true
		}
	}
	for _, e := range h.endings {
		if e.installation == b.installation && e.spared != b.user && e.start.After(b.answer) && e.answer.Before(at) {
			return true
		}
	}
	return false
}

// The judge of the tests has to be right itself.
func TestHistory(t *testing.T) {
	t.Parallel()
	at := func(n int) time.Time { return time.Unix(int64(n), 0) }
	from := func(start, answer int) span { return span{at(start), at(answer)} }
	h := &history{}
	h.register(at(0))
	h.bind(from(1, 2), 0, "ann")
	h.bind(from(10, 12), 0, "ben") // takes over
	h.bind(from(20, 24), 0, "ann")
	h.logout(from(21, 23), 0) // may have come before that binding
	h.logout(from(30, 31), 0)
	h.bind(from(40, 41), 0, "ben")
	h.register(at(50))
	h.bind(from(55, 56), 0, "ann") // on the installation that is retired
	for _, c := range []struct {
		user string
		at   int
		want bool
	}{
		{"ann", 0, false},
		{"ann", 1, true},
		{"ann", 11, true}, // the takeover is not answered
		{"ann", 13, false},
		{"ben", 9, false},
		{"ben", 11, true},
		{"ben", 25, false}, // ann took it back
		{"ann", 25, true},
		{"ann", 30, true},
		{"ann", 32, false},
		{"ben", 49, true},
		{"ben", 51, false},
		{"ann", 57, false},
	} {
		if got := h.allows(c.user, at(c.at)); got != c.want {
			t.Errorf("%s at %d: %t, want %t", c.user, c.at, got, c.want)
		}
	}
}
