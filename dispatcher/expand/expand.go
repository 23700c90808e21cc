// Package expand brings messages for many, those of groups and broadcasts, to their receivers: chunk by chunk, each
// decided and stored by accept in one transaction together with how far the expansion is. It stands behind what
// names its receivers: few chunks are under way at once, none starts at once while vendors are busy, and none while
// the backlog is near its cap. Nothing is dropped: what cannot be done now waits.
package expand

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/offlinepush/operator/dispatcher/accept"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/metrics"
	"github.com/offlinepush/operator/dispatcher/store"
)

// The pace of expanding.
const (
	// ChunkUsers is how many receivers are decided at once; with a device each they fill half of the largest delivery.
	ChunkUsers = 500
	// inFlight is how many expansions go on at once, one chunk each.
	inFlight = 2
	// listed is how many expansions are looked at in a round.
	listed = 64
	// lookEvery is how often the store is asked for expansions that nobody here was told of: those of dead processes, and
	// broadcasts that were resumed.
	lookEvery = time.Second
	// behindPause is the wait for another process: for its older message of the same group, or because it moved an expansion.
	behindPause = 100 * time.Millisecond
	// yieldStep and yieldFor bound the wait while vendors are busy, so that one slow vendor does not stop groups.
	yieldStep, yieldFor = 25 * time.Millisecond, time.Second
	// fullPause is the wait while the backlog is near its cap, storePause the one after the store failed.
	fullPause, storePause = 500 * time.Millisecond, time.Second
)

// Store is the part of the store that expanding needs.
type Store interface {
	RunningExpansions(ctx context.Context, limit int) ([]store.Expansion, error)
	ReceiversBehind(ctx context.Context, e store.Expansion, limit int) ([]store.User, error)
	Message(ctx context.Context, id string) (message.Message, error)
}

// Acceptor decides for a chunk and stores it.
type Acceptor interface {
	Expand(ctx context.Context, c accept.Chunk) error
	// Begun gets a token when there may be more to expand.
	Begun() <-chan struct{}
}

// Lanes are the ways to the vendors.
type Lanes interface{ Busy() bool }

// Deps is what a Worker works with.
type Deps struct {
	Store    Store
	Acceptor Acceptor
	Lanes    Lanes
	Metrics  *metrics.Metrics
	Log      *slog.Logger
}

// Worker expands what this process owns.
type Worker struct {
	deps Deps
	// size is how many receivers the next chunk has: fewer while the backlog is near its cap.
	size atomic.Int64
}

// New makes a Worker.
func New(d Deps) *Worker {
	w := &Worker{deps: d}
	w.size.Store(ChunkUsers)
	return w
}

// Run works until ctx ends. A chunk that is being stored then is finished.
func (w *Worker) Run(ctx context.Context) {
	for ctx.Err() == nil {
		w.pause(ctx, w.round(ctx))
	}
}

func (w *Worker) pause(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-w.deps.Acceptor.Begun():
	case <-t.C:
	}
}

// round takes one step of every expansion that may go on, and says how long there is nothing to do; 0 means that
// there is more at once.
func (w *Worker) round(ctx context.Context) time.Duration {
	all, err := w.deps.Store.RunningExpansions(ctx, listed)
	if err != nil {
		if ctx.Err() == nil {
			w.deps.Log.Warn("looking for messages to expand", "error", err)
		}
		return storePause
	}
	wait := lookEvery
	var mu sync.Mutex
	var steps sync.WaitGroup
	places := make(chan struct{}, inFlight)
	for _, e := range all {
		if e.Blocked {
			mu.Lock()
			wait = min(wait, behindPause)
			mu.Unlock()
			continue
		}
		places <- struct{}{}
		steps.Go(func() {
			defer func() { <-places }()
			pause := w.step(ctx, e)
			mu.Lock()
			defer mu.Unlock()
			wait = min(wait, pause)
		})
	}
	steps.Wait()
	return wait
}

// step expands one chunk, and says how long the expansion has to wait for the next one.
func (w *Worker) step(ctx context.Context, e store.Expansion) time.Duration {
	if !w.yield(ctx) {
		return 0
	}
	err := w.chunk(ctx, e)
	size := w.size.Load()
	switch {
	case err == nil:
		w.size.CompareAndSwap(size, min(size*2, ChunkUsers))
		return 0
	case errors.Is(err, store.ErrMoved):
		return behindPause
	case errors.Is(err, store.ErrBacklogFull):
		w.size.CompareAndSwap(size, max(size/2, 1))
		return fullPause
	}
	if ctx.Err() == nil {
		w.deps.Log.Warn("expanding a message", "message", e.MessageID, "error", err)
	}
	return storePause
}

// chunk goes on with what it began when ctx ends: a chunk is short.
func (w *Worker) chunk(ctx context.Context, e store.Expansion) error {
	m, err := w.deps.Store.Message(ctx, e.MessageID)
	if errors.Is(err, store.ErrNotFound) { // It was erased, and has no more receivers.
		return w.deps.Acceptor.Expand(ctx, accept.Chunk{Message: message.Message{ID: e.MessageID}, Expansion: e, Last: true})
	}
	if err != nil {
		return err
	}
	size := int(w.size.Load())
	users, err := w.deps.Store.ReceiversBehind(ctx, e, size)
	if err != nil {
		return err
	}
	err = w.deps.Acceptor.Expand(context.WithoutCancel(ctx), accept.Chunk{Message: m, Expansion: e, Users: users, Last: len(users) < size})
	if err == nil {
		w.deps.Metrics.Expanded.Add(float64(len(users)))
	}
	return err
}

// yield lets the vendors catch up for a while; it is false when ctx has ended.
func (w *Worker) yield(ctx context.Context) bool {
	t := time.NewTicker(yieldStep)
	defer t.Stop()
	for end := time.Now().Add(yieldFor); w.deps.Lanes.Busy() && time.Now().Before(end); {
		select {
		case <-ctx.Done():
			return false
		case <-t.C:
		}
	}
	return ctx.Err() == nil
}
