package session

import "sync"

// acks stores the acknowledgements of one session, one at a time: those that come while one is being
// stored become one, because an acknowledgement covers all before it. Nothing runs while none comes.
type acks struct {
	mu                  sync.Mutex
	want, tried, stored int64
	busy                chan struct{} // closed when nothing is left to try; nil while there is nothing
}

// add notes an acknowledgement, and reports whether it says anything new.
func (a *acks) add(seq int64, store func(seq int64) error) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if seq <= a.want {
		return false
	}
	a.want = seq
	if a.busy == nil {
		a.busy = make(chan struct{})
		go a.run(store)
	}
	return true
}

func (a *acks) run(store func(seq int64) error) {
	for seq := a.next(); seq > 0; seq = a.next() {
		_ = a.try(seq, store) // The next one covers it, or finish tries again.
	}
}

func (a *acks) try(seq int64, store func(seq int64) error) error {
	err := store(seq)
	if err == nil {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.stored = seq
	}
	return err
}

// next is what to try; 0 ends the work.
func (a *acks) next() int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.tried == a.want {
		close(a.busy)
		a.busy = nil
		return 0
	}
	a.tried = a.want
	return a.want
}

// wait returns when everything that was added is stored, or was tried.
func (a *acks) wait() {
	a.mu.Lock()
	busy := a.busy
	a.mu.Unlock()
	if busy != nil {
		<-busy
	}
}

// finish returns when everything that was added is stored; what the store did not take is tried once more.
func (a *acks) finish(store func(seq int64) error) error {
	a.wait()
	a.mu.Lock()
	last, done := a.want, a.stored == a.want
	a.mu.Unlock()
	if done {
		return nil
	}
	return a.try(last, store)
}
