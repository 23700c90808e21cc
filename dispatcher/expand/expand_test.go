package expand_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/offlinepush/operator/dispatcher/accept"
	"github.com/offlinepush/operator/dispatcher/expand"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/metrics"
	"github.com/offlinepush/operator/dispatcher/store"
)

// world is a store and an acceptor in memory, in virtual time.
type world struct {
	mu         sync.Mutex
	expansions []store.Expansion
	users      int64 // of every expansion, with keys from 1
	chunks     []accept.Chunk
	received   map[string][]int64
	failing    error
	room       int // receivers that fit at once; 0 is no limit
	erased     bool
	busy       bool
	atOnce     int
	most       int
	slow       time.Duration
	begun      chan struct{}
	looks      int
}

func newWorld(users int64, ids ...string) *world {
	w := &world{users: users, received: map[string][]int64{}, begun: make(chan struct{}, 1)}
	for _, id := range ids {
		w.expansions = append(w.expansions, store.Expansion{MessageID: id, Group: 1, State: store.Running})
	}
	return w
}

func (w *world) RunningExpansions(context.Context, int) (out []store.Expansion, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.looks++
	for _, e := range w.expansions {
		if e.State == store.Running {
			out = append(out, e)
		}
	}
	return out, w.failing
}

func (w *world) ReceiversBehind(_ context.Context, e store.Expansion, limit int) (out []store.User, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for key := e.After + 1; key <= w.users && len(out) < limit; key++ {
		out = append(out, store.User{Key: key, ID: fmt.Sprint("user-", key)})
	}
	return out, nil
}

func (w *world) Message(_ context.Context, id string) (message.Message, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.erased {
		return message.Message{}, store.ErrNotFound
	}
	return message.Message{ID: id}, nil
}

func (w *world) Begun() <-chan struct{} { return w.begun }

func (w *world) Busy() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.busy
}

// Expand takes a chunk like a store does.
func (w *world) Expand(_ context.Context, c accept.Chunk) error {
	w.enter()
	defer w.leave()
	if w.slow > 0 {
		time.Sleep(w.slow) // virtual
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	i := slices.IndexFunc(w.expansions, func(e store.Expansion) bool { return e.MessageID == c.Expansion.MessageID })
	e := &w.expansions[i]
	switch {
	case w.failing != nil:
		return w.failing
	case e.State != store.Running || e.After != c.Expansion.After:
		return store.ErrMoved
	case w.room > 0 && len(c.Users) > w.room:
		return store.ErrBacklogFull
	}
	w.chunks = append(w.chunks, c)
	for _, u := range c.Users {
		w.received[e.MessageID] = append(w.received[e.MessageID], u.Key)
		e.After = u.Key
	}
	if c.Last {
		e.State = store.Done
	}
	return nil
}

func (w *world) enter() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.atOnce++
	w.most = max(w.most, w.atOnce)
}

func (w *world) leave() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.atOnce--
}

// set changes the world under its lock.
func (w *world) set(change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change()
}

func (w *world) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.chunks)
}

func (w *world) done() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return !slices.ContainsFunc(w.expansions, func(e store.Expansion) bool { return e.State == store.Running })
}

// complete checks that every receiver of every expansion was there once, in order.
func (w *world) complete(t *testing.T) {
	t.Helper()
	want := make([]int64, w.users)
	for i := range want {
		want[i] = int64(i + 1)
	}
	for _, e := range w.expansions {
		if diff := cmp.Diff(want, w.received[e.MessageID]); diff != "" {
			t.Errorf("receivers of %s (-want +got):\n%s", e.MessageID, diff)
		}
	}
}

// run runs a worker in a bubble until the check returns.
func run(t *testing.T, w *world, check func()) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w.begun = make(chan struct{}, 1)
		ctx, stop := context.WithCancel(t.Context())
		worker := expand.New(expand.Deps{
			Store: w, Acceptor: w, Lanes: w, Metrics: metrics.New(prometheus.NewRegistry()), Log: slog.New(slog.DiscardHandler),
		})
		var running sync.WaitGroup
		running.Go(func() { worker.Run(ctx) })
		check()
		stop()
		running.Wait()
	})
}

// within waits for virtual time.
func within(d time.Duration) {
	time.Sleep(d) // virtual
	synctest.Wait()
}

func TestExpandsEverybodyOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(3*expand.ChunkUsers+7, "a", "b", "c")
	w.slow = time.Millisecond
	run(t, w, func() { within(time.Second) })
	if !w.done() {
		t.Fatal("it is not done")
	}
	w.complete(t)
	if w.most > 2 {
		t.Errorf("%d chunks were under way at once, want 2 at most", w.most)
	}
}

