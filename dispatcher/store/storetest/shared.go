package storetest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
)

// Shared runs the suite of stores that several processes share. Each call of
// an opener gives another handle of the same data, with a lease of its own.
func Shared(t *testing.T, fresh func(t *testing.T) Opener) {
	t.Helper()
	runCases(t, fresh, sharedCases())
}

func sharedCases() []testCase {
	return slices.Concat([]testCase{
		{"one of the living adopts what is left", adoptedOnce},
		{"who lost the lease cannot write late", lateWrites},
		{"what is accepted too late is adopted", lateAccepts},
		{"a released lease is adopted", releasedToOther},
		{"an heir's heir has all", heirsOfHeirs},
		{"a process that comes back adopts from its heir", comingBack},
		{"a living lease is left alone", livingLease},
		{"peers are the living others", peers},
		{"every lease tells how many live", living},
	}, sharedSessionCases(), sharedConfirmCases(), sharedWriteCases(), sharedPushTestCases(), sharedDrainCases(),
		sharedCrowdCases(), sharedBoundCases(), sharedExpansionCases(), sharedQuotaCases(), []testCase{
			{"random changes through two handles agree with a model", randomChangesShared},
		})
}

// pods opens further handles, so that there are n, each with a lease.
func (b *bench) pods(n int) (pods []*bench, leases []store.Lease) {
	b.Helper()
	pods = append(pods, b)
	for len(pods) < n {
		pods = append(pods, b.another())
	}
	for i, p := range pods {
		leases = append(leases, p.leaseAs(i))
	}
	return pods, leases
}

// leaseAs acquires the lease as the pod of that number.
func (b *bench) leaseAs(i int) store.Lease {
	b.Helper()
	l, err := b.AcquireLease(b.Context(), holder(i), time.Minute)
	b.must(err)
	return l
}

func holder(i int) store.Holder {
	return store.Holder{Pod: fmt.Sprintf("pod-%d", i), Addr: fmt.Sprintf("10.0.0.%d:7000", i)}
}

// rows stores n deliveries to a device, one each.
func (b *bench) rows(d message.Device, n int) (rows []message.Delivery) {
	b.Helper()
	for range n {
		rows = append(rows, b.accept(request(d)).Deliveries...)
	}
	if len(rows) != n {
		b.Fatalf("%d rows of %d are owned", len(rows), n)
	}
	return rows
}

func handed(d message.Delivery) store.Settlement {
	return done(d, message.Handed, message.Outcome{Class: message.Accepted}, 1)
}

// anyDoubt leaves out whether an owner of before may have sent them.
var anyDoubt = cmpopts.IgnoreFields(message.Delivery{}, "InDoubt")

// owns checks which deliveries are the handle's own.
func (b *bench) owns(who string, want []message.Delivery) {
	b.Helper()
	byID := func(x, y message.Delivery) int { return int(x.ID - y.ID) }
	got := b.due("fcm")
	if diff := cmp.Diff(slices.SortedFunc(slices.Values(want), byID), slices.SortedFunc(slices.Values(got), byID), anyDoubt); len(want)+len(got) > 0 && diff != "" {
		b.Errorf("%s's deliveries (-want +got):\n%s", who, diff)
	}
}

// lost checks that a settlement is refused and changes nothing.
func (b *bench) lost(when string, s store.Settlement) {
	b.Helper()
	before, err := b.Account(b.Context())
	b.must(err)
	if err := b.Settle(b.Context(), []store.Settlement{s}); !errors.Is(err, store.ErrLeaseLost) {
		b.Errorf("settling %s: %v, want ErrLeaseLost", when, err)
	}
	after, err := b.Account(b.Context())
	b.must(err)
	if diff := cmp.Diff(before, after); diff != "" {
		b.Errorf("settling %s changed the account:\n%s", when, diff)
	}
}

