package ingress

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// maxSources bounds the memory for source addresses.
const maxSources = 10_000

// Rates bounds registrations, each with a burst of as many as come in five seconds.
type Rates struct {
	// PerSource is for one source address per second, Total for all.
	PerSource, Total float64
}

// DefaultRegistrations is what one dispatcher takes.
func DefaultRegistrations() Rates { return Rates{PerSource: 20, Total: 500} }

const burstSeconds = 5

// limiter is a token bucket per source address and one for all.
type limiter struct {
	rates Rates
	total *rate.Limiter

	mu      sync.Mutex
	sources map[netip.Prefix]*rate.Limiter
}

func newLimiter(r Rates) *limiter {
	return &limiter{rates: r, total: bucket(r.Total), sources: map[netip.Prefix]*rate.Limiter{}}
}

func bucket(perSecond float64) *rate.Limiter {
	return rate.NewLimiter(rate.Limit(perSecond), max(1, int(perSecond*burstSeconds)))
}

// allowSource takes one token of the source.
func (l *limiter) allowSource(remoteAddr string, now time.Time) bool {
	source := l.source(sourceOf(remoteAddr), now)
	return source != nil && source.AllowN(now, 1)
}

// source is the bucket of a source; nil when there are too many that are not full.
func (l *limiter) source(p netip.Prefix, now time.Time) *rate.Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	if b := l.sources[p]; b != nil {
		return b
	}
	if len(l.sources) >= maxSources {
		l.forgetFull(now)
	}
	if len(l.sources) >= maxSources {
		return nil
	}
	b := bucket(l.rates.PerSource)
	l.sources[p] = b
	return b
}

// forgetFull drops the buckets that a new one would equal.
func (l *limiter) forgetFull(now time.Time) {
	for p, b := range l.sources {
		if b.TokensAt(now) >= float64(b.Burst()) {
			delete(l.sources, p)
		}
	}
}

// sourceOf is the address, or for IPv6 the network that one subscriber has.
func sourceOf(remoteAddr string) netip.Prefix {
	ap, err := netip.ParseAddrPort(remoteAddr)
	if err != nil {
		return netip.Prefix{} // All that is unknown shares one bucket.
	}
	a, bits := ap.Addr().Unmap(), 64
	if a.Is4() {
		bits = 32
	}
	p, _ := a.WithZone("").Prefix(bits)
	return p
}
