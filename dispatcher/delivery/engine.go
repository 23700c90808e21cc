// Package delivery moves stored deliveries to the vendors: one lane per channel
// row with its queue, limits, health and retries; the fence that keeps a push
// from its former user; the fuse that keeps a wrong credential from unbinding
// everybody; and the lease without which nothing is sent.
package delivery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/metrics"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/report"
	"github.com/offlinepush/operator/dispatcher/store"
)

// Deps is what an Engine works with.
type Deps struct {
	Live  *config.Live
	Store store.Store
	// NewProvider makes the provider of a channel row; it is catalog.New.
	NewProvider func(config.Channel, provider.Deps) (provider.Provider, error)
	Provider    provider.Deps
	Metrics     *metrics.Metrics
	Log         *slog.Logger
	// Pod is the name under which this process holds its lease.
	Pod string
}

// Engine owns all lanes and the lease.
type Engine struct {
	Deps
	fence *fence
	lease *lease

	mu          sync.Mutex
	lanes       map[string]*lane
	idle        []*lane // not yet running
	incarnation int64

	born    chan struct{} // holds one token when there are idle lanes
	workers sync.WaitGroup
}

// New makes an engine that does nothing until Start.
func New(d Deps) *Engine {
	return &Engine{Deps: d, fence: newFence(), lease: &lease{}, lanes: map[string]*lane{}, born: make(chan struct{}, 1)}
}

// Quiesce returns once no vendor call is open for an epoch older than the changes.
func (e *Engine) Quiesce(ctx context.Context, changes []store.EpochChange) error {
	return e.fence.Quiesce(ctx, changes)
}

// Start acquires the lease, adopts what dead processes left, and starts the
// lanes. They work until ctx ends; Wait waits for them.
func (e *Engine) Start(ctx context.Context) error {
	sent := time.Now()
	l, err := e.Store.AcquireLease(ctx, store.Holder{Pod: e.Pod}, leaseTTL)
	if err != nil {
		return fmt.Errorf("acquiring the lease: %w", err)
	}
	e.lease.renewed(sent)
	e.mu.Lock()
	e.incarnation = l.Incarnation
	e.mu.Unlock()
	e.Log.Info("lease acquired", "incarnation", l.Incarnation, "adopted", l.Adopted)
	if err := e.orphans(ctx); err != nil {
		return err
	}
	_, changed := e.Live.Current()
	e.apply()
	e.workers.Go(func() { e.follow(ctx, changed) })
	e.workers.Go(func() { e.renew(ctx) })
	return nil
}

// Wait returns after ctx of Start has ended and every vendor call is answered
// and settled; then it gives the lease back.
func (e *Engine) Wait(ctx context.Context) error {
	e.workers.Wait()
	e.lease.lost()
	if err := e.Store.ReleaseLease(ctx); err != nil {
		return fmt.Errorf("releasing the lease: %w", err)
	}
	return nil
}

// Submit takes rows that were just stored. It never blocks; what does not fit
// into memory is read from the store later.
func (e *Engine) Submit(rows []message.Delivery) {
	for _, d := range rows {
		e.laneOf(d.Channel).submit(d)
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
		row := l.status()
		row.Pending = backlog[name]
		e.Metrics.Pending.WithLabelValues(name).Set(float64(row.Pending))
		out = append(out, row)
	}
	slices.SortFunc(out, func(a, b report.Channel) int { return strings.Compare(a.Name, b.Name) })
	return out, err
}

// Incarnation is the number of the lease; 0 before Start.
func (e *Engine) Incarnation() int64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.incarnation
}

// orphans makes lanes for rows whose channel is no longer configured.
func (e *Engine) orphans(ctx context.Context) error {
	backlog, err := e.Store.Backlog(ctx)
	if err != nil {
		return fmt.Errorf("reading the backlog: %w", err)
	}
	for name := range backlog {
		e.laneOf(name)
	}
	return nil
}

// laneOf finds or makes the lane of a channel row.
func (e *Engine) laneOf(name string) *lane {
	e.mu.Lock()
	defer e.mu.Unlock()
	if l, ok := e.lanes[name]; ok {
		return l
	}
	now := time.Now()
	l := &lane{
		name: name, live: e.Live, store: e.Store, fence: e.fence, lease: e.lease, metrics: e.Metrics, log: e.Log,
		wake: make(chan struct{}, 1), queue: newQueue(), health: newHealth(now),
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

// follow applies every new configuration and runs the lanes that are born.
func (e *Engine) follow(ctx context.Context, changed <-chan struct{}) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-e.born:
			for _, l := range e.takeIdle() {
				e.workers.Go(func() { l.run(ctx) })
			}
		case <-changed:
			_, changed = e.Live.Current()
			e.apply()
		}
	}
}

func (e *Engine) takeIdle() []*lane {
	e.mu.Lock()
	defer e.mu.Unlock()
	idle := e.idle
	e.idle = nil
	return idle
}

// apply gives every changed channel row a new sender and takes it from those
// that are gone or suspended.
func (e *Engine) apply() {
	doc, _ := e.Live.Current()
	rows := map[string]bool{}
	for _, row := range doc.Channels {
		if row.Suspended {
			continue
		}
		rows[row.Name] = true
		l := e.laneOf(row.Name)
		if s := l.current(); s != nil && reflect.DeepEqual(s.row, row) {
			continue
		}
		p, err := e.NewProvider(row, e.Provider)
		if err != nil {
			e.Log.Error("channel row refused, its pushes wait", "channel", row.Name, "error", err)
			l.refuse(err)
			continue
		}
		l.replace(newSender(row, p, e.Metrics))
	}
	for name, l := range e.snapshot() {
		if !rows[name] && l.current() != nil {
			l.replace(nil)
		}
	}
}

func (e *Engine) snapshot() map[string]*lane {
	e.mu.Lock()
	defer e.mu.Unlock()
	return maps.Clone(e.lanes)
}

// renew keeps the lease. Without it nothing is sent, and the rows are adopted by others.
func (e *Engine) renew(ctx context.Context) {
	t := time.NewTicker(leaseRenew)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		sent := time.Now()
		_, err := e.Store.RenewLease(ctx, leaseTTL)
		if errors.Is(err, store.ErrLeaseLost) {
			err = e.reacquire(ctx)
		}
		if err != nil {
			e.Log.Warn("renewing the lease", "error", err)
			continue
		}
		e.lease.renewed(sent)
	}
}

func (e *Engine) reacquire(ctx context.Context) error {
	l, err := e.Store.AcquireLease(ctx, store.Holder{Pod: e.Pod}, leaseTTL)
	if err != nil {
		return err
	}
	e.mu.Lock()
	e.incarnation = l.Incarnation
	e.mu.Unlock()
	e.Log.Warn("lease had run out and was acquired anew", "incarnation", l.Incarnation, "adopted", l.Adopted)
	for _, lane := range e.snapshot() {
		lane.recheck()
	}
	return nil
}
