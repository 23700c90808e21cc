package storetest

import "time"

func clockCases() []testCase {
	return []testCase{{"the store's time is that of its rows", storeTime}}
}

func storeTime(b *bench) {
	const wrong = 2 * time.Second // how far a clock that is read over a connection may be off on a busy machine
	b.lease()
	for range 3 {
		before := b.Now()
		at := b.phone("").RegisteredAt
		after := b.Now()
		if after.Before(before) {
			b.Errorf("time went back from %v to %v", before, after)
		}
		if at.Before(before.Add(-wrong)) || at.After(after.Add(wrong)) {
			b.Errorf("a device was registered at %v, between %v and %v", at, before, after)
		}
		_, err := b.RenewLease(b.Context(), time.Minute)
		b.must(err)
	}
}
