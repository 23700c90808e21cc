package lease

import (
	"errors"
	"sync"
	"time"
)

// ErrOver says that the lease ran out under which something began.
var ErrOver = errors.New("the lease of this process ran out")

// Term is the time of one incarnation. What began under a term ends with it: a
// process that slept through its lease holds a new one soon, but under that
// others may long have done, or forbidden, what the former one was for.
type Term struct {
	// Incarnation is the number of the lease.
	Incarnation int64

	mu    sync.Mutex
	until time.Time
}

// Deadline is when the lease runs out unless it is renewed, by the monotonic
// clock and measured from before the renewal was sent: the store's own view ends later.
func (t *Term) Deadline() time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.until
}

// Fits reports whether something that takes d and starts now ends inside the lease.
func (t *Term) Fits(d time.Duration) bool { return time.Until(t.Deadline()) > d }

func (t *Term) renewed(sent time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.until = sent.Add(TTL)
}

func (t *Term) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.until = time.Time{}
}
