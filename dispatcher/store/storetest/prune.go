package storetest

import (
	"errors"
	"time"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
)

func pruneCases() []testCase {
	return []testCase{
		{"pruning goes in bounded steps", pruneSteps},
		{"a pending message is not pruned", prunePending},
		{"outcomes, ids and devices are pruned by their own age", pruneKinds},
	}
}

// prune deletes until nothing is left to delete, and returns how many rows went.
func (b *bench) prune(before store.Cutoffs) int64 {
	b.Helper()
	for total := int64(0); ; {
		n, err := b.Prune(b.Context(), before, 100)
		b.must(err)
		if n == 0 {
			return total
		}
		total += n
	}
}

func pruneSteps(b *bench) {
	for range 5 {
		b.accept(aged("anna"))
	}
	young := b.accept(toUsers("anna"))
	cut := store.Cutoffs{Messages: time.Now().Add(-time.Hour)}
	for i, want := range []int64{2, 2, 1, 0} {
		n, err := b.Prune(b.Context(), cut, 2)
		b.must(err)
		if n != want {
			b.Errorf("step %d deleted %d, want %d", i, n, want)
		}
	}
	if got := b.inbox("anna", 5); len(got) != 1 || got[0].Message.ID != young.MessageID {
		b.Errorf("kept %v, want the young message alone", got)
	}
	if n := b.prune(store.Cutoffs{}); n != 0 {
		b.Errorf("no cutoff deleted %d", n)
	}
}

func prunePending(b *bench) {
	b.lease()
	d := b.bound("anna")
	r := request(d)
	r.Message.CreatedAt = r.Message.CreatedAt.Add(-24 * time.Hour)
	row := b.accept(r).Deliveries[0]
	cut := store.Cutoffs{Messages: time.Now().Add(-time.Hour)}
	if n := b.prune(cut); n != 0 {
		b.Errorf("pruned %d, but it is pending", n)
	}
	if _, err := b.Message(b.Context(), r.Message.ID); err != nil {
		b.Errorf("the pending message: %v", err)
	}
	b.settle(done(row, message.Handed, message.Outcome{}, 0))
	if n := b.prune(cut); n != 1 {
		b.Errorf("pruned %d, want the settled message", n)
	}
	b.balanced()
}

func pruneKinds(b *bench) {
	b.lease()
	d := b.bound("anna")
	r := request(d)
	b.settle(done(b.accept(r).Deliveries[0], message.Handed, message.Outcome{}, 0))
	later := time.Now().Add(2 * time.Hour)
	if n := b.prune(store.Cutoffs{Outcomes: later}); n != 1 {
		b.Errorf("pruned %d outcomes, want 1", n)
	}
	if lines, err := b.Trace(b.Context(), r.Message.ID); err != nil || len(lines) != 0 {
		b.Errorf("trace after its outcomes went: %v, %v", lines, err)
	}
	if n := b.prune(store.Cutoffs{Idempotency: r.IdempotentUntil}); n != 0 {
		b.Errorf("pruned %d ids too early", n)
	}
	if n := b.prune(store.Cutoffs{Idempotency: later}); n != 1 {
		b.Errorf("pruned %d ids, want 1", n)
	}
	again := r
	again.Message.ID = toUsers().Message.ID
	if got := b.accept(again); got.Duplicate {
		b.Error("a pruned id is still known")
	}
	if n := b.prune(store.Cutoffs{Devices: later}); n != 1 {
		b.Errorf("pruned %d devices, want 1", n)
	}
	if _, err := b.Device(b.Context(), d.PushID); !errors.Is(err, store.ErrNotFound) {
		b.Errorf("the pruned device: %v", err)
	}
	if _, ok := b.fence(d.Key); ok {
		b.Error("the fence knows a pruned device")
	}
	b.phone("token-1") // the pruned device's token is free
	b.balanced()
}
