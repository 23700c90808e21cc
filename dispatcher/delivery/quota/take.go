package quota

import (
	"fmt"
	"time"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
)

// Priority orders pushes by how much of a day's quota is theirs.
type Priority int

// The priorities. Each but Call leaves a reserve to the ones above it.
const (
	// None had to wait.
	None Priority = iota
	// Bulk are pushes to many.
	Bulk
	// Message are those of messages to a user.
	Message
	// Call are those of calls.
	Call
	// Free are those of push tests, which ask the vendor whatever is left.
	Free
)

const (
	// trialEvery is how often a vendor is asked although it says that a quota is used up: somebody may have raised it.
	trialEvery = time.Hour
	// recount is the wait while what is left is in calls, which may give it back.
	recount = time.Second
)

// Taken is what a call may use of a quota. It is told the outcomes, or given back.
type Taken struct {
	// N is how many targets may be pushed.
	N int
	// Until is when to ask again for the others, and Why what they wait for.
	Until time.Time
	Why   string

	row *Row
	key key
	at  time.Time
}

// Take takes what a call to that many targets needs, or as much of it as there is.
func (r *Row) Take(n provider.Notification, p Priority, targets int) Taken {
	if r.rules.ClassOf == nil {
		return Taken{N: targets}
	}
	class := r.rules.ClassOf(r.row, n)
	now := r.ledger.Store.Now()
	t := Taken{N: targets, row: r, key: r.today(class, now), at: now}
	r.ledger.mu.Lock()
	defer r.ledger.mu.Unlock()
	c := r.ledger.of(t.key)
	if p != Free {
		t.limit(c, p)
	}
	c.open += int64(t.N)
	return t
}

// limit keeps to the hours of the class, the vendor's word and what is left.
func (t *Taken) limit(c *count, p Priority) {
	if begins := t.row.begins(t.key.class, t.at); !begins.IsZero() {
		h := t.row.rules.Hours[t.key.class]
		t.N, t.Until = 0, begins
		t.Why = fmt.Sprintf("%s takes messages of class %s from %02d:00 to %02d:00 in China", t.row.row.Vendor, t.key.class, h.From, h.To)
		return
	}
	left := t.row.left(c, t.key.class, p)
	until := t.key.endsAt()
	switch {
	case c.spentUntil.After(t.at) && t.at.Sub(later(c.spentAt, c.tried)) >= trialEvery:
		c.tried = t.at
		left, until = 1, c.spentUntil
	case c.spentUntil.After(t.at):
		left, until = 0, c.spentUntil
	case left < int64(t.N) && left+c.open > max(left, 0):
		until = t.at.Add(recount)
	}
	if left >= int64(t.N) {
		return
	}
	t.N, t.Until = int(max(left, 0)), until
	t.Why = fmt.Sprintf("today's quota of class %s is used up", t.key.class)
	if until.Sub(t.at) > recount {
		c.ranOut(max(c.short, p), t.at)
	}
}

// begins is when the hours of a class begin; zero while the vendor takes it.
func (r *Row) begins(class provider.QuotaClass, now time.Time) time.Time {
	if h, ok := r.rules.Hours[class]; ok {
		return h.Begins(now)
	}
	return time.Time{}
}

// unlimited is what is left of a class without a limit.
const unlimited = 1 << 40

// left is what the priority may still use.
func (r *Row) left(c *count, class provider.QuotaClass, p Priority) int64 {
	return r.most(class, p) - c.used() - c.open
}

// most is what the priority may use of a class in a day.
func (r *Row) most(class provider.QuotaClass, p Priority) int64 {
	limit, ok := r.limits[class]
	if !ok {
		return unlimited
	}
	return r.share(limit, p)
}

// share is the part of a limit that the priority may use.
func (r *Row) share(limit int64, p Priority) int64 {
	reserves := int64(max(Call-p, 0))
	return limit - limit*reserves*int64(r.row.Limits.QuotaReservePercent)/100
}

// Tell counts the outcomes of a call, and gives back what it did not use.
func (t *Taken) Tell(outcomes []message.Outcome) {
	if t.row == nil {
		return
	}
	l := t.row.ledger
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.of(t.key)
	c.open -= int64(t.N)
	t.N = 0
	for _, o := range outcomes {
		switch {
		case o.Class == message.Accepted:
			c.fresh++
			t.reopen(c)
		case o.Class == message.QuotaExhausted && !o.PhoneOnly:
			t.refused(c, o, l.Store.Now())
		}
	}
	if c.fresh > 0 || c.word != nothing {
		l.poke()
	}
}

// reopen takes the vendor's word back, if the call began after it.
func (t *Taken) reopen(c *count) {
	if c.spentUntil.IsZero() || !t.at.After(c.spentAt) {
		return
	}
	c.word = opened
	c.refill()
}

// refused keeps the vendor's word, but for what is said beyond the end of its day.
func (t *Taken) refused(c *count, o message.Outcome, now time.Time) {
	wait := o.RetryAfter
	if wait <= 0 {
		wait = trialEvery
	}
	until := now.Add(wait)
	if end := t.key.endsAt(); until.After(end) {
		until = end
	}
	c.spentUntil, c.spentAt, c.word = until.UTC().Truncate(time.Millisecond), now, spent
	c.ranOut(c.short, now)
}

// refill takes back that nothing was left.
func (c *count) refill() { c.spentUntil, c.short, c.shortAt = time.Time{}, None, time.Time{} }

// ranOut notes since when nothing is left.
func (c *count) ranOut(short Priority, now time.Time) {
	if c.shortAt.IsZero() {
		c.shortAt = now
	}
	c.short = short
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
