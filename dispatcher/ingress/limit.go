package ingress

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	// burstSeconds is how much of its rate a key may save up.
	burstSeconds = 5
	// maxKeys bounds the memory of a limiter.
	maxKeys = 50_000
	// sweepEvery bounds how often a full limiter looks for keys to forget.
	sweepEvery = time.Second
)

// limiter is a token bucket per key. The rate may change while it is in use.
type limiter struct {
	maxKeys int

	mu      sync.Mutex
	buckets map[string]*rate.Limiter
	swept   time.Time
}

func newLimiter() *limiter { return &limiter{maxKeys: maxKeys, buckets: map[string]*rate.Limiter{}} }

// take takes n tokens of a key that has so many per second, or tells how long to wait for them. What is
// more than a burst empties the bucket.
func (l *limiter) take(key string, perSecond float64, n int, now time.Time) (wait time.Duration, ok bool) {
	b := l.bucket(key, perSecond, now)
	if b == nil {
		return sweepEvery, false
	}
	r := b.ReserveN(now, min(n, b.Burst()))
	if wait = r.DelayFrom(now); wait == 0 {
		return 0, true
	}
	r.CancelAt(now)
	return wait, false
}

// bucket is that of a key; nil when there are too many that are not full.
func (l *limiter) bucket(key string, perSecond float64, now time.Time) *rate.Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	burst := max(1, int(perSecond*burstSeconds))
	if b := l.buckets[key]; b != nil {
		if b.Limit() != rate.Limit(perSecond) {
			b.SetLimitAt(now, rate.Limit(perSecond))
			b.SetBurstAt(now, burst)
		}
		return b
	}
	if len(l.buckets) >= l.maxKeys && now.Sub(l.swept) >= sweepEvery {
		l.swept = now
		l.forgetFull(now)
	}
	if len(l.buckets) >= l.maxKeys {
		return nil
	}
	b := rate.NewLimiter(rate.Limit(perSecond), burst)
	l.buckets[key] = b
	return b
}

// forgetFull drops the buckets that a new one would equal.
func (l *limiter) forgetFull(now time.Time) {
	for key, b := range l.buckets {
		if b.TokensAt(now) >= float64(b.Burst()) {
			delete(l.buckets, key)
		}
	}
}

// sourceOf is the address, or for IPv6 the network that one subscriber has.
func sourceOf(remoteAddr string) string {
	ap, err := netip.ParseAddrPort(remoteAddr)
	if err != nil {
		return "" // All that is unknown shares one bucket.
	}
	a, bits := ap.Addr().Unmap(), 64
	if a.Is4() {
		bits = 32
	}
	p, _ := a.WithZone("").Prefix(bits)
	return p.String()
}
