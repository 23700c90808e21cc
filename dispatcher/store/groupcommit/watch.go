package groupcommit

import (
	"errors"
	"sync"
	"time"
)

const (
	// span is the time in which outcomes are counted together; the present and the former span are lately.
	span = 10 * time.Second
	// few is how many of the writes may fail without that being trouble: less than one of so many.
	few = 10
	// rehearseEvery is how long a rehearsal that went well is good for.
	rehearseEvery = 15 * time.Second
)

// Watch remembers what became of the writes of a kind lately. The zero value has seen none.
type Watch struct {
	mu          sync.Mutex
	now, before outcomes
	began       time.Time // of the present span
	first       error     // that of the trouble, so that its words do not change all the time
}

type outcomes struct{ good, bad int }

// Note counts writes with the same outcome. What is wrong with a request itself says nothing of the store.
func (w *Watch) Note(n int, err error) {
	if errors.As(err, new(*ownError)) {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.turn()
	if err == nil {
		w.now.good += n
		return
	}
	w.now.bad += n
	if w.first == nil {
		w.first = harmless(err)
	}
}

// harmless leaves the value of a panic out, which may be anything.
func harmless(err error) error {
	if errors.As(err, new(*PanicError)) {
		return errors.New("a write of the store panicked; the dispatcher's log says where")
	}
	return err
}

// Trouble is why many of the writes failed lately; nil when few or none did.
func (w *Watch) Trouble() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.turn()
	good, bad := w.now.good+w.before.good, w.now.bad+w.before.bad
	if bad*few < good+bad || bad == 0 {
		return nil
	}
	return w.first
}

// Busy reports whether writes succeeded lately.
func (w *Watch) Busy() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.turn()
	return w.now.good+w.before.good > 0
}

// turn begins the span of this moment.
func (w *Watch) turn() {
	switch passed := time.Since(w.began); {
	case passed < span:
		return
	case passed < 2*span:
		w.before, w.began = w.now, w.began.Add(span)
	default:
		w.before, w.began = outcomes{}, time.Now()
	}
	w.now = outcomes{}
	if w.before.bad == 0 {
		w.first = nil
	}
}

// Rehearsal finds out whether a write would succeed where there was none lately. The zero value knows nothing.
type Rehearsal struct {
	mu   sync.Mutex
	good time.Time
}

// Run rehearses, unless that went well a moment ago.
func (r *Rehearsal) Run(rehearse func() error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if time.Since(r.good) < rehearseEvery {
		return nil
	}
	err := rehearse()
	if err == nil {
		r.good = time.Now()
	}
	return err
}

// Own marks an error that is about the request alone: the store took it, and would take another.
func Own(err error) error { return &ownError{err} }

type ownError struct{ error }

func (e *ownError) Unwrap() error { return e.error }
