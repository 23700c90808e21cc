package storetest

import (
	"errors"
	"time"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
)

func pruneCases() []testCase {
	return []testCase{
		{"messages are pruned by their age", pruneMessages},
		{"a pending message is not pruned", prunePending},
		{"outcomes, ids and devices are pruned by their own age", pruneKinds},
	}
}

// The suite deletes what is days old, because a store may drop a day at a time.
const day = 24 * time.Hour

// prune deletes until nothing is left to delete, and sums up what went.
func (b *bench) prune(before store.Cutoffs) store.Pruned {
	b.Helper()
	return b.pruneBy(before, 2)
}

func (b *bench) pruneBy(before store.Cutoffs, limit int) (sum store.Pruned) {
	b.Helper()
	for more := true; more; {
		got, err := b.Prune(b.Context(), before, limit)
		if err != nil {
			b.Error(err)
		}
		more = got.More && err == nil
		sum.Expired, sum.Crowded = sum.Expired+got.Expired, sum.Crowded+got.Crowded
	}
	return sum
}

// stored reports whether a message is still there.
func (b *bench) stored(id string) bool {
	b.Helper()
	_, err := b.Message(b.Context(), id)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		b.Fatal(err)
	}
	return err == nil
}

func pruneMessages(b *bench) {
	var old []string
	for range 5 {
		old = append(old, b.accept(aged("anna")).MessageID)
	}
	young := b.accept(toUsers("anna"))
	b.prune(store.Cutoffs{})
	for _, id := range old {
		if !b.stored(id) {
			b.Errorf("no cutoff deleted %s", id)
		}
	}
	b.prune(store.Cutoffs{Messages: b.Now().Add(-day)})
	for _, id := range old {
		if b.stored(id) {
			b.Errorf("%s is older than the cutoff and still there", id)
		}
	}
	if got := b.inbox("anna", 5); len(got) != 1 || got[0].Message.ID != young.MessageID {
		b.Errorf("kept %v, want the young message alone", got)
	}
}

func prunePending(b *bench) {
	b.lease()
	d := b.bound("anna")
	r := age(request(d))
	row := b.accept(r).Deliveries[0]
	cut := store.Cutoffs{Messages: b.Now().Add(-day)}
	b.prune(cut)
	if !b.stored(r.Message.ID) {
		b.Error("a pending message was pruned")
	}
	b.settle(done(row, message.Handed, message.Outcome{}, 0))
	b.prune(cut)
	if b.stored(r.Message.ID) {
		b.Error("a settled message was not pruned")
	}
	b.balanced()
}

func pruneKinds(b *bench) {
	b.lease()
	d := b.bound("anna")
	r := request(d)
	b.settle(done(b.accept(r).Deliveries[0], message.Handed, message.Outcome{}, 0))
	later := b.Now().Add(3 * day)
	b.prune(store.Cutoffs{Outcomes: later})
	if lines, err := b.Trace(b.Context(), r.Message.ID); err != nil || len(lines) != 0 {
		b.Errorf("trace after its outcomes went: %v, %v", lines, err)
	}
	b.prune(store.Cutoffs{Idempotency: r.IdempotentUntil})
	if got := b.accept(r); !got.Duplicate {
		b.Error("an id was pruned too early")
	}
	b.prune(store.Cutoffs{Idempotency: later})
	again := r
	again.Message.ID = toUsers().Message.ID
	if got := b.accept(again); got.Duplicate {
		b.Error("a pruned id is still known")
	}
	b.prune(store.Cutoffs{Devices: later})
	if _, err := b.Device(b.Context(), d.PushID); !errors.Is(err, store.ErrNotFound) {
		b.Errorf("the pruned device: %v", err)
	}
	if _, ok := b.fence(d.Key); ok {
		b.Error("the fence knows a pruned device")
	}
	b.phone("token-1") // the pruned device's token is free
	b.balanced()
}
