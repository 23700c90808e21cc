package delivery

import (
	"context"
	"math"
	"sync"
	"time"

	"github.com/offlinepush/operator/dispatcher/lease"
)

// newcomerShare is what a process has of its part while the others do not count it yet: they use all of the rate till then.
const newcomerShare = 0.1

// partOf is this process's part of what the app may ask a vendor in a second: that of one of all that live.
func partOf(s lease.State) float64 {
	part := 1 / float64(max(s.Living, 1))
	if !s.Known {
		part *= newcomerShare
	}
	return part
}

// keepRate gives the row its part of the rate that the sender's limits name.
func (l *lane) keepRate(s *sender, part float64) {
	perSecond := float64(s.row.Limits.RequestsPerSecond) * part
	l.limiter.set(perSecond, max(perSecond, float64(s.provider.Requests(s.provider.MaxTargets()))))
	l.poke()
}

// limiter keeps the requests that a channel row may make in a second. It outlives the row's senders, so that a new
// credential is no reason to send more. Who waits is served in order of coming, and by a new rate at once.
type limiter struct {
	turn chan struct{} // holds one token, of the one that is served next

	mu        sync.Mutex
	perSecond float64 // 0 is no limit
	burst     float64 // how many may go at once after a pause
	have      float64 // how many may go at once at this time
	at        time.Time
	wanted    float64       // by all claims
	changed   chan struct{} // closed by a new rate
}

func newLimiter() *limiter {
	return &limiter{turn: make(chan struct{}, 1), changed: make(chan struct{})}
}

// set makes it so many requests a second, 0 for no limit, and a burst at the most.
func (l *limiter) set(perSecond, burst float64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if perSecond == l.perSecond && burst == l.burst {
		return
	}
	if l.fill(); l.perSecond == 0 {
		l.have = burst
	}
	l.perSecond, l.burst, l.have = perSecond, burst, min(l.have, burst)
	close(l.changed)
	l.changed = make(chan struct{})
}

// fill adds what time brought.
func (l *limiter) fill() {
	now := time.Now()
	l.have, l.at = min(l.have+l.perSecond*now.Sub(l.at).Seconds(), l.burst), now
}

// behind is how long it takes until the rate serves another claim.
func (l *limiter) behind() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fill()
	return l.until(l.wanted)
}

// until is how long it takes until there are so many.
func (l *limiter) until(n float64) time.Duration {
	if l.perSecond == 0 || l.have >= n {
		return 0
	}
	return time.Duration(math.Ceil((n - l.have) / l.perSecond * float64(time.Second)))
}

// claim is what an attempt has yet to take of the rate: one request at first, because what it will ask for is not known.
type claim struct {
	limiter *limiter
	n       float64
}

// claim notes an attempt that begins, so that no more begin than the rate serves.
func (l *limiter) claim() *claim {
	c := &claim{limiter: l}
	c.want(1)
	return c
}

// want changes what the claim is for.
func (c *claim) want(n float64) {
	c.limiter.mu.Lock()
	defer c.limiter.mu.Unlock()
	c.limiter.wanted += n - c.n
	c.n = n
}

// drop gives up what the claim was for and was not taken.
func (c *claim) drop() { c.want(0) }

// take waits for so many requests, and takes them.
func (c *claim) take(ctx context.Context, n int) error {
	c.want(float64(n))
	select {
	case c.limiter.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-c.limiter.turn }()
	for ctx.Err() == nil {
		wait, changed := c.try()
		if wait == 0 {
			return nil
		}
		t := time.NewTimer(wait)
		select {
		case <-t.C:
		case <-changed:
		case <-ctx.Done():
		}
		t.Stop()
	}
	return ctx.Err()
}

// try takes what the claim is for, or says how long that takes at the present rate. More than a burst never are there at
// once: they go with a full one, and the next ones wait for the rest.
func (c *claim) try() (wait time.Duration, changed <-chan struct{}) {
	l := c.limiter
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fill()
	if wait := l.until(min(c.n, l.burst)); wait > 0 {
		return wait, l.changed
	}
	if l.perSecond > 0 {
		l.have -= c.n
	}
	l.wanted, c.n = l.wanted-c.n, 0
	return 0, nil
}
