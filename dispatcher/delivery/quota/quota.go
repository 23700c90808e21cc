// Package quota is the ledger of what vendors take in a day: how many pushes of each class of messages went out, what is
// left for whom, and until when the rest waits. All processes of an app count together, in the store. The count is an
// estimate, and what a vendor says of its quota wins.
package quota

import (
	"log/slog"
	"sync"
	"time"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/metrics"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/store"
)

// Store keeps the counts.
type Store interface {
	store.Quotas
	// Now is the time by which the vendors' days end.
	Now() time.Time
}

// Deps is what a Ledger works with.
type Deps struct {
	Store   Store
	Metrics *metrics.Metrics
	Log     *slog.Logger
}

// Ledger is safe for concurrent use.
type Ledger struct {
	Deps
	wake chan struct{} // holds one token when there is something to add

	mu     sync.Mutex
	rows   map[string]*Row
	counts map[key]*count
	// sampled is when the last forecast was made.
	sampled time.Time
}

// key is a class of messages on one of the vendor's days.
type key struct {
	channel string
	class   provider.QuotaClass
	ends    int64 // Unix milliseconds
}

func (k key) endsAt() time.Time { return time.UnixMilli(k.ends).UTC() }

// count is what is known of a class on a day.
type count struct {
	// stored is what the store knows, of all processes; adding is on its way there, and fresh waits for that.
	stored, adding, fresh int64
	// open are those in calls whose answer is not known.
	open int64
	// spentUntil is the vendor's word, and spentAt when this process heard it.
	spentUntil, spentAt time.Time
	// word is a word of the vendor that waits to be stored.
	word word
	// tried is when the vendor was last asked in spite of its word.
	tried time.Time
	// short is who had to wait for the next day, the most urgent of them, and shortAt since when nothing is left.
	short   Priority
	shortAt time.Time
	// learned says that the store was asked, and sample what was used at the last forecast since then, -1 before one.
	learned  bool
	sample   int64
	forecast time.Time
}

// word is what a vendor says of a quota.
type word int

const (
	nothing word = iota
	spent
	opened
)

func newCount() *count { return &count{sample: -1} }

func (c *count) used() int64 { return c.stored + c.adding + c.fresh }

// New makes a ledger of no rows.
func New(d Deps) *Ledger {
	return &Ledger{Deps: d, wake: make(chan struct{}, 1), rows: map[string]*Row{}, counts: map[key]*count{}}
}

// Row is a channel row's part of the ledger.
type Row struct {
	ledger *Ledger
	row    config.Channel
	rules  provider.QuotaRules
	zone   *time.Location
	limits map[provider.QuotaClass]int64
	grown  map[part]bool
}

// Row begins to count a channel row by its limits and its vendor's rules, in the place of what it had before.
func (l *Ledger) Row(row config.Channel, rules provider.QuotaRules) *Row {
	r := &Row{ledger: l, row: row, rules: rules, limits: map[provider.QuotaClass]int64{}}
	// A configuration with another zone was refused when it was loaded.
	r.zone, _ = row.Limits.Zone()
	for _, q := range row.Limits.DailyQuotas {
		r.limits[provider.QuotaClass(q.Class)] = q.Pushes
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	r.grown = r.growth(l.rows[row.Name])
	l.rows[row.Name] = r
	for k, c := range l.counts {
		if k.channel == row.Name {
			c.forecast = time.Time{} // It was that of another limit.
		}
	}
	l.Metrics.ForgetQuotas(row.Name)
	l.publish(l.Store.Now())
	return r
}

// Forget ends the count of a channel row that is gone or suspended. What its vendor said of quotas is forgotten too: whoever
// sets the row going again may have had them raised.
func (l *Ledger) Forget(channel string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.rows, channel)
	for k, c := range l.counts {
		if k.channel == channel && !c.spentUntil.IsZero() {
			c.word = opened
			c.refill()
			l.poke()
		}
	}
	l.Metrics.ForgetQuotas(channel)
}

// today is the key of a class's present day.
func (r *Row) today(class provider.QuotaClass, now time.Time) key {
	return key{r.row.Name, class, provider.QuotaDay(now, r.zone).UnixMilli()}
}

// of finds or begins a count.
func (l *Ledger) of(k key) *count {
	c, ok := l.counts[k]
	if !ok {
		c = newCount()
		l.counts[k] = c
	}
	return c
}
