package storetest

import (
	"errors"
	"slices"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/report"
	"github.com/offlinepush/operator/dispatcher/store"
)

func leaseCases() []testCase {
	return []testCase{
		{"without a lease nothing is owned", noLease},
		{"a released lease is lost", releasedLease},
		{"a new incarnation adopts what is left", adoption},
	}
}

func noLease(b *bench) {
	if _, err := b.RenewLease(b.Context(), time.Minute); !errors.Is(err, store.ErrLeaseLost) {
		b.Errorf("renewing without a lease: %v", err)
	}
	d := b.bound("anna")
	got := b.accept(request(d))
	for id := range int64(5) { // one of them is the row's
		s := done(message.Delivery{ID: id, Targets: []message.Target{{Device: d.Key, Epoch: d.Epoch, Seq: 1}}}, message.Handed, message.Outcome{}, 0)
		if err := b.Settle(b.Context(), []store.Settlement{s}); !errors.Is(err, store.ErrLeaseLost) {
			b.Errorf("settling without a lease: %v", err)
		}
	}
	if len(got.Deliveries) != 0 || len(b.due("fcm")) != 0 {
		b.Errorf("answered %v, due %v: they are nobody's", got.Deliveries, b.due("fcm"))
	}
	if l := b.lease(); l.Adopted != 1 || len(b.due("fcm")) != 1 {
		b.Errorf("the first lease %+v sees %v", l, b.due("fcm"))
	}
	_, err := b.RenewLease(b.Context(), time.Minute)
	b.must(err)
	b.balanced()
}

func releasedLease(b *bench) {
	b.lease()
	row := b.accept(request(b.bound("anna"))).Deliveries[0]
	b.must(b.ReleaseLease(b.Context()))
	s := done(row, message.Handed, message.Outcome{Class: message.Accepted}, 1)
	if err := b.Settle(b.Context(), []store.Settlement{s}); !errors.Is(err, store.ErrLeaseLost) {
		b.Errorf("settling after the release: %v", err)
	}
	if _, err := b.RenewLease(b.Context(), time.Minute); !errors.Is(err, store.ErrLeaseLost) {
		b.Errorf("renewing after the release: %v", err)
	}
	if rows := b.due("fcm"); len(rows) != 0 {
		b.Errorf("due after the release: %v", rows)
	}
	b.lease()
	b.settle(s)
	b.balanced()
}

func adoption(b *bench) {
	first := b.lease()
	d := b.bound("anna")
	for range 3 {
		b.accept(request(d))
	}
	rows := b.due("fcm")
	for i, row := range rows {
		rows[i] = doubted(row)
	}
	b.reopen() // as after a crash: nothing was released
	if len(b.due("fcm")) != 0 {
		b.Error("the former process's lease is still in force")
	}
	second := b.lease()
	if second.Adopted != 3 || second.Incarnation <= first.Incarnation {
		b.Errorf("%+v after %+v, want 3 adopted by a later incarnation", second, first)
	}
	if diff := cmp.Diff(rows, b.due("fcm")); diff != "" {
		b.Errorf("adopted rows (-before +after):\n%s", diff)
	}
}

func settleCases() []testCase {
	return []testCase{
		{"a settled delivery is gone and accounted for", settled},
		{"a retry keeps the rest as one row", retried},
		{"retries at several times are rows of their own", retriedApart},
		{"what was left behind is in doubt until a call", splitInDoubt},
		{"a settlement is for every target once", settlementIsWhole},
		{"settling is all or nothing", settleAtomic},
		{"due deliveries come in order and pages", dueOrder},
		{"due deliveries come in order among many", dueOrderAmongMany},
		{"the next due time is found", nextDue},
		{"a mixed settlement fills the whole account", wholeAccount},
	}
}

