package delivery

import (
	"context"
	"log/slog"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/metrics"
	"github.com/offlinepush/operator/dispatcher/report"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/tracing"
)

// The lane's own pace.
const (
	// refill is how many rows are read from the store beyond those in memory.
	refill = 256
	// refillPause is the least time between two looks at the store for what becomes due there.
	refillPause = 50 * time.Millisecond
	// storePause is the wait after the store failed.
	storePause = time.Second
	// leasePause is the wait while the lease has no room for a call.
	leasePause = time.Second
	// sweepEvery is how often a lane that cannot send looks for expired rows.
	sweepEvery = time.Minute
	// lookEvery bounds how long a row waits whose acceptance was not answered to this process, as when the database fails
	// over in that moment: only looking finds it, and calls do not ring for long.
	lookEvery = 5 * time.Second
)

// lane moves the deliveries of one channel row, independent of all others.
type lane struct {
	name    string
	live    *config.Live
	store   store.Store
	fence   *fence
	metrics *metrics.Metrics
	tracer  *tracing.Tracer
	log     *slog.Logger
	wake    chan struct{} // holds one token when something changed

	// invalid counts InvalidToken answers that are not settled yet, for the fuse.
	invalid atomic.Int64
	tally   tally
	limiter *limiter

	mu       sync.Mutex
	queue    *queue
	health   health
	marks    marks
	sender   *sender // nil while the app has no such row
	pace     pace
	inFlight flying
	asking   bool // the vendor is probed
	ended    bool // no attempt starts any more
	attempts sync.WaitGroup
}

// submit takes a row that was just stored; it never blocks. One that may have
// been stored before the sender's term is left to a refill, which reads own rows only.
func (l *lane) submit(incarnation int64, d message.Delivery) {
	l.mu.Lock()
	if l.sender != nil && l.sender.term.Incarnation == incarnation {
		l.queue.submit(d, l.store.Now())
	} else {
		l.queue.classes[d.Priority].askAt(d.DueAt)
	}
	l.mu.Unlock()
	l.poke()
}

// recheck makes the lane look into the store for rows that it has not been given.
func (l *lane) recheck() {
	l.mu.Lock()
	l.queue.askAt(l.store.Now())
	l.mu.Unlock()
	l.poke()
}

// replace sets the row's sender; a new credential opens a closed row. What waits
// in memory is read again, because it may be another process's under a new term.
// A lane that has ended takes none.
func (l *lane) replace(s *sender) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		if s != nil {
			s.provider.Close()
		}
		return
	}
	now := l.store.Now()
	if l.sender == nil || s == nil || !reflect.DeepEqual(l.sender.row, s.row) {
		l.health, l.pace, l.marks.dead = newHealth(now), newPace(l.pace.retrying), time.Time{}
	}
	if l.sender != nil {
		l.attempts.Go(l.sender.retire)
	}
	l.sender = s
	l.queue.drop(now)
	l.poke()
}

// refuse takes the sender away, because none can be made of the row's configuration.
func (l *lane) refuse(err error) {
	l.replace(nil)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.health.state, l.health.message = report.Misconfigured, err.Error()
}

func (l *lane) current() *sender {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sender
}

func (l *lane) poke() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// observe reports whether the outcomes leave the row closed. What a sender that
// was replaced meanwhile heard says nothing about the row as it is now.
func (l *lane) observe(by *sender, outcomes []message.Outcome, fused bool, now time.Time) (closed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if by != l.sender {
		return true
	}
	before := l.health.state
	l.health.observe(outcomes, fused, now)
	l.marks.note(outcomes, l.health.state, now)
	l.tell(before)
	return l.health.closedUntil.After(now)
}

// keepPace takes what a call's answer and its time say about how much the row may be asked.
func (l *lane) keepPace(by *sender, outcomes []message.Outcome, took time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if by == l.sender {
		l.pace.observe(outcomes, took, by.concurrency(), l.store.Now())
	}
}

// status is the row as the report shows it.
func (l *lane) status() report.Channel {
	l.mu.Lock()
	defer l.mu.Unlock()
	row := report.Channel{
		Name: l.name, State: l.health.state, Code: l.health.code, Message: l.health.message, Since: l.health.since,
		Blocked: l.health.blocked(l.store.Now()),
	}
	l.marks.show(&row, l.store.Now())
	l.health.refusals.show(&row, l.store.Now())
	return row
}

// lastAccepted is when the vendor last took a push; zero when it did not since the row was configured.
func (l *lane) lastAccepted() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.health.acceptedAt
}

// run works until ctx ends and every attempt has ended.
func (l *lane) run(ctx context.Context) {
	defer l.close()
	lastSweep := time.Now()
	for ctx.Err() == nil {
		wait := l.step(ctx)
		if wait > 0 && time.Since(lastSweep) >= sweepEvery && l.closed() {
			l.sweep(ctx)
			lastSweep = time.Now()
		}
		l.pause(ctx, wait)
	}
}

func (l *lane) close() {
	l.mu.Lock()
	l.ended = true
	last := l.sender
	l.mu.Unlock()
	l.attempts.Wait()
	if last != nil {
		last.provider.Close()
	}
}

