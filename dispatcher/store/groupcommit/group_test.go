package groupcommit_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/store/groupcommit"
)

// disk records batches. A commit waits for the gate, if there is one.
type disk struct {
	mu      sync.Mutex
	batches [][]int
	gate    chan struct{}
	fail    func(batch []int) error
}

func (d *disk) commit(batch []int) error {
	d.mu.Lock()
	d.batches = append(d.batches, slices.Clone(batch))
	d.mu.Unlock()
	if d.gate != nil {
		<-d.gate
	}
	if d.fail != nil {
		return d.fail(batch)
	}
	return nil
}

// hold starts a commit of request 0 that stays open until the gate is closed.
func hold(t *testing.T, g *groupcommit.Group[int], wg *sync.WaitGroup) {
	t.Helper()
	wg.Go(func() {
		if err := g.Do(t.Context(), 0); err != nil {
			t.Error(err)
		}
	})
	synctest.Wait()
}

func TestBatchFormsWhilePreviousCommits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := &disk{gate: make(chan struct{})}
		g := groupcommit.New(d.commit)
		var wg sync.WaitGroup
		hold(t, g, &wg)
		const n = groupcommit.MaxBatch + 100
		answered := make(chan int, n)
		for i := range n {
			wg.Go(func() {
				if err := g.Do(t.Context(), i+1); err != nil {
					t.Error(err)
				}
				answered <- i
			})
			synctest.Wait()
		}
		if len(answered) > 0 {
			t.Errorf("%d callers were answered before their commit", len(answered))
		}
		close(d.gate)
		wg.Wait()
		g.Close()
		sizes := []int{}
		for _, b := range d.batches {
			sizes = append(sizes, len(b))
		}
		if diff := cmp.Diff([]int{1, groupcommit.MaxBatch, 100}, sizes); diff != "" {
			t.Errorf("batches (-want +got):\n%s", diff)
		}
		if order := slices.Concat(d.batches...); !slices.IsSorted(order) {
			t.Errorf("requests were reordered: %v", order)
		}
	})
}

func TestOneBadRequestFailsAlone(t *testing.T) {
	t.Parallel()
	bad := errors.New("bad")
	for name, fail := range map[string]func(int) error{
		"error": func(int) error { return bad },
		"panic": func(int) error { panic("bad") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				done := map[int]int{}
				d := &disk{fail: func(batch []int) error {
					for _, r := range batch {
						if r%37 == 5 {
							return fail(r)
						}
					}
					for _, r := range batch {
						done[r]++
					}
					return nil
				}}
				g := groupcommit.New(d.commit)
				defer g.Close()
				requests := make([]int, 200)
				for i := range requests {
					requests[i] = i
				}
				for i, err := range g.DoAll(t.Context(), requests) {
					isBad := i%37 == 5
					if (err != nil) != isBad || isBad == (done[i] == 1) {
						t.Errorf("request %d: committed %d times, error %v", i, done[i], err)
					}
					if err != nil && !strings.Contains(err.Error(), "bad") {
						t.Errorf("request %d got a foreign error: %v", i, err)
					}
				}
			})
		})
	}
}

func TestWholeErrorsAreNotBisected(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		full := errors.New("disk full")
		d := &disk{gate: make(chan struct{})}
		d.fail = func(batch []int) error {
			if batch[0] == 0 {
				return nil
			}
			return groupcommit.Whole(full)
		}
		g := groupcommit.New(d.commit)
		var wg sync.WaitGroup
		hold(t, g, &wg)
		wg.Go(func() {
			for _, err := range g.DoAll(t.Context(), []int{1, 2, 3, 4}) {
				if !errors.Is(err, full) {
					t.Errorf("got %v", err)
				}
			}
		})
		synctest.Wait()
		close(d.gate)
		wg.Wait()
		g.Close()
		if diff := cmp.Diff([][]int{{0}, {1, 2, 3, 4}}, d.batches); diff != "" {
			t.Errorf("batches (-want +got):\n%s", diff)
		}
	})
}

func TestContextWithdrawsOnlyWhatWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := &disk{gate: make(chan struct{})}
		g := groupcommit.New(d.commit)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := g.Do(ctx, 1); err != nil {
				t.Errorf("the request that was being committed: %v, want the truth", err)
			}
		})
		synctest.Wait()
		wg.Go(func() {
			if err := g.Do(ctx, 2); !errors.Is(err, context.Canceled) {
				t.Errorf("the request that waited: %v, want canceled", err)
			}
		})
		synctest.Wait()
		cancel()
		synctest.Wait()
		close(d.gate)
		wg.Wait()
		g.Close()
		if diff := cmp.Diff([][]int{{1}}, d.batches); diff != "" {
			t.Errorf("batches (-want +got):\n%s", diff)
		}
	})
}

func TestFullQueueWaitsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := &disk{gate: make(chan struct{})}
		g := groupcommit.New(d.commit)
		var wg sync.WaitGroup
		hold(t, g, &wg)
		for i := range 2 * groupcommit.MaxBatch {
			wg.Go(func() {
				if err := g.Do(t.Context(), i); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		late := make(chan error, 1)
		go func() { late <- g.Do(ctx, -1) }()
		synctest.Wait()
		if len(late) > 0 {
			t.Fatal("a full queue did not hold the caller")
		}
		cancel()
		if err := <-late; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want canceled", err)
		}
		close(d.gate)
		wg.Wait()
		g.Close()
		if slices.Contains(slices.Concat(d.batches...), -1) {
			t.Error("a request without a caller was committed")
		}
	})
}

func TestCloseCommitsWhatIsQueued(t *testing.T) {
	t.Parallel()
	for range 20 { // the owner may see the queue first, or the closing
		synctest.Test(t, closeWithQueue)
	}
}

func closeWithQueue(t *testing.T) {
	t.Helper()
	d := &disk{gate: make(chan struct{})}
	g := groupcommit.New(d.commit)
	var wg sync.WaitGroup
	hold(t, g, &wg)
	for i := range 10 {
		wg.Go(func() {
			if err := g.Do(t.Context(), i); err != nil {
				t.Error(err)
			}
		})
	}
	synctest.Wait()
	closed := make(chan struct{})
	go func() { g.Close(); close(closed) }()
	synctest.Wait()
	if err := g.Do(t.Context(), 99); !errors.Is(err, groupcommit.ErrClosed) {
		t.Errorf("after closing: %v", err)
	}
	select {
	case <-closed:
		t.Error("Close did not wait for the open commit")
	default:
	}
	close(d.gate)
	wg.Wait()
	<-closed
	g.Close() // a second time is harmless
}

// TestCloseRaces has callers come while the group closes: each gets an answer,
// and nil only if its request was committed.
func TestCloseRaces(t *testing.T) {
	t.Parallel()
	for range 5000 {
		d := &disk{}
		g := groupcommit.New(d.commit)
		errs := make([]error, 8)
		var wg sync.WaitGroup
		for i := range errs {
			wg.Go(func() { errs[i] = g.Do(context.Background(), i) })
		}
		g.Close()
		wg.Wait()
		committed := slices.Concat(d.batches...)
		for i, err := range errs {
			if slices.Contains(committed, i) != (err == nil) {
				t.Fatalf("request %d: committed %v, answer %v", i, committed, err)
			}
		}
	}
}
