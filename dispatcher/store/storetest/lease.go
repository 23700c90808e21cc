package storetest

import (
	"errors"
	"time"

	"github.com/offlinepush/operator/dispatcher/store"
)

// patience is how long the suite waits for what must happen.
const patience = 2 * time.Minute

// until waits for a condition.
func (b *bench) until(what string, met func() bool) {
	b.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); !met(); <-tick.C {
		if time.Now().After(end) {
			b.Fatalf("%s: not within %v", what, patience)
		}
	}
}

// expire lets the lease, if there is one, run out by the store's own time.
func (b *bench) expire() {
	b.Helper()
	if _, err := b.RenewLease(b.Context(), time.Millisecond); errors.Is(err, store.ErrLeaseLost) {
		return
	} else if err != nil {
		b.Fatal(err)
	}
	past := b.Now().Add(50 * time.Millisecond) // more than its clock can be wrong on one machine
	b.until("the end of the lease", func() bool { return b.Now().After(past) })
}

// adopts renews the lease until it has adopted that many deliveries, and checks that there are no more.
func (b *bench) adopts(want int64) {
	b.Helper()
	var got int64
	b.until("the adoption", func() bool {
		renewed, err := b.RenewLease(b.Context(), time.Minute)
		b.must(err)
		got += renewed.Adopted
		return got >= want
	})
	last, err := b.RenewLease(b.Context(), time.Minute)
	b.must(err)
	if got += last.Adopted; got != want {
		b.Errorf("adopted %d, want %d", got, want)
	}
}
