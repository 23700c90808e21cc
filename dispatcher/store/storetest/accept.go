package storetest

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/report"
	"github.com/offlinepush/operator/dispatcher/store"
)

func acceptCases() []testCase {
	return []testCase{
		{"an accepted message has its places and deliveries", accepted},
		{"a repetition gets the first answer", repetition},
		{"a repetition in the same batch gets the first answer", repetitionInBatch},
		{"repetitions at the same time make one message", repetitionsRace},
		{"without a client id nothing is a repetition", noClientID},
		{"a full backlog refuses and leaves nothing behind", backlogFull},
		{"targets are cut into chunks", chunks},
		{"inconsistent requests are refused alone", inconsistent},
		{"suppressed pushes are accounted for", suppressed},
		{"what is accepted survives reopening", reopening},
		{"a ping leaves nothing behind", pings},
	}
}

func accepted(b *bench) {
	l := b.lease()
	anna, bert := b.bound("anna"), b.bound("bert")
	b.accept(request(anna))
	r := request(anna, bert)
	r.Recipients = append(r.Recipients, "never seen", "anna")
	got := b.accept(r)
	wantSeqs := map[string]int64{"anna": 2, "bert": 1, "never seen": 1}
	if diff := cmp.Diff(wantSeqs, got.Seqs); diff != "" {
		b.Errorf("places (-want +got):\n%s", diff)
	}
	want := []message.Delivery{{
		MessageID: r.Message.ID, Channel: "fcm", DueAt: r.Deliveries[0].DueAt, ExpiresAt: r.Message.PushExpiresAt,
		Targets: []message.Target{{Device: anna.Key, Epoch: anna.Epoch, Seq: 2}, {Device: bert.Key, Epoch: bert.Epoch, Seq: 1}},
	}}
	if diff := cmp.Diff(want, got.Deliveries, cmpopts.IgnoreFields(message.Delivery{}, "ID")); diff != "" {
		b.Errorf("deliveries (-want +got):\n%s", diff)
	}
	if got.MessageID != r.Message.ID || got.Duplicate || l.Adopted != 0 {
		b.Errorf("answer %+v, lease %+v", got, l)
	}
	if rows := b.due("fcm"); len(rows) != 2 || !cmp.Equal(rows[1], got.Deliveries[0]) {
		b.Errorf("stored %+v, answered %+v", rows, got.Deliveries)
	}
	b.balanced()
}

func pings(b *bench) {
	b.lease()
	anna := b.bound("anna")
	b.must(b.Ping(b.Context()))
	a, err := b.Account(b.Context())
	b.must(err)
	backlog, err := b.Backlog(b.Context())
	b.must(err)
	if a != (report.Account{}) || len(backlog) != 0 {
		b.Errorf("after a ping the account is %+v, and what waits %v", a, backlog)
	}
	if got := b.accept(request(anna)); got.Seqs["anna"] != 1 || len(b.due("fcm")) != 1 {
		b.Errorf("the first message has the places %v", got.Seqs)
	}
	b.must(b.Ping(b.Context()))
	b.balanced()
}

func repetition(b *bench) {
	b.lease()
	r := request(b.bound("anna"))
	first := b.accept(r)
	for range 2 {
		again := r
		again.Message.ID = toUsers().Message.ID // the dispatcher makes a new one each time
		got := b.accept(again)
		if !got.Duplicate || got.MessageID != first.MessageID || len(got.Deliveries) != 0 {
			b.Errorf("a repetition got %+v", got)
		}
		if diff := cmp.Diff(first.Seqs, got.Seqs); diff != "" {
			b.Errorf("places (-first +again):\n%s", diff)
		}
		b.reopen()
	}
	other := r
	other.Message.ID, other.Hash = toUsers().Message.ID, [32]byte{1}
	if got := b.Accept(b.Context(), []store.AcceptRequest{other})[0]; !errors.Is(got.Err, store.ErrConflict) || got.MessageID != "" {
		b.Errorf("another request under the same id: %+v", got)
	}
	stranger := r
	stranger.Message.ID, stranger.Message.Sender = toUsers().Message.ID, "somebody else"
	if got := b.accept(stranger); got.Duplicate {
		b.Error("another sender's id was taken for a repetition")
	}
	if entries := b.inbox("anna", 0); len(entries) != 2 {
		b.Errorf("%d entries, want one of each sender", len(entries))
	}
}