func adoptedOnce(b *bench) {
	const n = 40
	pods, _ := b.pods(3)
	rows := b.rows(b.bound("anna"), n)
	own := pods[1].rows(pods[1].bound("bert"), 1)
	b.expire()
	heirs := pods[1:]
	adopted := make([]int64, len(heirs))
	b.until("the adoption", func() bool {
		var wg sync.WaitGroup
		for i, p := range heirs {
			wg.Go(func() {
				got, err := p.RenewLease(p.Context(), time.Minute)
				if err != nil {
					p.Error(err)
				}
				adopted[i] += got.Adopted
			})
		}
		wg.Wait()
		return adopted[0]+adopted[1] >= n || b.Failed()
	})
	for _, p := range heirs {
		p.adopts(0)
	}
	if adopted[0]+adopted[1] != n {
		b.Errorf("adopted %v, want %d together", adopted, n)
	}
	all := map[int64]int{}
	for i, p := range heirs {
		due := p.due("fcm")
		if want := adopted[i] + int64(1-i); int64(len(due)) != want {
			p.Errorf("heir %d: %d are due, want %d", i, len(due), want)
		}
		for _, d := range due {
			all[d.ID]++
		}
	}
	for _, d := range append(rows, own...) {
		if all[d.ID] != 1 {
			b.Errorf("delivery %d has %d owners", d.ID, all[d.ID])
		}
	}
	b.owns("the dead", nil)
	for _, p := range heirs {
		for _, d := range p.due("fcm") {
			p.settle(handed(d))
		}
		p.balanced()
	}
}

func lateWrites(b *bench) {
	pods, _ := b.pods(2)
	rows := b.rows(b.bound("anna"), 2)
	b.expire()
	late := func(when string) {
		b.Helper()
		b.lost(when, handed(rows[0]))
		b.lost(when, store.Settlement{DeliveryID: rows[1].ID, Retry: []store.Retry{{Targets: rows[1].Targets, DueAt: rows[1].DueAt, Attempt: 9}}})
		if _, err := b.RenewLease(b.Context(), time.Minute); !errors.Is(err, store.ErrLeaseLost) {
			b.Errorf("renewing %s: %v, want ErrLeaseLost", when, err)
		}
		b.owns("the old holder "+when, nil)
	}
	late("after the lease ran out")
	pods[1].adopts(2)
	late("after the adoption")
	pods[1].owns("the heir", rows)
	pods[1].settle(handed(rows[0]))
	late("after it was settled")
	pods[1].balanced()
}

func lateAccepts(b *bench) {
	pods, _ := b.pods(2)
	d := b.bound("anna")
	b.expire()
	late := func(seq int64) {
		b.Helper()
		got := b.accept(request(d))
		if len(got.Deliveries) != 0 || got.Seqs["anna"] != seq {
			b.Errorf("accepted without a lease: %+v, want place %d and no deliveries", got, seq)
		}
	}
	late(1)
	pods[1].adopts(1)
	late(2)
	pods[1].adopts(1)
	if rows := pods[1].due("fcm"); len(rows) != 2 {
		b.Errorf("the other process has %v, want both", rows)
	}
	late(3)
	if l := b.leaseAs(0); l.Adopted != 1 {
		b.Errorf("its next lease adopted %d, want what it accepted without", l.Adopted)
	}
	pods[1].adopts(0)
	b.balanced()
}

func releasedToOther(b *bench) {
	pods, _ := b.pods(2)
	rows := b.rows(b.bound("anna"), 3)
	b.must(b.ReleaseLease(b.Context()))
	b.owns("the former holder", nil)
	b.lost("after the release", handed(rows[0]))
	pods[1].adopts(3)
	pods[1].owns("the heir", rows)
	pods[1].settle(handed(rows[0]), handed(rows[1]), handed(rows[2]))
	pods[1].balanced()
}

func heirsOfHeirs(b *bench) {
	pods, _ := b.pods(4)
	var rows []message.Delivery
	for i, p := range pods {
		rows = append(rows, p.rows(p.bound(fmt.Sprintf("user-%d", i)), i+1)...)
		if i == len(pods)-1 {
			break
		}
		p.expire()
		pods[i+1].adopts(int64(len(rows)))
		pods[i+1].owns("the heir", rows)
		p.lost("what has an heir", handed(rows[0]))
	}
	last := pods[len(pods)-1]
	last.owns("the last", rows)
	kept := rows[0]
	kept.Attempt++
	last.settle(store.Settlement{DeliveryID: kept.ID, Retry: []store.Retry{{Targets: kept.Targets, DueAt: kept.DueAt, Attempt: kept.Attempt}}})
	for _, d := range rows[1:] {
		last.settle(handed(d))
	}
	last.must(last.ReleaseLease(last.Context()))
	if l := b.leaseAs(0); l.Adopted != 1 {
		b.Errorf("the first one's next lease adopted %d, want 1", l.Adopted)
	}
	b.owns("the first", []message.Delivery{kept})
	b.settle(handed(kept))
	b.balanced()
}