func settled(b *bench) {
	b.lease()
	row := b.accept(request(b.many(3)...)).Deliveries[0]
	s := done(row, message.Handed, message.Outcome{Class: message.Accepted}, 1)
	b.settle(s)
	if rows := b.due("fcm"); len(rows) != 0 {
		b.Errorf("still due: %v", rows)
	}
	if err := b.Settle(b.Context(), []store.Settlement{s}); !errors.Is(err, store.ErrLeaseLost) {
		b.Errorf("settling twice: %v, want ErrLeaseLost", err)
	}
	b.must(b.Settle(b.Context(), nil))
	a, err := b.Account(b.Context())
	b.must(err)
	if diff := cmp.Diff(report.Account{Admitted: 3, Handed: 3}, a); diff != "" {
		b.Errorf("account (-want +got):\n%s", diff)
	}
	if backlog, err := b.Backlog(b.Context()); err != nil || len(backlog) != 0 {
		b.Errorf("backlog %v, %v: a row without pending targets is absent", backlog, err)
	}
}

func retried(b *bench) {
	b.lease()
	row := b.accept(request(b.many(4)...)).Deliveries[0]
	later := row.DueAt.Add(time.Second)
	b.settle(store.Settlement{
		DeliveryID: row.ID,
		Done:       []store.TargetResult{{Target: row.Targets[1], State: message.Handed}},
		Retry: []store.Retry{{
			Targets: []message.Target{row.Targets[3], row.Targets[0], row.Targets[2]}, DueAt: later, Attempt: 2,
			Last: message.Outcome{Class: message.Transient, Code: "503", Detail: "busy"},
		}},
	})
	want := row
	want.Targets = []message.Target{row.Targets[3], row.Targets[0], row.Targets[2]}
	want.DueAt, want.Attempt, want.InDoubt = later, 2, true
	if diff := cmp.Diff([]message.Delivery{want}, b.due("fcm")); diff != "" {
		b.Errorf("the rest (-want +got):\n%s", diff)
	}
	b.balanced()
	b.settle(done(want, message.Expired, message.Outcome{}, 0))
	b.balanced()
}

func settlementIsWhole(b *bench) {
	b.lease()
	row := b.accept(request(b.many(2)...)).Deliveries[0]
	result := func(i int) store.TargetResult {
		return store.TargetResult{Target: row.Targets[i], State: message.Failed}
	}
	foreign := result(0)
	foreign.Target.Device = 99
	pending := result(0)
	pending.State = message.Pending
	for name, s := range map[string]store.Settlement{
		"nothing":        {},
		"half":           {Done: []store.TargetResult{result(0)}},
		"twice":          {Done: []store.TargetResult{result(0), result(0), result(1)}},
		"done and kept":  {Done: []store.TargetResult{result(0), result(1)}, Retry: []store.Retry{{Targets: row.Targets[:1]}}},
		"foreign":        {Done: []store.TargetResult{foreign, result(1)}},
		"not an end":     {Done: []store.TargetResult{pending, result(1)}},
		"kept twice":     {Done: []store.TargetResult{result(0)}, Retry: []store.Retry{{Targets: row.Targets[1:]}, {Targets: row.Targets[1:]}}},
		"kept nothing":   {Done: []store.TargetResult{result(0), result(1)}, Retry: []store.Retry{{}}},
		"kept a foreign": {Done: []store.TargetResult{result(0)}, Retry: []store.Retry{{Targets: []message.Target{{Device: 99}}}}},
	} {
		s.DeliveryID = row.ID
		if err := b.Settle(b.Context(), []store.Settlement{s}); err == nil || errors.Is(err, store.ErrLeaseLost) {
			b.Errorf("%s: %v, want a refusal that names the delivery", name, err)
		}
	}
	if diff := cmp.Diff([]message.Delivery{row}, b.due("fcm")); diff != "" {
		b.Errorf("refused settlements changed the row:\n%s", diff)
	}
	b.balanced()
}

