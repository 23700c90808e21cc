package storetest

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
)

func callCases() []testCase {
	return []testCase{
		{"a call changes with the message that tells of it", callStep},
		{"a step of an older call is refused and leaves nothing behind", callStale},
		{"steps of one call in one batch are made in their order", callBatch},
		{"a refused or repeated request does not change its call", callUnchanged},
		{"of steps at the same time one is made", callRace},
		{"calls are due in the order of their deadlines", callsDue},
		{"a call survives reopening", callReopened},
		{"calls are pruned when they are over", callsPruned},
	}
}

// ringing is a call that has just begun and rings for so long.
func (b *bench) ringing(ring time.Duration) message.Call {
	now := b.Now().UTC().Truncate(time.Millisecond)
	return message.Call{
		ID: fmt.Sprintf("call-%d", b.next()), Version: 1, State: message.CallRinging, Body: "body", CreatedAt: now,
		Members: []message.CallMember{
			{UserID: "anna", State: message.MemberAccepted, Since: now},
			{UserID: "bert", State: message.MemberInvited, Since: now, RingsUntil: now.Add(ring), Invitation: "m"},
		},
		Invitations: []message.CallInvitation{{MessageID: "m", Push: &message.PushConfig{Title: "title"}}},
	}
}

// over is the call's next version, in which it ends.
func over(c message.Call) message.Call {
	c = c.Clone()
	c.Version++
	c.State, c.Reason, c.EndedAt = message.CallEnded, message.CallRejected, c.CreatedAt.Add(time.Second)
	c.Members[0].State, c.Members[1].State = message.MemberEnded, message.MemberRejected
	return c
}

// telling is a message with a step of a call.
func telling(c message.Call) store.AcceptRequest {
	r := toUsers("anna", "bert")
	r.Message.Kind = message.KindCall
	r.Message.Detail.Call = &message.CallEvent{CallID: c.ID, Action: message.CallInvite, Caller: "anna"}
	r.Also.Call = &c
	return r
}

func (b *bench) sameCall(want message.Call) {
	b.Helper()
	got, err := b.Call(b.Context(), want.ID)
	b.must(err)
	if diff := cmp.Diff(want, got); diff != "" {
		b.Errorf("call (-want +got):\n%s", diff)
	}
}

func (b *bench) refused(r store.AcceptRequest, want error) {
	b.Helper()
	before := len(b.inbox("bert", 0))
	if got := b.Accept(b.Context(), []store.AcceptRequest{r})[0]; !errors.Is(got.Err, want) || got.MessageID != "" {
		b.Errorf("got %+v, want %v", got, want)
	}
	if after := len(b.inbox("bert", 0)); after != before {
		b.Errorf("a refused step left %d messages", after-before)
	}
}

func callStep(b *bench) {
	if _, err := b.Call(b.Context(), "nobody's"); !errors.Is(err, store.ErrNotFound) {
		b.Errorf("a call that never was: %v", err)
	}
	c := b.ringing(time.Minute)
	b.accept(telling(c))
	b.sameCall(c)
	b.accept(telling(over(c)))
	b.sameCall(over(c))
	if n := len(b.inbox("bert", 0)); n != 2 {
		b.Errorf("bert was told %d times", n)
	}
}

func callStale(b *bench) {
	c := b.ringing(time.Minute)
	b.refused(telling(over(c)), store.ErrStale) // it has not begun
	b.accept(telling(c))
	b.refused(telling(c), store.ErrStale)
	b.accept(telling(over(c)))
	r := telling(over(c))
	b.refused(r, store.ErrStale)
	b.sameCall(over(c))
	r.Also.Call = nil
	b.accept(r) // its id is free
}

func callBatch(b *bench) {
	c := b.ringing(time.Minute)
	other := b.ringing(time.Minute)
	reqs := []store.AcceptRequest{telling(c), telling(other), telling(over(c)), telling(over(c)), toUsers("bert")}
	for i, got := range b.Accept(b.Context(), reqs) {
		if refused := errors.Is(got.Err, store.ErrStale); refused != (i == 3) || !refused && got.Err != nil {
			b.Errorf("request %d: %+v", i, got)
		}
	}
	b.sameCall(over(c))
	b.sameCall(other)
	b.contiguous("bert", 4)
}

