package session

import "sync"

// acks stores the acknowledgements of one session, one at a time: those that come while one is being
// stored become one, because an acknowledgement covers all before it. Nothing runs while none comes.
type acks struct {
	mu           sync.Mutex
	want, stored int64
	busy         chan struct{} // closed when nothing is left to store; nil while there is nothing
}

// add notes an acknowledgement, and reports whether it says anything new.
func (a *acks) add(seq int64, store func(seq int64)) bool {
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

func (a *acks) run(store func(seq int64)) {
	for seq := a.next(); seq > 0; seq = a.next() {
		store(seq)
	}
}

// next is what to store; 0 ends the work.
func (a *acks) next() int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.stored == a.want {
		close(a.busy)
		a.busy = nil
		return 0
	}
	a.stored = a.want
	return a.want
}

// wait returns when everything that was added is stored.
func (a *acks) wait() {
	a.mu.Lock()
	busy := a.busy
	a.mu.Unlock()
	if busy != nil {
		<-busy
	}
}
