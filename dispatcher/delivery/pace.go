package delivery

import (
	"math"
	"slices"
	"time"

	"github.com/offlinepush/operator/dispatcher/message"
)

// The pace of a channel row that has trouble.
const (
	// slowCall is how long a call takes whose vendor has too much to do; it would fail after twice that.
	slowCall = callTimeout / 2
	// retryShare is how many of the calls may be retries that fail; one may be at any rate.
	retryShare  = 0.2
	freeRetries = 1
	// paceHalfLife is the time in which what happened counts half.
	paceHalfLife = 10 * time.Second
	// budgetPause is the wait of a lane whose retries have to wait.
	budgetPause = time.Second
)

// pace says how much a channel row is asked at once. It halves with a call that was throttled, failed or slow, and
// grows by one with as many good ones as there may be at once. And it bounds the retries: those that failed lately and
// those under way may be a fifth of all calls, so that trouble is not answered with more load. Retries that succeed
// use nothing up, so that a row that has recovered works off whatever it owes.
type pace struct {
	limit float64
	cutAt time.Time

	calls, failed float64
	at            time.Time
	retrying      int
}

// newPace is of a row that had no trouble, of which so many retries are under way.
func newPace(retrying int) pace { return pace{limit: math.Inf(1), retrying: retrying} }

// places are how many attempts there may be at once, of those that are configured.
func (p *pace) places(most int) int { return max(1, int(min(float64(most), p.limit))) }

// observe takes the outcomes of a call. Of those that were open together one slows the row down.
func (p *pace) observe(outcomes []message.Outcome, took time.Duration, most int, now time.Time) {
	p.limit = min(p.limit, float64(most))
	switch {
	case took < slowCall && !slices.ContainsFunc(outcomes, overloaded):
		p.limit = min(p.limit+1/p.limit, float64(most))
	case !now.Add(-took).Before(p.cutAt):
		p.limit, p.cutAt = max(1, p.limit/2), now
	}
}

// overloaded reports whether the outcome says that the vendor has too much to do, or does not answer.
func overloaded(o message.Outcome) bool {
	return !o.PhoneOnly && (o.Class == message.Throttled || o.Class == message.Transient)
}

// mayRetry reports whether another retry may start.
func (p *pace) mayRetry(now time.Time) bool {
	p.decay(now)
	return p.failed+float64(p.retrying) < max(freeRetries, retryShare*p.calls)
}

// begin notes an attempt that starts.
func (p *pace) begin(d message.Delivery) {
	if d.Attempt > 0 {
		p.retrying++
	}
}

// end notes an attempt that has ended, and whether it has to be repeated.
func (p *pace) end(d message.Delivery, failed bool, now time.Time) {
	p.decay(now)
	p.calls++
	if d.Attempt == 0 {
		return
	}
	p.retrying--
	if failed {
		p.failed++
	}
}

func (p *pace) decay(now time.Time) {
	if since := now.Sub(p.at); since > 0 {
		share := math.Exp2(-since.Seconds() / paceHalfLife.Seconds())
		p.calls, p.failed, p.at = p.calls*share, p.failed*share, now
	}
}
