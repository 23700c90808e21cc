package delivery

import (
	"sync"
	"time"
)

// The lease of a process on its deliveries.
const (
	leaseTTL   = 12 * time.Second
	leaseRenew = 3 * time.Second
	// callTimeout bounds a vendor call; one starts only if it fits into the lease.
	callTimeout = 6 * time.Second
)

// lease knows how much of the lease is left, measured on the monotonic clock
// from before the renewal was sent, so that an error is on the safe side.
type lease struct {
	mu    sync.Mutex
	until time.Time
}

func (l *lease) renewed(sent time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.until = sent.Add(leaseTTL)
}

func (l *lease) lost() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.until = time.Time{}
}

// fits reports whether a vendor call that starts now ends inside the lease.
func (l *lease) fits() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Until(l.until) > callTimeout
}
