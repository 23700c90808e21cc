package storetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/store"
)

func expansionRaceCases() []testCase {
	return []testCase{
		{"of rivals for one step one wins", rivalSteps},
		{"messages to a group at the same time have one order", concurrentToGroup},
		{"members of each message's moment receive it, whatever changes meanwhile", randomMemberships},
	}
}

func sharedExpansionCases() []testCase {
	return []testCase{
		{"an expansion of the dead is taken over in the middle", expansionTakenOver},
		{"messages of a group wait for another process", groupOrderShared},
		{"broadcasts of several processes are limited together", broadcastLimitShared},
		{"members of each message's moment receive it, whoever expands it", randomMembershipsShared},
	}
}

func rivalSteps(b *bench) {
	b.lease()
	var users []string
	for i := range 12 {
		users = append(users, fmt.Sprintf("user-%02d", i))
	}
	b.put("g", users...)
	id := b.sent("g", users[0])
	for e := b.expansion(id); ; {
		r := b.stepOf(e, 5)
		var won atomic.Int64
		var rivals sync.WaitGroup
		for range 5 {
			rivals.Go(func() {
				switch err := b.Expand(b.Context(), r).Err; {
				case err == nil:
					won.Add(1)
				case !errors.Is(err, store.ErrMoved):
					b.Error(err)
				}
			})
		}
		rivals.Wait()
		if won.Load() != 1 {
			b.Fatalf("%d rivals won the step from %d", won.Load(), e.After)
		}
		if e.After = r.Step.To; r.Step.Last {
			break
		}
	}
	b.received(id, users, users...)
}

func concurrentToGroup(b *bench) {
	const senders, each = 4, 10
	b.lease()
	b.put("g", "anna", "bert")
	var all sync.WaitGroup
	for range senders {
		all.Go(func() {
			for range each {
				if err := b.send("g", "anna").Err; err != nil {
					b.Error(err)
				}
			}
		})
	}
	all.Wait()
	seqs := map[int64]bool{}
	for _, e := range b.running() {
		seqs[e.Seq] = true
	}
	if len(seqs) != senders*each {
		b.Fatalf("%d messages have %d places among the events", senders*each, len(seqs))
	}
	b.expandAll(4)
	var orders [2][]string
	for i, u := range []string{"anna", "bert"} {
		for _, e := range b.inbox(u, 0) {
			orders[i] = append(orders[i], e.Message.ID)
		}
	}
	if diff := cmp.Diff(orders[0], orders[1]); diff != "" || len(orders[0]) != senders*each {
		b.Errorf("anna and bert have them in different orders:\n%s", diff)
	}
}

// expandAll takes steps of what may go on until this process has nothing left.
func (b *bench) expandAll(size int) {
	b.Helper()
	b.until("the end of all expansions", func() bool {
		all := b.running()
		for _, e := range all {
			if !e.Blocked {
				b.stepOnce(e, size)
			}
		}
		return len(all) == 0 || b.Failed()
	})
}

// stepOnce takes a step unless somebody else did.
func (b *bench) stepOnce(e store.Expansion, size int) {
	b.Helper()
	if err := b.Expand(b.Context(), b.stepOf(e, size)).Err; err != nil && !errors.Is(err, store.ErrMoved) {
		b.Error(err)
	}
}

// crowd is a group whose members come and go, with who must receive what.
type crowd struct {
	users  []string
	inside map[string]bool
	want   map[string][]string // messages by user, in order
}

func newCrowd(b *bench, n int) *crowd {
	c := &crowd{inside: map[string]bool{"sender": true}, want: map[string][]string{}}
	b.put("g", "sender")
	for i := range n {
		c.users = append(c.users, fmt.Sprintf("user-%02d", i))
	}
	return c
}

// act changes the members or sends, as chance has it.
func (c *crowd) act(b *bench, r *rand.Rand) {
	b.Helper()
	var some []string
	for range 1 + r.IntN(4) {
		some = append(some, c.users[r.IntN(len(c.users))])
	}
	switch r.IntN(3) {
	case 0:
		b.join("g", some...)
		for _, u := range some {
			c.inside[u] = true
		}
	case 1:
		b.leave("g", some...)
		for _, u := range some {
			delete(c.inside, u)
		}
	default:
		id := b.sent("g", "sender")
		for u := range c.inside {
			c.want[u] = append(c.want[u], id)
		}
	}
}

