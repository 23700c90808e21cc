package quota

import (
	"time"

	"github.com/offlinepush/operator/dispatcher/report"
)

const (
	// sampleEvery is how often forecasts are made, so that they do not change all the time.
	sampleEvery = 10 * time.Minute
	// foresight is how far they go: at night nobody knows the day's pace.
	foresight = 6 * time.Hour
)

// Report is what is known of a channel row's classes of today, in the vendor's order, and since when nothing is left of
// one of them. Classes of which nothing is known and that have no limit are left out.
func (l *Ledger) Report(channel string) (quotas []report.Quota, since time.Time) {
	now := l.Store.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	r, ok := l.rows[channel]
	if !ok {
		return nil, time.Time{}
	}
	for _, class := range r.rules.Classes {
		k := r.today(class, now)
		limit, limited := r.limits[class]
		c, known := l.counts[k]
		if !known {
			c = newCount()
		}
		if !limited && c.used() == 0 && !c.spentUntil.After(now) {
			continue
		}
		q := report.Quota{Class: string(class), Used: c.used(), Limit: limit, ResetsAt: k.endsAt()}
		q.UsedUpUntil, q.Waiting = r.usedUp(c, k, now)
		switch {
		case q.UsedUpUntil.After(now):
			since = later(since, c.shortAt)
		case c.forecast.After(now):
			q.RunsOutAt = c.forecast
		}
		quotas = append(quotas, q)
	}
	return quotas, since
}

// usedUp says until when pushes of a class wait, and which.
func (r *Row) usedUp(c *count, k key, now time.Time) (until time.Time, waiting string) {
	switch {
	case c.spentUntil.After(now):
		return c.spentUntil, report.WaitingAll
	case c.short == None || r.left(c, k.class, c.short)+c.open > 0:
		return time.Time{}, ""
	case c.short == Bulk:
		return k.endsAt(), report.WaitingBulk
	case c.short == Message:
		return k.endsAt(), report.WaitingMessages
	}
	return k.endsAt(), report.WaitingAll
}

// publish brings forecasts and metrics up to date.
func (l *Ledger) publish(now time.Time) {
	sample := now.Truncate(sampleEvery)
	elapsed := sample.Sub(l.sampled)
	for name, r := range l.rows {
		for _, class := range r.rules.Classes {
			k := r.today(class, now)
			c, known := l.counts[k]
			limit, limited := r.limits[class]
			if !known && !limited {
				continue
			}
			if !known {
				c = l.of(k)
			}
			if elapsed > 0 {
				c.foresee(r.share(limit, Message), elapsed, now, k.endsAt())
			}
			l.Metrics.QuotaUsed.WithLabelValues(name, string(class)).Set(float64(c.used()))
			if limited {
				l.Metrics.QuotaLimit.WithLabelValues(name, string(class)).Set(float64(limit))
			}
		}
	}
	l.sampled = sample
}

// foresee says when messages have used up the limit if it goes on as since the last sample; zero means not
// today or not in the next hours.
func (c *count) foresee(limit int64, elapsed time.Duration, now, endsAt time.Time) {
	if !c.learned {
		return
	}
	before := c.sample
	c.sample, c.forecast = c.used(), time.Time{}
	pace := c.sample - before
	if before < 0 || pace <= 0 || limit <= 0 || elapsed > 2*sampleEvery {
		return
	}
	left := max(limit-c.used(), 0)
	out := now.Add(time.Duration(float64(elapsed) * float64(left) / float64(pace)))
	if out.Before(endsAt) && out.Sub(now) <= foresight {
		c.forecast = out.UTC().Truncate(time.Minute)
	}
}
