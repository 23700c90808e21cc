// Package groupcommit lets concurrent writers share commits: the next batch
// forms while the previous one commits, without a timer. A caller is answered
// after the commit that holds its request.
package groupcommit

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
)

// ErrClosed says that the group takes no more requests.
var ErrClosed = errors.New("the store is closed")

// MaxBatch is the largest number of requests in one commit.
const MaxBatch = 512

// maxQueue bounds the requests that wait beyond their own goroutines.
const maxQueue = 2 * MaxBatch

// Group commits requests in batches. One goroutine owns the commits; Close ends it.
type Group[R any] struct {
	commit  func([]R) error
	watch   Watch
	queue   chan *item[R]
	close   sync.Once
	closing chan struct{}
	stopped chan struct{}
}

// item is a request with its answer, which is there when done is closed.
type item[R any] struct {
	request R
	settled atomic.Bool // taken into a batch or withdrawn, whichever is first
	done    chan struct{}
	err     error
}

// New starts a group. Commit makes one batch durable as a whole or not at all,
// and may see a request again in a smaller batch after it failed.
func New[R any](commit func(batch []R) error) *Group[R] {
	g := &Group[R]{
		commit: commit, queue: make(chan *item[R], maxQueue),
		closing: make(chan struct{}), stopped: make(chan struct{}),
	}
	go g.run()
	return g
}

// Do commits one request. An ended context withdraws the request only as long
// as no batch holds it, so an answer is always the truth.
func (g *Group[R]) Do(ctx context.Context, request R) error {
	return g.wait(ctx, g.enqueue(ctx, request))
}

// DoAll commits requests in their order, with one answer for each.
func (g *Group[R]) DoAll(ctx context.Context, requests []R) []error {
	items := make([]*item[R], len(requests))
	for i, r := range requests {
		items[i] = g.enqueue(ctx, r)
	}
	errs := make([]error, len(requests))
	for i, it := range items {
		errs[i] = g.wait(ctx, it)
	}
	return errs
}

// Watch knows what became of the requests lately.
func (g *Group[R]) Watch() *Watch { return &g.watch }

// Close commits what is queued and waits for the end of the last commit.
func (g *Group[R]) Close() {
	g.close.Do(func() { close(g.closing) })
	<-g.stopped
}

func (g *Group[R]) enqueue(ctx context.Context, request R) *item[R] {
	it := &item[R]{request: request, done: make(chan struct{})}
	select {
	case <-g.closing:
		it.answer(ErrClosed)
		return it
	default:
	}
	select {
	case g.queue <- it:
	case <-g.closing:
		it.answer(ErrClosed)
	case <-ctx.Done():
		it.answer(ctx.Err())
	}
	return it
}

func (g *Group[R]) wait(ctx context.Context, it *item[R]) error {
	select {
	case <-it.done:
		return it.err
	case <-ctx.Done():
		if it.settled.CompareAndSwap(false, true) {
			return ctx.Err()
		}
	case <-g.stopped: // the request may have come into the queue too late
		if it.settled.CompareAndSwap(false, true) {
			return ErrClosed
		}
	}
	<-it.done
	return it.err
}

func (it *item[R]) answer(err error) {
	it.err = err
	close(it.done)
}

func (g *Group[R]) run() {
	defer close(g.stopped)
	for {
		select {
		case it := <-g.queue:
			g.process(g.gather(it))
		case <-g.closing:
			g.drain()
			return
		}
	}
}

func (g *Group[R]) drain() {
	for {
		select {
		case it := <-g.queue:
			g.process(g.gather(it))
		default:
			return
		}
	}
}

// gather takes what waits already, up to a full batch.
func (g *Group[R]) gather(first *item[R]) []*item[R] {
	var batch []*item[R]
	for it := first; ; {
		if it.settled.CompareAndSwap(false, true) {
			batch = append(batch, it)
		}
		if len(batch) == MaxBatch {
			return batch
		}
		select {
		case it = <-g.queue:
		default:
			return batch
		}
	}
}

// process commits a batch and halves it when it fails, so that one bad request fails alone.
func (g *Group[R]) process(batch []*item[R]) {
	if len(batch) == 0 {
		return
	}
	err := g.attempt(batch)
	if err != nil && len(batch) > 1 && !errors.As(err, new(*wholeError)) {
		half := len(batch) / 2
		g.process(batch[:half])
		g.process(batch[half:])
		return
	}
	g.watch.Note(len(batch), err)
	for _, it := range batch {
		it.answer(err)
	}
}

func (g *Group[R]) attempt(batch []*item[R]) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &PanicError{Value: p, Stack: debug.Stack()}
		}
	}()
	requests := make([]R, len(batch))
	for i, it := range batch {
		requests[i] = it.request
	}
	return g.commit(requests)
}

// PanicError is the answer to a request whose commit panicked.
type PanicError struct {
	Value any
	Stack []byte
}

// Error implements error.
func (e *PanicError) Error() string { return fmt.Sprintf("committing panicked: %v", e.Value) }

// Whole marks an error that every part of the batch would meet as well, such as
// a full disk: the batch fails as it is.
func Whole(err error) error { return &wholeError{err} }

type wholeError struct{ error }

func (e *wholeError) Unwrap() error { return e.error }