// check compares all inboxes with what must be in them.
func (c *crowd) check(b *bench, seed uint64) {
	b.Helper()
	for _, u := range append(c.users, "sender") {
		var got []string
		for _, e := range b.inbox(u, 0) {
			got = append(got, e.Message.ID)
		}
		if diff := cmp.Diff(c.want[u], got); diff != "" {
			b.Errorf("seed %d: inbox of %s (-want +got):\n%s", seed, u, diff)
		}
		b.contiguous(u, len(got))
	}
	b.balanced()
}

func randomMemberships(b *bench) {
	b.lease()
	randomCrowd(b, []*bench{b})
}

func randomMembershipsShared(b *bench) {
	pods, _ := b.pods(3)
	randomCrowd(b, pods)
}

// randomCrowd acts and expands by chance, through handles that change and whose leases run out.
func randomCrowd(b *bench, pods []*bench) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	c := newCrowd(b, 12)
	for range 120 {
		p := pods[r.IntN(len(pods))]
		switch r.IntN(12) {
		case 0, 1, 2, 3, 4, 5:
			c.act(p, r)
		case 6:
			if len(pods) > 1 {
				p.expire()
				p.leaseAs(slices.Index(pods, p))
			}
		default:
			for _, e := range p.running() {
				if !e.Blocked {
					p.stepOnce(e, 1+r.IntN(4))
				}
			}
		}
	}
	for _, p := range pods[1:] {
		p.expire()
	}
	b.until("the end of all expansions", func() bool {
		_, err := b.RenewLease(b.Context(), time.Minute)
		b.must(err)
		b.expandAll(5)
		a, err := b.Account(b.Context())
		b.must(err)
		return a.Unexpanded == 0
	})
	c.check(b, seed)
}

func expansionTakenOver(b *bench) {
	pods, _ := b.pods(2)
	var users []string
	for i := range 60 {
		users = append(users, fmt.Sprintf("user-%02d", i))
	}
	b.put("g", users...)
	id := b.sent("g", users[0])
	var steps atomic.Int64
	var working sync.WaitGroup
	working.Go(func() { b.stepsUntilRefused(b.expansion(id), &steps) })
	b.until("the first steps", func() bool { return steps.Load() > 3 })
	b.expire()
	heir := pods[1]
	b.until("the takeover", func() bool {
		_, err := heir.RenewLease(b.Context(), time.Minute)
		b.must(err)
		heir.expandAll(3)
		a, err := b.Account(b.Context())
		b.must(err)
		return a.Unexpanded == 0
	})
	working.Wait()
	b.received(id, users, users...)
	for _, u := range users {
		b.contiguous(u, 1)
	}
}

// stepsUntilRefused goes on as long as it can, with what it knows.
func (b *bench) stepsUntilRefused(e store.Expansion, steps *atomic.Int64) {
	for {
		r := b.stepOf(e, 2)
		if err := b.Expand(b.Context(), r).Err; err != nil {
			if !errors.Is(err, store.ErrMoved) {
				b.Error(err)
			}
			return
		}
		steps.Add(1)
		e.After = r.Step.To
	}
}

func groupOrderShared(b *bench) {
	pods, _ := b.pods(2)
	b.put("g", "anna", "bert")
	first := b.sent("g", "anna")
	second := pods[1].sent("g", "anna")
	if e := pods[1].expansion(second); !e.Blocked {
		b.Error("the second message does not wait for the first one of another process")
	}
	if all := pods[1].running(); len(all) != 1 {
		b.Errorf("the other process has %+v, want its own alone", all)
	}
	b.expand(first, 10)
	if e := pods[1].expansion(second); e.Blocked {
		b.Error("the second message waits on")
	}
	pods[1].expand(second, 10)
	b.received(second, []string{"anna", "bert"}, "anna", "bert")
}

func broadcastLimitShared(b *bench) {
	pods, _ := b.pods(3)
	l := store.BroadcastLimit{Pause: time.Hour}
	var passed atomic.Int64
	var all sync.WaitGroup
	for _, p := range pods {
		for range 3 {
			all.Go(func() {
				err := p.Accept(p.Context(), []store.AcceptRequest{toMany("operator", store.NewExpansion{Limit: l})})[0].Err
				_, limited := errors.AsType[*store.LimitedError](err)
				switch {
				case err == nil:
					passed.Add(1)
				case !limited:
					b.Error(err)
				}
			})
		}
	}
	all.Wait()
	if passed.Load() != 1 {
		b.Errorf("%d broadcasts within an hour passed, want one", passed.Load())
	}
}