// step starts the next attempt if there may be one, and says how long there is
// nothing to do; 0 means that there may be more at once.
func (l *lane) step(ctx context.Context) time.Duration {
	now := l.store.Now()
	wait, empty := l.next(ctx, now)
	if !empty {
		return wait
	}
	if err := l.refillAll(ctx, now); err != nil {
		l.log.Warn("reading due deliveries", "channel", l.name, "error", err)
		return storePause
	}
	return 0
}

// next starts an attempt from memory, or says that the store has to be asked first.
func (l *lane) next(ctx context.Context, now time.Time) (wait time.Duration, empty bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if wait := l.blocked(now); wait > 0 {
		return wait, false
	}
	if len(l.queue.wantsRefill(now)) > 0 {
		return 0, true
	}
	d, ok := l.take(now)
	if !ok {
		l.revive(ctx)
		return l.untilNext(now), false
	}
	l.start(ctx, d)
	return 0, false
}

// take is the next row whose turn it is. A trial of a row that has trouble is preferably of what did not fail before,
// because it may be the message that the vendor cannot take.
func (l *lane) take(now time.Time) (message.Delivery, bool) {
	if l.health.impaired() {
		if d, ok := l.queue.take(l.may, false); ok {
			return d, true
		}
	}
	return l.queue.take(l.may, l.pace.mayRetry(now))
}

// blocked says how long nothing may start; a finished attempt wakes earlier.
func (l *lane) blocked(now time.Time) time.Duration {
	if l.sender == nil {
		return sweepEvery
	}
	if wait := l.health.closedUntil.Sub(now); wait > 0 {
		return wait
	}
	if !l.sender.mayCall() {
		return leasePause
	}
	if l.inFlight.total >= l.places() {
		return sweepEvery
	}
	return 0
}

// places is how many attempts there may be at once.
func (l *lane) places() int {
	if l.health.impaired() {
		return 1
	}
	return l.pace.places(l.sender.concurrency())
}

// may reports whether an attempt of a class may start, of those that may start at all.
func (l *lane) may(p message.Priority) bool {
	return l.inFlight.room(p, l.places()) && (p == message.PriorityCall || l.limiter.behind() == 0)
}

func (l *lane) closed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sender == nil || l.health.impaired()
}

func (l *lane) untilNext(now time.Time) time.Duration {
	wait := sweepEvery
	if next := l.queue.nextDue(); !next.IsZero() {
		wait = next.Sub(now)
	}
	if l.queue.waiting() > 0 { // for the row's rate, or for what retries may use; what ends wakes the lane besides
		wait = min(wait, orElse(l.limiter.behind(), budgetPause))
	}
	return max(wait, time.Millisecond)
}

// refillAll reads due rows that are not in memory, of the classes that lack them, and when the next one is due.
func (l *lane) refillAll(ctx context.Context, now time.Time) error {
	l.mu.Lock()
	classes := l.queue.wantsRefill(now)
	l.mu.Unlock()
	for _, c := range classes {
		if err := l.refill(ctx, c, now); err != nil {
			return err
		}
	}
	next, err := l.store.NextDueAfter(ctx, l.name, now)
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range classes {
		c.askAt(now.Add(lookEvery))
		switch {
		case err != nil:
			c.askAt(now.Add(storePause))
		case !next.IsZero():
			c.askAt(later(next, now.Add(refillPause)))
		}
	}
	return err
}

// refill reads due rows of a class that are not in memory.
func (l *lane) refill(ctx context.Context, c *class, now time.Time) error {
	l.mu.Lock()
	limit := c.beginRefill() + refill
	l.mu.Unlock()
	due, err := l.store.Due(ctx, store.DueQuery{Channel: l.name, Priority: c.priority, Until: now, Limit: limit})
	var held []message.Delivery
	if err == nil && len(due) < limit {
		held, err = l.held(ctx, c, now)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.queue.endRefill(c, slices.Concat(due, held), now)
	switch {
	case err != nil:
		c.askAt(now.Add(storePause))
	case len(due) == limit, c.look(held):
		c.askAt(now)
	}
	return err
}

// start runs an attempt in its own goroutine, which run waits for.
func (l *lane) start(ctx context.Context, d message.Delivery) {
	s := l.sender
	l.inFlight.add(d.Priority, 1)
	l.pace.begin(d)
	s.calls.Add(1)
	claim := l.limiter.claim()
	l.attempts.Go(func() {
		defer s.calls.Done()
		a := &attempt{lane: l, sender: s, delivery: d, claim: claim}
		err := a.run(ctx)
		l.finished(a, err)
	})
}

func (l *lane) finished(a *attempt, err error) {
	l.mu.Lock()
	l.inFlight.add(a.delivery.Priority, -1)
	l.pace.end(a.delivery, a.failed, l.store.Now())
	l.queue.forget(a.delivery)
	c := l.queue.classes[a.delivery.Priority]
	switch {
	case err != nil:
		c.askAt(l.store.Now().Add(storePause))
	default:
		for _, r := range a.settlement.Retry {
			c.askAt(r.DueAt)
		}
	}
	l.mu.Unlock()
	if err != nil {
		l.log.Warn("a delivery was not settled and is tried again", "channel", l.name, "delivery", a.delivery.ID, "error", err)
	}
	l.poke()
}

// pause waits until something changes, or for d.
func (l *lane) pause(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-l.wake:
	case <-t.C:
	}
}
