// Package lease keeps this process's lease in the store: the right of one
// incarnation to own deliveries and sessions, and with it the right to send.
package lease

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/offlinepush/operator/dispatcher/store"
)

// The pace of a lease. A dead process's deliveries are taken over within TTL + Interval.
const (
	TTL      = 12 * time.Second
	Interval = 3 * time.Second
	// patience bounds one renewal, so that a dead connection leaves time for another.
	patience = 4 * time.Second
	// pause is the wait after a renewal that failed.
	pause = time.Second
)

// Deps is what a Keeper works with.
type Deps struct {
	Store  store.Leases
	Holder store.Holder
	Log    *slog.Logger
}

// Keeper holds the lease of the whole process: everything in it that sends, or
// that owns rows of the store, stands on the same one. It acquires a new lease,
// and so begins a new Term, when the former one ran out.
//
// The server starts it before all others and releases it after them. Others ask
// Current, keep the Term that their work began under, and look again when the channel closes.
type Keeper struct {
	deps Deps

	mu      sync.Mutex
	state   State
	changed chan struct{} // closed when state changes
	failed  error         // of the last renewal

	stop    context.CancelFunc
	renewer sync.WaitGroup
}

// State is what a Keeper holds at a moment.
type State struct {
	// Term is never nil; before Start it is one of no incarnation that is over.
	Term *Term
	// Adopted counts the deliveries taken over from dead processes since Start. Where it grows, the
	// store holds rows that nobody here was told of.
	Adopted int64
	// Living counts the processes whose lease lived when this one was acquired or last renewed, this one
	// included; 0 before Start.
	Living int64
	// Known says that every other process that lives counts this one: all of them renewed their leases
	// since this one was acquired.
	Known bool
}

// New makes a Keeper that holds nothing until Start.
func New(d Deps) *Keeper {
	return &Keeper{deps: d, state: State{Term: &Term{}}, changed: make(chan struct{}), stop: func() {}}
}

// Current is what the Keeper holds now, and a channel that closes when a new
// term began, deliveries were adopted, or other processes came or went.
func (k *Keeper) Current() (State, <-chan struct{}) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.state, k.changed
}

// Term is the present term.
func (k *Keeper) Term() *Term {
	s, _ := k.Current()
	return s.Term
}

// Incarnation is that of the present term; 0 before Start.
func (k *Keeper) Incarnation() int64 { return k.Term().Incarnation }

// Err says why the lease ran out, without which nothing is sent; nil while it is held.
func (k *Keeper) Err() error {
	if k.Term().Fits(0) {
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.failed == nil { // It is about to be renewed.
		return ErrOver
	}
	return fmt.Errorf("%w and nothing is pushed: %w", ErrOver, k.failed)
}

// Start acquires the lease and renews it from then on, until Release. ctx bounds the acquiring only.
func (k *Keeper) Start(ctx context.Context) error {
	if err := k.acquire(ctx); err != nil {
		return err
	}
	ctx, k.stop = context.WithCancel(context.WithoutCancel(ctx))
	k.renewer.Go(func() { k.run(ctx) })
	return nil
}

// Drain tells that the sessions of this process end because it stops; the lease goes on until Release.
func (k *Keeper) Drain(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := k.deps.Store.DrainSessions(ctx); err != nil {
		return fmt.Errorf("draining the sessions: %w", err)
	}
	return nil
}

// Release ends the term, and gives the lease back so that others take over at once.
func (k *Keeper) Release(ctx context.Context) error {
	k.stop()
	k.renewer.Wait()
	k.Term().end()
	if err := k.deps.Store.ReleaseLease(ctx); err != nil {
		return fmt.Errorf("releasing the lease: %w", err)
	}
	return nil
}

func (k *Keeper) run(ctx context.Context) {
	wait := Interval
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		wait = Interval
		err := k.renew(ctx)
		k.note(err)
		if err != nil && ctx.Err() == nil {
			k.deps.Log.Warn("keeping the lease", "left", time.Until(k.Term().Deadline()), "error", err)
			wait = pause
		}
	}
}

func (k *Keeper) note(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.failed = err
}

// renew extends the lease, or acquires a new one where it is lost.
func (k *Keeper) renew(ctx context.Context) error {
	term, sent := k.Term(), time.Now()
	l, err := k.send(ctx)
	if errors.Is(err, store.ErrLeaseLost) {
		term.end()
		ctx, cancel := context.WithTimeout(ctx, TTL)
		defer cancel()
		return k.acquire(ctx)
	}
	if err != nil {
		return fmt.Errorf("renewing the lease: %w", err)
	}
	term.renewed(sent)
	if l.Adopted > 0 {
		k.deps.Log.Info("took over deliveries", "adopted", l.Adopted)
	}
	if s, _ := k.Current(); l.Adopted > 0 || l.Living != s.Living || !s.Known {
		k.set(term, l, true)
	}
	return nil
}

func (k *Keeper) send(ctx context.Context) (store.Lease, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return k.deps.Store.RenewLease(ctx, TTL)
}

func (k *Keeper) acquire(ctx context.Context) error {
	sent := time.Now()
	l, err := k.deps.Store.AcquireLease(ctx, k.deps.Holder, TTL)
	if err != nil {
		return fmt.Errorf("acquiring the lease: %w", err)
	}
	k.deps.Log.Info("lease acquired", "incarnation", l.Incarnation, "adopted", l.Adopted)
	term := &Term{Incarnation: l.Incarnation}
	term.renewed(sent)
	k.set(term, l, l.Living <= 1)
	return nil
}

func (k *Keeper) set(term *Term, l store.Lease, known bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.state = State{Term: term, Adopted: k.state.Adopted + l.Adopted, Living: l.Living, Known: known}
	close(k.changed)
	k.changed = make(chan struct{})
}
