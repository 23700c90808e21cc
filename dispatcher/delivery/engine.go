// Package delivery moves stored deliveries to the vendors: one lane per channel
// row with its queue, limits, health and retries; the fence that keeps a push
// from its former user; and the fuse that keeps a wrong credential from unbinding
// everybody. Nothing is sent but under the process's lease.
package delivery

import (
	"context"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/delivery/quota"
	"github.com/offlinepush/operator/dispatcher/lease"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/metrics"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/report"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/tracing"
)

// Deps is what an Engine works with.
type Deps struct {
	Live  *config.Live
	Store store.Store
	// NewProvider makes the provider of a channel row; it is catalog.New.
	NewProvider func(config.Channel, provider.Deps) (provider.Provider, error)
	Provider    provider.Deps
	// Quota says how a vendor counts the pushes of a day; it is catalog.Quota. nil counts none.
	Quota func(vendor string) provider.QuotaRules
	// Lease is started before the Engine and released after Wait.
	Lease   *lease.Keeper
	Metrics *metrics.Metrics
	// Tracer is nil where nothing is traced.
	Tracer *tracing.Tracer
	Log    *slog.Logger
}

// Engine owns all lanes.
type Engine struct {
	Deps
	fence  *fence
	ledger *quota.Ledger

	mu    sync.Mutex
	lanes map[string]*lane
	idle  []*lane // not yet running

	born    chan struct{} // holds one token when there are idle lanes
	workers sync.WaitGroup
	// closeLedger ends the ledger behind the last call.
	closeLedger func()
}

// New makes an engine that does nothing until Start.
func New(d Deps) *Engine {
	return &Engine{
		Deps: d, fence: newFence(), lanes: map[string]*lane{}, born: make(chan struct{}, 1), closeLedger: func() {},
		ledger: quota.New(quota.Deps{Store: d.Store, Metrics: d.Metrics, Log: d.Log}),
	}
}

// Quiesce returns once no vendor call is open for an epoch older than the changes.
func (e *Engine) Quiesce(ctx context.Context, changes []store.EpochChange) error {
	return e.fence.Quiesce(ctx, changes)
}

// Start starts the lanes. They work until ctx ends; Wait waits for them.
func (e *Engine) Start(ctx context.Context) {
	if e.Quota != nil {
		e.openLedger(ctx)
	}
	_, held := e.Lease.Current()
	_, configured := e.Live.Current()
	e.apply()
	e.workers.Go(func() { e.follow(ctx, configured, held) })
}

// Wait returns after ctx of Start has ended and every vendor call is answered and settled.
func (e *Engine) Wait() {
	e.workers.Wait()
	e.closeLedger()
}

// Incarnation is that of the lease which rows belong to that are stored now.
func (e *Engine) Incarnation() int64 { return e.Lease.Incarnation() }

// Submit takes rows that were just stored, after Incarnation gave the
// incarnation. It never blocks. What does not fit into memory, and what another
// process may have taken over since, is read from the store later.
func (e *Engine) Submit(incarnation int64, rows []message.Delivery) {
	for _, d := range rows {
		e.laneOf(d.Channel).submit(incarnation, d)
	}
}

// Channels is the state of every channel row, in order of the name, with the
// pending targets that the store counts.
func (e *Engine) Channels(ctx context.Context) ([]report.Channel, error) {
	backlog, err := e.Store.Backlog(ctx)
	e.mu.Lock()
	defer e.mu.Unlock()
	out := make([]report.Channel, 0, len(e.lanes))
	for name, l := range e.lanes {
		row := e.withQuotas(l.status(), l)
		row.Pending = backlog[name]
		e.Metrics.Pending.WithLabelValues(name).Set(float64(row.Pending))
		out = append(out, row)
	}
	slices.SortFunc(out, func(a, b report.Channel) int { return strings.Compare(a.Name, b.Name) })
	return out, err
}

// laneOf finds or makes the lane of a channel row.
func (e *Engine) laneOf(name string) *lane {
	e.mu.Lock()
	defer e.mu.Unlock()
	if l, ok := e.lanes[name]; ok {
		return l
	}
	now := e.Store.Now()
	l := &lane{
		name: name, live: e.Live, store: e.Store, fence: e.fence, metrics: e.Metrics, tracer: e.Tracer, log: e.Log,
		wake: make(chan struct{}, 1), queue: newQueue(), health: newHealth(now), pace: newPace(0), limiter: newLimiter(),
	}
	l.queue.askAt(now)
	e.lanes[name] = l
	e.idle = append(e.idle, l)
	select {
	case e.born <- struct{}{}:
	default:
	}
	return l
}

// follow applies every new configuration and every change of the lease, and
// runs the lanes that are born.
func (e *Engine) follow(ctx context.Context, configured, held <-chan struct{}) {
	again := e.recheck(ctx)
	for {
		select {
		case <-ctx.Done():
			return
		case <-e.born:
			for _, l := range e.takeIdle() {
				e.workers.Go(func() { l.run(ctx) })
			}
		case <-configured:
			_, configured = e.Live.Current()
			e.apply()
		case <-held:
			_, held = e.Lease.Current()
			e.apply()
			again = e.recheck(ctx)
		case <-again:
			again = e.recheck(ctx)
		}
	}
}

// recheck makes every lane look for rows that it was not told of, and makes
// lanes for those whose channel is not configured here. What it returns says
// when to try again; nil means never.
func (e *Engine) recheck(ctx context.Context) (again <-chan time.Time) {
	backlog, err := e.Store.Backlog(ctx)
	if err != nil {
		e.Log.Warn("looking for deliveries of other processes", "error", err)
		again = time.After(storePause)
	}
	for name := range backlog {
		e.laneOf(name)
	}
	for _, l := range e.snapshot() {
		l.recheck()
	}
	return again
}

func (e *Engine) takeIdle() []*lane {
	e.mu.Lock()
	defer e.mu.Unlock()
	idle := e.idle
	e.idle = nil
	return idle
}

// apply gives every channel row its part of its rate, every changed one a new sender, every row where
// a new term began, and takes it from those that are gone or suspended.
func (e *Engine) apply() {
	doc, _ := e.Live.Current()
	held, _ := e.Lease.Current()
	rows := map[string]bool{}
	for _, row := range doc.Channels {
		if row.Suspended {
			continue
		}
		rows[row.Name] = true
		e.applyRow(row, doc.ReceiptURL(row.Name), held)
	}
	for name, l := range e.snapshot() {
		if !rows[name] && l.current() != nil {
			l.replace(nil)
			e.ledger.Forget(name)
		}
	}
}

// applyRow is apply for a row that is to be sent through.
func (e *Engine) applyRow(row config.Channel, receiptURL config.Secret, held lease.State) {
	l := e.laneOf(row.Name)
	if s := l.current(); s != nil && s.term == held.Term && s.receiptURL == receiptURL && reflect.DeepEqual(s.row, row) {
		l.keepRate(s, partOf(held))
		return
	}
	deps := e.Provider
	deps.Alive, deps.ReceiptURL = alive(held.Term), receiptURL
	p, err := e.NewProvider(row, deps)
	if err != nil {
		e.Log.Error("channel row refused, its pushes wait", "channel", row.Name, "error", err)
		l.refuse(err)
		return
	}
	s := e.newSender(row, held.Term, p)
	s.receiptURL, s.quota = receiptURL, e.quotaOf(row)
	l.keepRate(s, partOf(held)) // before it sends
	l.replace(s)
}

func (e *Engine) snapshot() map[string]*lane {
	e.mu.Lock()
	defer e.mu.Unlock()
	return maps.Clone(e.lanes)
}
