package client

import (
	"errors"
	"math/rand/v2"
	"time"

	"github.com/offlinepush/operator/dispatcher/wire"
)

// Backoff says how long a phone waits before it connects again: Min after the
// first failure, twice as long after each further one, at most Max, and of that
// a random part between a half and all, so that phones do not come together.
type Backoff struct{ Min, Max time.Duration }

// The waits of a phone that was not told others.
const (
	minBackoff = 500 * time.Millisecond
	maxBackoff = 30 * time.Second
)

// pause is where a phone is on its way from Min to Max.
type pause struct {
	Backoff
	failures int
}

// next is the wait after the error.
func (p *pause) next(err error) time.Duration {
	if k, ok := errors.AsType[*KickedError](err); ok && k.Reason == wire.KickedDraining {
		return rand.N(p.Min) + 1 //nolint:gosec // it spreads load and keeps no secret
	}
	whole := p.Min
	for range p.failures {
		whole = min(2*whole, p.Max)
	}
	if whole < p.Max {
		p.failures++
	}
	wait := whole/2 + rand.N(whole/2+1) //nolint:gosec // it spreads load and keeps no secret
	if e, ok := errors.AsType[*Error](err); ok {
		wait = max(wait, e.RetryAfter)
	}
	return wait
}

// reset starts over after a session that lasted.
func (p *pause) reset() { p.failures = 0 }
