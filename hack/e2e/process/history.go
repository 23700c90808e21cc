package process

import (
	"sync"
	"time"
)

// Span is from before something was asked until after its answer.
type Span struct{ Start, Answer time.Time }

// holding is a user's binding on an installation, which is numbered in the order of registrations.
type holding struct {
	Span
	installation int
	user         string
}

// ending ends the bindings of an installation: a logout, or a binding of another user.
type ending struct {
	Span
	installation int
	// spared is the user whose own binding this is; empty for a logout.
	spared string
}

// History is what was done to one phone. It knows only what a caller can know: when each
// request began and was answered. It is safe for concurrent use.
type History struct {
	mu       sync.Mutex
	holdings []holding
	endings  []ending
	// reinstalled is when the registration of each installation was answered.
	reinstalled []time.Time
}

// Register notes that a new installation is registered, which retires those before.
func (h *History) Register(answer time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.reinstalled = append(h.reinstalled, answer)
}

// Bind notes that a user was bound on an installation.
func (h *History) Bind(s Span, installation int, user string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.holdings = append(h.holdings, holding{s, installation, user})
	h.endings = append(h.endings, ending{s, installation, user})
}

// Try notes that a user may have been bound on an installation: a request of which nobody knows the outcome
// ends no other user's binding.
func (h *History) Try(s Span, installation int, user string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.holdings = append(h.holdings, holding{s, installation, user})
}

// Logout notes that whoever was bound on an installation is not any more.
func (h *History) Logout(s Span, installation int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.endings = append(h.endings, ending{s, installation, ""})
}

// Allows tells whether a push for the user may be under way on the phone at that moment: some binding
// of theirs had been asked for, and no end of it had been answered.
func (h *History) Allows(user string, at time.Time) bool {
	for _, b := range h.holdings {
		if b.user == user && !b.Start.After(at) && !h.over(b, at) {
			return true
		}
	}
	return false
}

// over tells whether the answer to something had ended the binding by then. What overlapped with the
// binding's own request may have come first and ends nothing; a newer installation ends all for ever.
func (h *History) over(b holding, at time.Time) bool {
	for newer := b.installation + 1; newer < len(h.reinstalled); newer++ {
		if h.reinstalled[newer].Before(at) {
			return true
		}
	}
	for _, e := range h.endings {
		if e.installation == b.installation && e.spared != b.user && e.Start.After(b.Answer) && e.Answer.Before(at) {
			return true
		}
	}
	return false
}

// Changes counts the bindings and logouts so far.
func (h *History) Changes() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.endings)
}

// Installations counts the registrations so far.
func (h *History) Installations() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.reinstalled)
}