func settleAtomic(b *bench) {
	b.lease()
	d := b.bound("anna")
	rows := append(b.accept(request(d)).Deliveries, b.accept(request(d)).Deliveries...)
	gone := done(rows[1], message.Handed, message.Outcome{}, 0)
	b.settle(gone)
	err := b.Settle(b.Context(), []store.Settlement{done(rows[0], message.Handed, message.Outcome{}, 0), gone})
	if !errors.Is(err, store.ErrLeaseLost) {
		b.Errorf("one of two is not ours: %v", err)
	}
	if diff := cmp.Diff(rows[:1], b.due("fcm")); diff != "" {
		b.Errorf("the other one was settled:\n%s", diff)
	}
	b.balanced()
}

func dueOrder(b *bench) {
	b.lease()
	b.dueInOrder(message.Priorities()...)
}

// dueOrderAmongMany has so many of a third class that a store does not sort what is due.
func dueOrderAmongMany(b *bench) {
	const many, batch = 5000, 500
	b.lease()
	d := b.bound("bert")
	for range many / batch {
		requests := make([]store.AcceptRequest, batch)
		for i := range requests {
			requests[i] = request(d)
			requests[i].Deliveries[0].Priority = message.PriorityBulk
		}
		for _, r := range b.Accept(b.Context(), requests) {
			b.must(r.Err)
		}
	}
	b.dueInOrder(message.PriorityCall, message.PriorityMessage)
}

// dueInOrder has rows of all classes, of which some expire at the same time, some are not due, and one is of another
// channel. It checks the order of those classes.
func (b *bench) dueInOrder(classes ...message.Priority) {
	b.Helper()
	d := b.bound("anna")
	now := time.Now().UTC().Truncate(time.Millisecond)
	want := map[message.Priority][]message.Delivery{}
	for i, expires := range []int{3, 1, 1, 2, 600, 1, 2, 5, 4} {
		for _, p := range message.Priorities() {
			r := request(d)
			r.Message.PushExpiresAt = now.Add(time.Duration(expires) * time.Hour)
			r.Deliveries[0].DueAt, r.Deliveries[0].Priority = now.Add(time.Duration(-i)*time.Millisecond), p
			if i == 4 {
				r.Deliveries[0].DueAt = now.Add(time.Minute)
			}
			row := b.accept(r).Deliveries[0]
			if i != 4 {
				want[p] = append(want[p], row)
			}
		}
	}
	other := request(d)
	other.Deliveries[0].Channel = "xiaomi"
	b.accept(other)
	for _, rows := range want {
		slices.SortStableFunc(rows, func(x, y message.Delivery) int { return x.ExpiresAt.Compare(y.ExpiresAt) })
	}
	slices.Reverse(want[message.PriorityCall])
	for _, p := range classes {
		var got []message.Delivery
		for q := (store.DueQuery{Channel: "fcm", Priority: p, Until: now.Add(time.Millisecond), Limit: 2}); ; {
			page, err := b.Due(b.Context(), q)
			b.must(err)
			if len(page) == 0 {
				break
			}
			got = append(got, page...)
			q.After = page[len(page)-1]
		}
		if diff := cmp.Diff(want[p], got); diff != "" {
			b.Errorf("class %d (-want +got):\n%s", p, diff)
		}
	}
}

func nextDue(b *bench) {
	b.lease()
	d := b.bound("anna")
	now := time.Now().UTC().Truncate(time.Millisecond)
	check := func(after, want time.Time) {
		b.Helper()
		got, err := b.NextDueAfter(b.Context(), "fcm", after)
		b.must(err)
		if !got.Equal(want) {
			b.Errorf("after %v: %v, want %v", after, got, want)
		}
	}
	check(now, time.Time{})
	for _, wait := range []time.Duration{2 * time.Second, time.Second} {
		r := request(d)
		r.Deliveries[0].DueAt = now.Add(wait)
		b.accept(r)
	}
	check(now, now.Add(time.Second))
	check(now.Add(time.Second), now.Add(2*time.Second))
	check(now.Add(2*time.Second), time.Time{})
}