func repetitionInBatch(b *bench) {
	r := toUsers("anna")
	again, other := r, r
	again.Message.ID = toUsers().Message.ID
	other.Message.ID, other.Hash = toUsers().Message.ID, [32]byte{1}
	got := b.Accept(b.Context(), []store.AcceptRequest{r, again, other})
	if got[0].Err != nil || got[0].Duplicate {
		b.Errorf("the first: %+v", got[0])
	}
	if got[1].Err != nil || !got[1].Duplicate || got[1].MessageID != r.Message.ID {
		b.Errorf("the repetition: %+v", got[1])
	}
	if !errors.Is(got[2].Err, store.ErrConflict) {
		b.Errorf("the conflict: %+v", got[2])
	}
}

func repetitionsRace(b *bench) {
	r := toUsers("anna")
	results := make([]store.AcceptResult, 16)
	var wg sync.WaitGroup
	for i := range results {
		again := r
		again.Message.ID = toUsers().Message.ID
		wg.Go(func() { results[i] = b.Accept(b.Context(), []store.AcceptRequest{again})[0] })
	}
	wg.Wait()
	firsts := 0
	for _, got := range results {
		b.must(got.Err)
		if !got.Duplicate {
			firsts++
		}
		if got.MessageID != results[0].MessageID || got.Seqs["anna"] != 1 {
			b.Errorf("%+v, want the same answer as %+v", got, results[0])
		}
	}
	if entries := b.inbox("anna", 0); firsts != 1 || len(entries) != 1 {
		b.Errorf("%d first answers, %d entries, want 1 of each", firsts, len(entries))
	}
}

func noClientID(b *bench) {
	for want := range int64(3) {
		r := toUsers("anna")
		r.ClientID = ""
		if got := b.accept(r); got.Duplicate || got.Seqs["anna"] != want+1 {
			b.Errorf("%+v, want place %d", got, want+1)
		}
	}
}

func backlogFull(b *bench) {
	b.lease()
	anna, bert, carl := b.bound("anna"), b.bound("bert"), b.bound("carl")
	full := request(anna, bert)
	full.MaxBacklog = 2
	rows := b.accept(full).Deliveries
	refused := request(carl)
	refused.MaxBacklog = 2
	got := b.Accept(b.Context(), []store.AcceptRequest{refused, request(carl)})
	if !errors.Is(got[0].Err, store.ErrBacklogFull) || got[1].Err != nil || got[1].Seqs["carl"] != 1 {
		b.Errorf("over the cap: %+v", got)
	}
	quiet := toUsers("carl")
	quiet.MaxBacklog = 2
	b.accept(quiet) // without a push there is nothing to wait
	b.settle(done(rows[0], message.Handed, message.Outcome{Class: message.Accepted}, 1))
	refused.MaxBacklog = 2
	if got := b.accept(refused); got.Duplicate || got.Seqs["carl"] != 3 {
		b.Errorf("the refused request under its own id, with room: %+v", got)
	}
	b.balanced()
}

func chunks(b *bench) {
	b.lease()
	const n = 2*message.MaxTargets + 500
	r := toUsers("anna", "bert")
	d := store.NewDelivery{Channel: "fcm", DueAt: r.Message.CreatedAt}
	for i := range int64(n) {
		d.Targets = append(d.Targets, store.NewTarget{Device: i + 1, Epoch: i % 7, UserID: r.Recipients[i%2]})
	}
	r.Deliveries = []store.NewDelivery{d}
	got := b.accept(r).Deliveries
	var sizes []int
	var all []message.Target
	for _, row := range got {
		sizes = append(sizes, len(row.Targets))
		all = append(all, row.Targets...)
	}
	if diff := cmp.Diff([]int{message.MaxTargets, message.MaxTargets, 500}, sizes); diff != "" {
		b.Errorf("chunks (-want +got):\n%s", diff)
	}
	for i, target := range all {
		if want := (message.Target{Device: int64(i) + 1, Epoch: int64(i) % 7, Seq: 1}); target != want {
			b.Fatalf("target %d is %+v, want %+v", i, target, want)
		}
	}
	if diff := cmp.Diff(got, b.due("fcm")); diff != "" {
		b.Errorf("stored otherwise than answered:\n%s", diff)
	}
	backlog, err := b.Backlog(b.Context())
	b.must(err)
	if backlog["fcm"] != n {
		b.Errorf("backlog %v, want %d", backlog, n)
	}
	b.balanced()
}