func TestLastChunkIsMarked(t *testing.T) {
	t.Parallel()
	for _, users := range []int64{0, 1, expand.ChunkUsers, expand.ChunkUsers + 1} {
		w := newWorld(users, "a")
		run(t, w, func() { within(time.Second) })
		if last := w.chunks[len(w.chunks)-1]; !w.done() || !last.Last {
			t.Errorf("%d users: done %v, the last chunk is %+v", users, w.done(), last)
		}
	}
}

func TestWaitsForTheOlderOfItsGroup(t *testing.T) {
	t.Parallel()
	w := newWorld(3, "a")
	w.expansions[0].Blocked = true
	run(t, w, func() {
		within(time.Second)
		if w.count() != 0 {
			t.Error("a blocked expansion went on")
		}
		w.set(func() { w.expansions[0].Blocked = false })
		within(150 * time.Millisecond)
		if !w.done() {
			t.Error("it did not go on when it was not blocked any more")
		}
	})
}

func TestShrinksWhileTheBacklogIsNearItsCap(t *testing.T) {
	t.Parallel()
	w := newWorld(2*expand.ChunkUsers, "a")
	w.room = 100
	run(t, w, func() {
		within(30 * time.Second)
		w.set(func() { w.room = 0 })
		within(time.Second)
	})
	if !w.done() {
		t.Fatal("it is not done")
	}
	w.complete(t)
	if first := len(w.chunks[0].Users); first > 100 || first < 50 {
		t.Errorf("the first chunk that fitted had %d users, want as many as fit, halved from %d", first, expand.ChunkUsers)
	}
}

func TestYieldsToWhatNamesItsReceivers(t *testing.T) {
	t.Parallel()
	w := newWorld(2*expand.ChunkUsers, "a")
	w.busy = true
	run(t, w, func() {
		within(900 * time.Millisecond)
		if w.count() != 0 {
			t.Error("a chunk went before what waits for the vendors")
		}
		within(200 * time.Millisecond)
		if w.count() != 1 {
			t.Errorf("%d chunks in a second of busy vendors, want one", w.count())
		}
		w.set(func() { w.busy = false })
		within(100 * time.Millisecond)
		if !w.done() {
			t.Error("it did not go on when the vendors had time")
		}
	})
}

func TestGoesOnAfterTrouble(t *testing.T) {
	t.Parallel()
	w := newWorld(10, "a")
	w.failing = errors.New("trouble")
	run(t, w, func() {
		within(5 * time.Second)
		if w.looks > 10 {
			t.Errorf("the store in trouble was asked %d times in 5 s", w.looks)
		}
		w.set(func() { w.failing = nil })
		within(2 * time.Second)
	})
	w.complete(t)
}

func TestLeavesARivalAlone(t *testing.T) {
	t.Parallel()
	other := newWorld(expand.ChunkUsers+10, "a")
	other.slow = 10 * time.Millisecond
	run(t, other, func() {
		within(5 * time.Millisecond)
		other.set(func() { // The rival takes the same first chunk.
			for key := int64(1); key <= 20; key++ {
				other.received["a"] = append(other.received["a"], key)
			}
			other.expansions[0].After = 20
		})
		within(time.Second)
	})
	if !other.done() {
		t.Fatal("it is not done")
	}
	other.complete(t)
}

func TestEndsWhatWasErased(t *testing.T) {
	t.Parallel()
	w := newWorld(10, "a")
	w.erased = true
	run(t, w, func() { within(time.Second) })
	if !w.done() || len(w.received["a"]) != 0 {
		t.Errorf("done %v, received by %v", w.done(), w.received)
	}
}

func TestIsToldOfNewOnes(t *testing.T) {
	t.Parallel()
	w := newWorld(10)
	run(t, w, func() {
		within(100 * time.Millisecond)
		w.set(func() {
			w.expansions = append(w.expansions, store.Expansion{MessageID: "a", State: store.Running})
		})
		w.begun <- struct{}{}
		within(time.Millisecond)
		if !w.done() {
			t.Error("it was told and did nothing")
		}
		w.set(func() {
			w.expansions = append(w.expansions, store.Expansion{MessageID: "b", State: store.Running})
		})
		within(2 * time.Second)
		if !w.done() {
			t.Error("it did not find what it was not told of")
		}
	})
}