func wholeAccount(b *bench) {
	b.lease()
	states := []message.State{message.Handed, message.Failed, message.Expired, message.Cancelled, message.Quarantined}
	row := b.accept(request(b.many(len(states) + 1)...)).Deliveries[0]
	s := store.Settlement{DeliveryID: row.ID, Retry: []store.Retry{{Targets: row.Targets[len(states):], DueAt: row.DueAt}}}
	for i, state := range states {
		s.Done = append(s.Done, store.TargetResult{Target: row.Targets[i], State: state, Reason: "r"})
	}
	b.settle(s)
	quiet := toUsers("anna")
	quiet.Suppressed = []store.Suppression{{UserID: "anna", Reason: message.ReasonNeverLoggedIn}}
	b.accept(quiet)
	a, err := b.Account(b.Context())
	b.must(err)
	want := report.Account{Admitted: 7, Handed: 1, Suppressed: 1, Failed: 1, Expired: 1, Cancelled: 1, Quarantined: 1, Pending: 1}
	if diff := cmp.Diff(want, a); diff != "" {
		b.Errorf("account (-want +got):\n%s", diff)
	}
}

func traceCases() []testCase {
	return []testCase{{"a trace tells every device's story", traced}}
}

func traced(b *bench) {
	b.lease()
	b.accept(toUsers("zoe")) // so that a user and a phone do not have the same number
	anna, bert, carl := b.bound("anna"), b.bound("bert"), b.bound("carl")
	r := request(anna, bert, carl)
	r.Recipients = append(r.Recipients, "dora")
	r.Suppressed = []store.Suppression{{UserID: "dora", Reason: message.ReasonNeverLoggedIn}}
	row := b.accept(r).Deliveries[0]
	b.settle(store.Settlement{
		DeliveryID: row.ID,
		Done: []store.TargetResult{
			{Target: row.Targets[0], State: message.Handed, Outcome: message.Outcome{Class: message.Accepted, VendorMessageID: "v1"}},
			{Target: row.Targets[1], State: message.Failed, Reason: "Rejected", Outcome: message.Outcome{Class: message.Rejected, Code: "21", Detail: "no"}},
		},
		Retry: []store.Retry{{Targets: row.Targets[2:], DueAt: row.DueAt, Last: message.Outcome{Class: message.Throttled, Code: "429", Detail: "slow"}}},
	})
	b.bind(carl, "anna") // the story is of the user whom the message was for
	_, err := b.Unregister(b.Context(), bert.Key)
	b.must(err)
	got, err := b.Trace(b.Context(), r.Message.ID)
	b.must(err)
	want := []store.Trace{
		{Device: anna.Key, UserID: "anna", PushID: anna.PushID, Channel: "fcm", State: message.Handed, VendorMessageID: "v1"},
		{Device: bert.Key, UserID: "bert", Channel: "fcm", State: message.Failed, Reason: "Rejected", Code: "21", Detail: "no"},
		{Device: carl.Key, UserID: "carl", PushID: carl.PushID, Channel: "fcm", State: message.Pending, Reason: "Throttled", Code: "429", Detail: "slow"},
		{UserID: "dora", Rule: message.ReasonNeverLoggedIn, State: message.Suppressed, Reason: message.ReasonNeverLoggedIn},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(store.Trace{}, "At")); diff != "" {
		b.Errorf("(-want +got):\n%s", diff)
	}
	for _, l := range got {
		if age := time.Since(l.At); age < 0 || age > time.Hour {
			b.Errorf("%s: at %v", l.UserID, l.At)
		}
	}
	for _, id := range []string{"no id", toUsers().Message.ID} {
		if _, err := b.Trace(b.Context(), id); !errors.Is(err, store.ErrNotFound) {
			b.Errorf("trace of %q: %v, want ErrNotFound", id, err)
		}
	}
	quiet := toUsers("anna")
	b.accept(quiet)
	if lines, err := b.Trace(b.Context(), quiet.Message.ID); err != nil || len(lines) != 0 {
		b.Errorf("a message without decisions: %v, %v", lines, err)
	}
}