func inconsistent(b *bench) {
	b.lease()
	d := b.bound("anna")
	stranger := request(d)
	stranger.Recipients = []string{"bert"}
	twice := request(d, d)
	both := request(d)
	both.Suppressed = []store.Suppression{{UserID: "anna", Device: d.Key, Reason: message.ReasonNoToken}}
	suppressedStranger := toUsers("anna")
	suppressedStranger.Suppressed = []store.Suppression{{UserID: "bert", Reason: message.ReasonNeverLoggedIn}}
	noID := request(d)
	noID.Message.ID = "7"
	good := request(d)
	sameID := request(d)
	sameID.Message.ID = good.Message.ID
	bad := []store.AcceptRequest{stranger, twice, both, suppressedStranger, noID, good, sameID}
	for i, got := range b.Accept(b.Context(), bad) {
		if (got.Err == nil) != (i == 5) {
			b.Errorf("request %d: %+v", i, got)
		}
	}
	if entries := b.inbox("anna", 0); len(entries) != 1 || entries[0].Message.ID != good.Message.ID {
		b.Errorf("anna's inbox: %+v", entries)
	}
	if entries := b.inbox("bert", 0); len(entries) != 0 {
		b.Errorf("bert's inbox: %+v", entries)
	}
	b.balanced()
}

func suppressed(b *bench) {
	d := b.bound("anna")
	r := toUsers("anna", "bert")
	r.Suppressed = []store.Suppression{
		{UserID: "anna", Device: d.Key, Reason: message.ReasonNoChannel},
		{UserID: "bert", Reason: message.ReasonNeverLoggedIn},
	}
	b.accept(r)
	a, err := b.Account(b.Context())
	b.must(err)
	if diff := cmp.Diff(report.Account{Admitted: 2, Suppressed: 2}, a); diff != "" {
		b.Errorf("account (-want +got):\n%s", diff)
	}
}

func reopening(b *bench) {
	b.lease()
	d := b.bound("anna")
	var ids []string
	for range 5 {
		ids = append(ids, b.accept(request(d)).MessageID)
	}
	rows := b.due("fcm")
	for i, row := range rows {
		rows[i] = doubted(row)
	}
	b.reopen()
	var kept []string
	for i, e := range b.inbox("anna", 0) {
		if e.Seq != int64(i)+1 {
			b.Errorf("entry %d has sequence %d", i, e.Seq)
		}
		kept = append(kept, e.Message.ID)
	}
	if !slices.Equal(ids, kept) {
		b.Errorf("accepted %v, kept %v", ids, kept)
	}
	if l := b.lease(); l.Adopted != 5 {
		b.Errorf("adopted %d, want 5", l.Adopted)
	}
	if diff := cmp.Diff(rows, b.due("fcm")); diff != "" {
		b.Errorf("deliveries (-before +after):\n%s", diff)
	}
	if got := b.accept(toUsers("anna")); got.Seqs["anna"] != 6 {
		b.Errorf("the next place is %d, want 6", got.Seqs["anna"])
	}
	found, err := b.Device(b.Context(), d.PushID)
	b.must(err)
	if diff := cmp.Diff(d, found); diff != "" {
		b.Errorf("device:\n%s", diff)
	}
	b.balanced()
}

// inbox reads all entries after a sequence, without a gap.
func (b *bench) inbox(userID string, after int64) []message.InboxEntry {
	b.Helper()
	entries, gap, err := b.Inbox(b.Context(), userID, after, 1<<20)
	b.must(err)
	if gap {
		b.Errorf("a gap in %s's inbox after %d", userID, after)
	}
	return entries
}

// many binds n devices to users of their own.
func (b *bench) many(n int) []message.Device {
	b.Helper()
	out := make([]message.Device, n)
	for i := range out {
		out[i] = b.bound(fmt.Sprintf("user-%d", i))
	}
	return out
}
