package storetest

import (
	"slices"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
)

func retriedApart(b *bench) {
	b.lease()
	r := request(b.many(store.MaxRetries + 3)...)
	r.Deliveries[0].Rule, r.Deliveries[0].Priority = message.RuleForced, message.PriorityBulk
	row := b.accept(r).Deliveries[0]
	s := store.Settlement{DeliveryID: row.ID, Done: []store.TargetResult{{Target: row.Targets[0], State: message.Handed}}}
	var want []message.Delivery
	for i := range store.MaxRetries {
		part := row
		part.Targets, part.Attempt, part.InDoubt = row.Targets[i+1:i+2], i%2, i%2 > 0
		if i == store.MaxRetries-1 {
			part.Targets = row.Targets[i+1:]
		}
		part.DueAt = row.DueAt.Add(time.Duration(i) * time.Second)
		want = append(want, part)
		s.Retry = append(s.Retry, store.Retry{Targets: part.Targets, DueAt: part.DueAt, Attempt: part.Attempt})
	}
	next := b.accept(request(b.bound("zoe"))).Deliveries[0]
	b.settle(s, done(next, message.Handed, message.Outcome{}, 0))
	got := b.due("fcm")
	slices.SortFunc(got, func(x, y message.Delivery) int { return x.DueAt.Compare(y.DueAt) })
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(message.Delivery{}, "ID")); diff != "" {
		b.Fatalf("(-want +got):\n%s", diff)
	}
	if got[0].ID != row.ID || slices.ContainsFunc(got[1:], func(d message.Delivery) bool { return d.ID <= next.ID }) {
		b.Errorf("the first is row %d, want %d; the others are %v, want new ones", got[0].ID, row.ID, got[1:])
	}
	b.balanced()
	lines, err := b.Trace(b.Context(), r.Message.ID)
	b.must(err)
	if rule := lines[len(lines)-1].Rule; len(lines) != len(row.Targets) || rule != message.RuleForced {
		b.Errorf("%d lines, the last one by rule %q", len(lines), rule)
	}
	for _, d := range got {
		b.settle(done(d, message.Handed, message.Outcome{}, 0))
	}
	b.balanced()
}

func splitInDoubt(b *bench) {
	b.lease()
	row := b.accept(request(b.many(4)...)).Deliveries[0]
	b.reopen()
	b.lease()
	part := func(attempt int, targets ...message.Target) store.Retry {
		return store.Retry{Targets: targets, DueAt: row.DueAt, Attempt: attempt}
	}
	doubts := func(want ...bool) (rows []message.Delivery) {
		b.Helper()
		var got []bool
		rows = b.due("fcm")
		for _, d := range rows {
			got = append(got, d.InDoubt)
		}
		if !slices.Equal(got, want) {
			b.Errorf("in doubt: %v, want %v", got, want)
		}
		return rows
	}
	b.settle(store.Settlement{DeliveryID: row.ID, Retry: []store.Retry{part(0, row.Targets[0]), part(0, row.Targets[1:]...)}})
	rows := doubts(true, true)
	b.settle(store.Settlement{DeliveryID: rows[1].ID, Retry: []store.Retry{part(0, row.Targets[1]), part(1, row.Targets[2:]...)}})
	doubts(true, true, true)
	b.reopen()
	b.lease()
	doubts(true, true, true)
	b.balanced()
}