func callUnchanged(b *bench) {
	b.lease()
	c := b.ringing(time.Minute)
	first := telling(c)
	b.accept(first)
	again := telling(over(c))
	again.ClientID, again.Hash = first.ClientID, first.Hash
	if got := b.accept(again); !got.Duplicate {
		b.Errorf("a repetition: %+v", got)
	}
	full := request(b.bound("bert"))
	full.Also.Call, full.MaxBacklog = new(over(c)), 1
	b.accept(request(b.bound("carl")))
	b.refused(full, store.ErrBacklogFull)
	b.sameCall(c)
	b.balanced()
}

func callRace(b *bench) {
	const racers = 8
	c := b.ringing(time.Minute)
	for _, step := range []message.Call{c, over(c)} {
		errs := make([]error, racers)
		var wg sync.WaitGroup
		for i := range errs {
			wg.Go(func() { errs[i] = b.Accept(b.Context(), []store.AcceptRequest{telling(step)})[0].Err })
		}
		wg.Wait()
		made := 0
		for _, err := range errs {
			if err == nil {
				made++
			} else if !errors.Is(err, store.ErrStale) {
				b.Errorf("a step that came second: %v", err)
			}
		}
		if made != 1 {
			b.Errorf("version %d was made %d times", step.Version, made)
		}
	}
	b.contiguous("bert", 2)
}

func callsDue(b *bench) {
	var want []store.DueCall
	for _, ring := range []time.Duration{time.Second, time.Minute, time.Hour} {
		c := b.ringing(ring)
		b.accept(telling(c))
		want = append(want, store.DueCall{ID: c.ID, At: c.Members[1].RingsUntil})
	}
	ended := b.ringing(time.Second)
	b.accept(telling(ended))
	b.accept(telling(over(ended)))
	due := func(until time.Time, limit int) []store.DueCall {
		got, err := b.DueCalls(b.Context(), until, limit)
		b.must(err)
		return got
	}
	if diff := cmp.Diff(want, due(b.Now().Add(day), 9)); diff != "" {
		b.Errorf("all (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want[:2], due(want[1].At, 9)); diff != "" {
		b.Errorf("until the second (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want[:1], due(b.Now().Add(day), 1)); diff != "" {
		b.Errorf("the first (-want +got):\n%s", diff)
	}
	// What has to be told yet is due at once.
	c := b.ringing(time.Hour)
	c.Outbox = []message.CallNotice{{From: "anna", To: []string{"bert"}}}
	b.accept(telling(c))
	if got := due(b.Now(), 9); len(got) != 1 || got[0].ID != c.ID {
		b.Errorf("with an outbox: %v", got)
	}
}

func callReopened(b *bench) {
	c := b.ringing(time.Minute)
	c.Outbox = []message.CallNotice{{
		From: "anna", To: []string{"bert"}, Event: message.CallEvent{CallID: c.ID, Action: message.CallCancel, Caller: "anna"},
		Push: &message.PushConfig{Payload: "p"}, PushTo: []string{"bert"}, PushUntil: c.CreatedAt.Add(time.Minute), Replaces: "m",
	}}
	b.accept(telling(c))
	b.reopen()
	b.sameCall(c)
	b.refused(telling(c), store.ErrStale)
}

func callsPruned(b *bench) {
	rings := b.ringing(time.Hour)
	b.accept(telling(rings))
	var ended []message.Call
	for range 3 {
		c := b.ringing(time.Minute)
		b.accept(telling(c))
		b.accept(telling(over(c)))
		ended = append(ended, c)
	}
	b.prune(store.Cutoffs{Messages: b.Now().Add(-time.Hour)})
	b.sameCall(over(ended[0]))
	b.prune(store.Cutoffs{Messages: b.Now().Add(time.Second)})
	b.sameCall(rings)
	for _, c := range ended {
		if _, err := b.Call(b.Context(), c.ID); !errors.Is(err, store.ErrNotFound) {
			b.Errorf("a call that is over: %v", err)
		}
	}
}
