package peer_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/store"
)

var oneChange = []store.EpochChange{{Device: 7, Epoch: 3, FormerUserID: "alice"}}

// fencing asks for a fence and gives its answer to come.
func fencing(t *testing.T, p *pod, changes []store.EpochChange) <-chan error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	done := make(chan error, 1)
	go func() { done <- p.peers.Fence(ctx, changes, "rebound") }()
	return done
}

func pending(t *testing.T, done <-chan error, why string) {
	t.Helper()
	select {
	case err := <-done:
		t.Fatalf("answered %v although %s", err, why)
	default:
	}
}

func TestFenceWaitsForTheCallsOfAllPods(t *testing.T) {
	t.Parallel()
	l := newLeases()
	a, b, c := newPod(t, l, 1, "k"), newPod(t, l, 2, "k"), newPod(t, l, 3, "k")
	release := b.hold()
	done := fencing(t, a, oneChange)
	c.sees(t, "the third pod is asked", func(h *told) bool { return h.quiesced > 0 })
	b.sees(t, "the busy pod is asked again", func(h *told) bool { return h.quiesced > 1 })
	pending(t, done, "a vendor call is open")
	release()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	for _, p := range []*pod{b, c} {
		p.sees(t, "older sessions end", func(h *told) bool { return h.kicked[7] == "rebound" })
	}
	if len(a.kicked) != 0 {
		t.Error("a pod asked itself")
	}
}

func TestFenceOfManyChangesIsSplit(t *testing.T) {
	t.Parallel()
	l := newLeases()
	a, b := newPod(t, l, 1, "k"), newPod(t, l, 2, "k")
	changes := make([]store.EpochChange, 2500)
	for i := range changes {
		changes[i] = store.EpochChange{Device: int64(i + 1), Epoch: 2}
	}
	if err := <-fencing(t, a, changes); err != nil {
		t.Fatal(err)
	}
	b.mu.Lock() // A request that was given up may go on.
	defer b.mu.Unlock()
	if len(b.kicked) != len(changes) || b.quiesced < 3 {
		t.Errorf("%d changes arrived in %d requests", len(b.kicked), b.quiesced)
	}
}

func TestFenceWaitsForTheLeaseOfAFrozenPod(t *testing.T) {
	t.Parallel()
	l := newLeases()
	a := newPod(t, l, 1, "k")
	freeze(t, l, 2)
	done := fencing(t, a, oneChange)
	eventually(t, "its lease is looked up again", func() bool { return l.looked() > 2 })
	pending(t, done, "the frozen pod's lease lives")
	l.end(2)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestFenceAsksNobodyElseAtThatAddress(t *testing.T) {
	t.Parallel()
	l := newLeases()
	a, b := newPod(t, l, 1, "k"), newPod(t, l, 2, "k")
	l.begin(9, l.live[2].Addr) // a dead pod, whose address another has now
	done := fencing(t, a, oneChange)
	b.sees(t, "the address answers for another", func(h *told) bool { return h.quiesced > 2 })
	pending(t, done, "the lease of the former owner of the address lives")
	l.end(9)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestFenceTriesAgainWhileTheStoreFails(t *testing.T) {
	t.Parallel()
	l := newLeases()
	a, b := newPod(t, l, 1, "k"), newPod(t, l, 2, "k")
	l.breakDown(errors.New("no connection"))
	done := fencing(t, a, oneChange)
	eventually(t, "the store is asked again", func() bool { return l.looked() > 1 })
	pending(t, done, "nobody knows the other pods")
	l.breakDown(nil)
	if err := <-done; err != nil {
		t.Error(err)
	}
	b.sees(t, "then the other pod is asked", func(h *told) bool { return h.quiesced > 0 })
}

func TestFenceThatCannotEndIsAnError(t *testing.T) {
	t.Parallel()
	l := newLeases()
	a := newPod(t, l, 1, "k")
	newPod(t, l, 2, "other")
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	err := a.peers.Fence(ctx, oneChange, "rebound")
	if err == nil || !strings.Contains(err.Error(), "fencing dispatcher pod") {
		t.Errorf("got %v", err)
	}
	l.breakDown(errors.New("no connection"))
	ctx, cancel = context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if err := a.peers.Fence(ctx, oneChange, "rebound"); err == nil || !strings.Contains(err.Error(), "no connection") {
		t.Errorf("with a broken store: %v", err)
	}
}

func TestAPodAloneFencesNobody(t *testing.T) {
	t.Parallel()
	l := newLeases()
	a := newPod(t, l, 1, "k")
	if err := <-fencing(t, a, oneChange); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(0, a.quiesced); diff != "" {
		t.Error(diff)
	}
}
