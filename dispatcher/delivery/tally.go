package delivery

import (
	"sync"
	"time"

	"github.com/offlinepush/operator/dispatcher/delivery/fuse"
)

// tallyFor is how long what the store counted may be continued here.
const tallyFor = 2 * time.Second

// tally continues the store's count of a row's tokens by the invalid answers since then, so that it
// need not count all of them again at each one. It serves only far below what blows the fuse, because
// it knows of no other process's answers.
type tally struct {
	mu             sync.Mutex
	valid, invalid int64
	at             time.Time
	seen           int64 // invalid answers so far
}

// calm notes invalid answers and reports whether the fuse is far from blown. Any of them may be of a
// token that was counted as valid. It returns the answers so far, for set.
func (t *tally) calm(invalid int64, now time.Time) (seen int64, calm bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.seen += invalid
	t.valid, t.invalid = t.valid-invalid, t.invalid+invalid
	total := t.valid + t.invalid
	return t.seen, now.Sub(t.at) < tallyFor && total >= fuse.Small && t.invalid*10 <= total
}

// set notes a new count, which knows of the answers that had been seen.
func (t *tally) set(valid, invalid, seen int64, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	since := t.seen - seen
	t.valid, t.invalid, t.at = valid-since, invalid+since, now
}
