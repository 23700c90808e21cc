package delivery

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/offlinepush/operator/dispatcher/store"
)

func TestQuiesceWaitsForOpenCallsOfTheDevice(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFence()
		first, second := f.enter([]int64{1, 2}), f.enter([]int64{2})
		other := f.enter([]int64{3})
		defer other.leave()
		quiet := make(chan error, 1)
		go func() { quiet <- f.Quiesce(t.Context(), []store.EpochChange{{Device: 2}}) }()
		synctest.Wait()
		first.leave()
		synctest.Wait()
		select {
		case err := <-quiet:
			t.Fatal("answered while a call was open", err)
		default:
		}
		later := f.enter([]int64{2}) // reads the new epoch, so nobody waits for it
		defer later.leave()
		second.leave()
		if err := <-quiet; err != nil {
			t.Error(err)
		}
	})
}

func TestQuiesceWaitsForOlderEpochsOnly(t *testing.T) {
	t.Parallel()
	f := newFence()
	c := f.enter([]int64{1})
	defer c.leave()
	c.read(map[int64]store.FenceState{1: {Epoch: 5}})
	for epoch, want := range map[int64]int{4: 0, 5: 0, 6: 1} {
		if got := len(f.callsFor([]store.EpochChange{{Device: 1, Epoch: epoch}})); got != want {
			t.Errorf("a change to epoch %d waits for %d calls, want %d", epoch, got, want)
		}
	}
}

func TestQuiesceGivesUpWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFence()
		defer f.enter([]int64{1}).leave()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := f.Quiesce(ctx, []store.EpochChange{{Device: 1}}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}

func TestFenceForgetsClosedCalls(t *testing.T) {
	t.Parallel()
	f := newFence()
	f.enter([]int64{1, 2, 3}).leave()
	if len(f.open) != 0 {
		t.Errorf("%d devices are still marked", len(f.open))
	}
}