func comingBack(b *bench) {
	pods, leases := b.pods(2)
	rows := b.rows(b.bound("anna"), 2)
	b.expire()
	second := b.leaseAs(0)
	if second.Adopted != 2 || second.Incarnation <= leases[1].Incarnation {
		b.Errorf("%+v after %+v, want its own 2 adopted by a later incarnation", second, leases)
	}
	pods[1].adopts(0)
	b.owns("who came back", rows)
	b.expire()
	pods[1].adopts(2)
	b.leaseAs(0)
	b.owns("who came back too late", nil)
	pods[1].expire()
	b.adopts(2)
	b.owns("the heir of its heir", rows)
	third := b.leaseAs(0) // over a lease that lives
	if third.Adopted != 2 {
		b.Errorf("a lease over one's own adopted %d, want 2", third.Adopted)
	}
	b.settle(handed(rows[0]), handed(rows[1]))
	b.balanced()
}

func livingLease(b *bench) {
	pods, _ := b.pods(2)
	rows := b.rows(b.bound("anna"), 2)
	for range 3 {
		pods[1].adopts(0)
	}
	if l := pods[1].leaseAs(1); l.Adopted != 0 {
		b.Errorf("adopted %d of a process that lives", l.Adopted)
	}
	pods[1].lost("another's delivery", handed(rows[0]))
	pods[1].owns("the other", nil)
	b.owns("the holder", rows)
	third := b.another()
	third.owns("who has no lease", nil)
	third.lost("without a lease", handed(rows[0]))
	b.settle(handed(rows[0]))
	if err := b.Settle(b.Context(), []store.Settlement{handed(rows[1])}); err != nil {
		b.Errorf("the holder: %v", err)
	}
	b.balanced()
}

func peers(b *bench) {
	pods, leases := b.pods(3)
	check := func(p *bench, want ...int) {
		p.Helper()
		got, err := p.Peers(p.Context())
		p.must(err)
		wanted := []store.Peer{}
		for _, i := range want {
			wanted = append(wanted, store.Peer{Incarnation: leases[i].Incarnation, Holder: holder(i)})
		}
		slices.SortFunc(got, func(x, y store.Peer) int { return int(x.Incarnation - y.Incarnation) })
		if diff := cmp.Diff(wanted, append([]store.Peer{}, got...)); diff != "" {
			p.Errorf("peers (-want +got):\n%s", diff)
		}
	}
	check(pods[0], 1, 2)
	check(pods[1], 0, 2)
	check(b.another(), 0, 1, 2)
	pods[1].expire()
	check(pods[0], 2)
	check(pods[1], 0, 2)
	pods[0].adopts(0)
	check(pods[2], 0)
	b.must(pods[2].ReleaseLease(b.Context()))
	check(pods[0])
	leases[1] = pods[1].leaseAs(1)
	check(pods[0], 1)
}

func living(b *bench) {
	pods, leases := b.pods(3)
	for i, l := range leases {
		if l.Living != int64(i+1) {
			b.Errorf("the lease of %s tells of %d, want %d", holder(i).Pod, l.Living, i+1)
		}
	}
	check := func(p *bench, want int64) {
		p.Helper()
		l, err := p.RenewLease(p.Context(), time.Minute)
		p.must(err)
		if l.Living != want {
			p.Errorf("%d live, want %d", l.Living, want)
		}
	}
	check(pods[0], 3)
	pods[1].expire()
	check(pods[0], 2)
	b.must(pods[2].DrainSessions(b.Context())) // It sends until it has released its lease.
	check(pods[0], 2)
	b.must(pods[2].ReleaseLease(b.Context()))
	check(pods[0], 1)
	pods[1].leaseAs(1)
	check(pods[0], 2)
}
