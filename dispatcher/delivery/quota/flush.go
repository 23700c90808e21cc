package quota

import (
	"context"
	"time"

	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/store"
)

const (
	// gather is how long additions gather before they are stored together.
	gather = time.Second
	// look is how often a process that pushes nothing looks at what the others did.
	look = 30 * time.Second
	// patience bounds a visit of the store.
	patience = 5 * time.Second
)

// Run stores what is counted and learns what others count, until ctx ends and once more then.
func (l *Ledger) Run(ctx context.Context) {
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-time.After(look):
			l.turn(ctx)
		case <-l.wake:
			pause(ctx, gather)
			l.turn(ctx)
		}
	}
	l.turn(context.WithoutCancel(ctx))
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

func (l *Ledger) poke() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// Load takes over what the store knows from before this process. Without it the count begins at what this process does.
func (l *Ledger) Load(ctx context.Context) { l.visit(ctx, nil) }

// turn adds what is new to the store, and takes over what it knows. Without limits and news it asks nothing.
func (l *Ledger) turn(ctx context.Context) {
	more := l.more()
	if len(more) > 0 || l.limited() {
		l.visit(ctx, more)
		return
	}
	now := l.Store.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.publish(now)
}

func (l *Ledger) visit(ctx context.Context, more []store.QuotaCount) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	known, err := l.Store.CountQuotas(ctx, more)
	now := l.Store.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.Log.Warn("quotas are not stored yet", "error", err)
		l.keep(more)
	} else {
		l.learn(known, now)
	}
	l.publish(now)
}

// limited reports whether there is a row with a limit.
func (l *Ledger) limited() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range l.rows {
		if len(r.limits) > 0 {
			return true
		}
	}
	return false
}

// more are the additions, which are on their way from now on.
func (l *Ledger) more() (more []store.QuotaCount) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for k, c := range l.counts {
		if c.fresh == 0 && c.word == nothing {
			continue
		}
		more = append(more, store.QuotaCount{
			Channel: k.channel, Class: string(k.class), EndsAt: k.endsAt(), Used: c.fresh,
			SpentUntil: c.spentUntil, Opened: c.word == opened,
		})
		c.adding, c.fresh, c.word = c.fresh, 0, nothing
	}
	return more
}

// keep takes back what the store did not take, for another time. What it took without an answer is counted twice, which is
// the safe side.
func (l *Ledger) keep(more []store.QuotaCount) {
	for _, m := range more {
		c := l.of(keyOf(m))
		c.fresh, c.adding = c.fresh+c.adding, 0
		switch {
		case c.word != nothing:
		case m.Opened:
			c.word = opened
		case !m.SpentUntil.IsZero():
			c.word = spent
		}
	}
	if len(more) > 0 {
		l.poke()
	}
}

// learn takes over what the store knows, and forgets the days that are over.
func (l *Ledger) learn(known []store.QuotaCount, now time.Time) {
	for _, c := range l.counts {
		c.stored, c.adding, c.learned = c.stored+c.adding, 0, true
	}
	for _, k := range known {
		c := l.of(keyOf(k))
		c.stored, c.learned = k.Used, true
		if c.word != nothing || k.SpentUntil.Equal(c.spentUntil) {
			continue
		}
		if k.SpentUntil.IsZero() {
			c.refill()
			continue
		}
		c.spentUntil, c.spentAt = k.SpentUntil, now
		c.ranOut(c.short, now)
	}
	for k, c := range l.counts {
		if !k.endsAt().After(now) && c.fresh == 0 && c.open == 0 {
			delete(l.counts, k)
		}
	}
}

func keyOf(c store.QuotaCount) key {
	return key{c.Channel, provider.QuotaClass(c.Class), c.EndsAt.UnixMilli()}
}
