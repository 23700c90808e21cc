package apps

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Rates limit how much happens in a second, by any key. The zero value has seen nothing. It is safe for concurrent use.
type Rates struct {
	mu       sync.Mutex
	limiters map[string]*rate.Limiter
}

// Allow tells whether n more of a key fit into its rate, 0 for no limit. More than the rate never fit at once, so that a
// larger n counts as a full second.
func (r *Rates) Allow(key string, perSecond, n int) bool {
	if perSecond == 0 {
		return true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.limiters == nil {
		r.limiters = map[string]*rate.Limiter{}
	}
	l, ok := r.limiters[key]
	if !ok || l.Burst() != perSecond {
		l = rate.NewLimiter(rate.Limit(perSecond), perSecond)
		r.limiters[key] = l
	}
	return l.AllowN(time.Now(), min(n, perSecond))
}
