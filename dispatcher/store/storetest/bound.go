package storetest

import (
	"sync"
	"sync/atomic"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
)

func boundCases() []testCase {
	return []testCase{
		{"an inbox that is too long loses its oldest entries", longInbox},
		{"old entries that nobody acknowledged are counted", expiredEntries},
	}
}

func sharedBoundCases() []testCase {
	return []testCase{
		{"what goes is counted by one of the processes that prune", expiredOnce},
	}
}

// grow makes the user's inbox that long with messages that are not pushed.
func (b *bench) grow(userID string, from, to int64) {
	b.Helper()
	var reqs []store.AcceptRequest
	for seq := from; seq < to; seq++ {
		r := toUsers(userID)
		r.ClientID, r.Message.Push = "", nil
		reqs = append(reqs, r)
	}
	for i, got := range b.Accept(b.Context(), reqs) {
		b.must(got.Err)
		if want := from + int64(i) + 1; i == len(reqs)-1 && got.Seqs[userID] != want {
			b.Fatalf("the last place is %d, want %d", got.Seqs[userID], want)
		}
	}
}

// starts checks that the entries behind a sequence begin with one, and whether there is a gap before it.
func (b *bench) starts(userID string, after, want int64, wantGap bool) {
	b.Helper()
	entries, gap, err := b.Inbox(b.Context(), userID, after, 2)
	b.must(err)
	if len(entries) == 0 || entries[0].Seq != want || gap != wantGap {
		b.Errorf("after %d: %d entries, gap %v, want %d first, gap %v: %v", after, len(entries), gap, want, wantGap, entries)
	}
}

func longInbox(b *bench) {
	b.lease()
	d := b.bound("anna")
	pending := b.accept(request(d)).Deliveries[0]
	b.accept(toUsers("bert"))
	b.grow("anna", 1, store.MaxInbox+999)
	b.must(b.Ack(b.Context(), d.Key, "anna", 600))
	if got := b.pruneBy(store.Cutoffs{}, 300); got.Crowded != 0 {
		b.Errorf("%+v went before 1,000 were too many", got)
	}
	b.starts("anna", 1, 2, false)

	b.grow("anna", store.MaxInbox+999, store.MaxInbox+1000)
	if got, want := b.pruneBy(store.Cutoffs{}, 300), (store.Pruned{Crowded: 400}); got != want {
		b.Errorf("of 1,000 with 600 acknowledged: %+v, want %+v", got, want)
	}
	b.starts("anna", 0, 1, false) // is pending
	b.starts("anna", 1, 1001, true)
	b.starts("anna", 1000, 1001, false)
	b.starts("bert", 0, 1, false)

	b.settle(done(pending, message.Handed, message.Outcome{}, 0))
	b.grow("anna", store.MaxInbox+1000, store.MaxInbox+2000)
	if got, want := b.pruneBy(store.Cutoffs{}, 300), (store.Pruned{Crowded: 1000}); got != want {
		b.Errorf("of 1,000 more: %+v, want %+v", got, want)
	}
	b.starts("anna", 0, 2001, true)
	b.starts("bert", 0, 1, false)
	b.balanced()
}

func expiredEntries(b *bench) {
	b.lease()
	d, other := b.bound("anna"), b.bound("anna")
	pending := b.accept(age(request(b.bound("carl")))).Deliveries[0]
	cut := store.Cutoffs{Messages: b.Now().Add(-day)}
	if got := b.prune(cut); got != (store.Pruned{}) {
		b.Errorf("a pending message: %+v, want none", got)
	}
	b.settle(done(pending, message.Handed, message.Outcome{}, 0))
	for range 5 {
		b.accept(aged("anna", "bert"))
	}
	b.accept(toUsers("anna", "bert"))
	b.must(b.Ack(b.Context(), d.Key, "anna", 1))
	b.must(b.Ack(b.Context(), other.Key, "anna", 3))
	if got, want := b.prune(cut), (store.Pruned{Expired: 2 + 5 + 1}); got != want {
		b.Errorf("anna's 2, bert's 5 and carl's 1: %+v, want %+v", got, want)
	}
	if got := b.prune(cut); got != (store.Pruned{}) {
		b.Errorf("again: %+v, want none", got)
	}
}

func expiredOnce(b *bench) {
	pods, _ := b.pods(3)
	for range 20 {
		b.accept(aged("anna", "bert"))
	}
	b.grow("carl", 0, store.MaxInbox+1000)
	var expired, crowded atomic.Int64
	var wg sync.WaitGroup
	for _, p := range pods {
		wg.Go(func() {
			for range 3 { // One that met the others at the table comes again.
				got := p.pruneBy(store.Cutoffs{Messages: b.Now().Add(-day)}, 100)
				expired.Add(got.Expired)
				crowded.Add(got.Crowded)
			}
		})
	}
	wg.Wait()
	if expired.Load() != 40 || crowded.Load() != 1000 {
		b.Errorf("counted %d expired and %d beyond the bound, want 40 and 1000", expired.Load(), crowded.Load())
	}
	b.starts("carl", 0, 1001, true)
}
