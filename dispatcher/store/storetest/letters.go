package storetest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
)

func letterCases() []testCase {
	return []testCase{
		{"what finally fails leaves a letter", lettersKept},
		{"letters are filtered, paged and counted", lettersListed},
		{"a requeued letter is pushed again, once", lettersRequeued},
		{"letters that cannot be sent again stay", lettersStay},
		{"a requeue is bounded by the backlog and its limit", lettersBounded},
		{"letters are requeued in chunks", lettersInChunks},
		{"a letter is requeued once by many callers", lettersRace},
		{"letters are purged and pruned", lettersPruned},
		{"a letter outlives its message", lettersOutlive},
		{"letters go with their user", lettersErased},
	}
}

// fail ends a push with the state and reason, after the vendor's answer.
func (b *bench) fail(d message.Device, state message.State, reason string, o message.Outcome) string {
	b.Helper()
	return b.failRequest(request(d), state, reason, o)
}

func (b *bench) failRequest(r store.AcceptRequest, state message.State, reason string, o message.Outcome) string {
	b.Helper()
	row := b.accept(r).Deliveries[0]
	s := done(row, state, o, 1)
	for i := range s.Done {
		s.Done[i].Reason = reason
	}
	b.settle(s)
	return row.MessageID
}

var rejected = message.Outcome{Class: message.Rejected, Code: "400", Detail: "too long"}

func (b *bench) letters(f store.LetterFilter) []store.Letter {
	b.Helper()
	out, err := b.Letters(b.Context(), f, 0, 1000)
	b.must(err)
	return out
}

func (b *bench) requeue(f store.LetterFilter) store.Requeued {
	b.Helper()
	out, err := b.Requeue(b.Context(), f, 1<<40, 100)
	b.must(err)
	return out
}

func lettersKept(b *bench) {
	b.lease()
	d := b.bound("anna")
	from := b.Now().Truncate(time.Millisecond)
	r := request(d)
	r.Deliveries[0].Rule = message.RuleOffline
	row := b.accept(r).Deliveries[0]
	throttled := message.Outcome{Class: message.Throttled, Code: "429", Detail: "slow\x00 down"}
	b.settle(store.Settlement{DeliveryID: row.ID, Retry: []store.Retry{{Targets: row.Targets, DueAt: b.Now(), Attempt: 1, Last: throttled}}})
	s := done(row, message.Expired, message.Outcome{}, 0)
	s.Done[0].Reason, s.Done[0].InDoubt = message.ReasonTTL, true
	b.settle(s)
	got := b.letters(store.LetterFilter{})
	if len(got) != 1 || got[0].At.Before(from) || got[0].At.After(b.Now()) {
		b.Fatalf("letters: %+v", got)
	}
	code, _ := b.Message(b.Context(), r.Message.ID)
	want := store.Letter{
		ID: got[0].ID, UserID: "anna", PushID: d.PushID, Channel: "fcm", Rule: message.RuleOffline, State: message.Expired, Reason: message.ReasonTTL,
		Class: message.Throttled, Code: "429", Detail: got[0].Detail, InDoubt: true, At: got[0].At, Message: code,
	}
	if diff := cmp.Diff(want, got[0]); diff != "" {
		b.Errorf("(-want +got):\n%s", diff)
	}
	for state, leaves := range map[message.State]bool{
		message.Failed: true, message.Quarantined: false, message.Handed: false, message.Cancelled: false, message.Suppressed: false,
	} {
		if id := b.fail(d, state, "x", rejected); len(b.letters(store.LetterFilter{Message: id})) == 1 != leaves {
			b.Errorf("%s: leaves a letter %v, want %v", state, !leaves, leaves)
		}
	}
	test := request(d)
	test.Deliveries[0].Rule = message.RulePushTest
	if id := b.failRequest(test, message.Failed, "x", rejected); len(b.letters(store.LetterFilter{Message: id})) != 0 {
		b.Error("a test of the push leaves a letter")
	}
	if id := b.fail(d, message.Quarantined, "x", message.Outcome{Class: message.InvalidToken}); len(b.letters(store.LetterFilter{Message: id})) != 1 {
		b.Error("a refused token leaves no letter")
	}
	b.balanced()
}

func lettersListed(b *bench) {
	b.lease()
	anna, bert := b.bound("anna"), b.bound("bert")
	first := b.fail(anna, message.Failed, "Rejected", rejected)
	b.fail(bert, message.Failed, "TooManyTries", rejected)
	other := request(bert)
	other.Deliveries[0].Channel = "apns"
	b.failRequest(other, message.Expired, message.ReasonTTL, rejected)
	all := b.letters(store.LetterFilter{})
	if len(all) != 3 || all[0].ID <= all[1].ID || all[1].ID <= all[2].ID {
		b.Fatalf("not the newest first: %+v", all)
	}
	only := func(want ...int) func(store.LetterFilter) {
		return func(f store.LetterFilter) {
			b.Helper()
			var ids, got []int64
			for _, i := range want {
				ids = append(ids, all[i].ID)
			}
			for _, l := range b.letters(f) {
				got = append(got, l.ID)
			}
			if !slices.Equal(ids, got) {
				b.Errorf("%+v: %v, want %v", f, got, ids)
			}
			counts, err := b.CountLetters(b.Context(), f)
			b.must(err)
			var n int64
			for _, c := range counts {
				n += c.N
			}
			if n != int64(len(want)) {
				b.Errorf("%+v: counts %v, want %d", f, counts, len(want))
			}
		}
	}
	only(2)(store.LetterFilter{UserID: "anna"})
	only(0, 1)(store.LetterFilter{UserID: "bert"})
	only()(store.LetterFilter{UserID: "carl"})
	only(0)(store.LetterFilter{Channel: "apns"})
	only(1)(store.LetterFilter{Reason: "TooManyTries", Channel: "fcm"})
	only(0)(store.LetterFilter{State: message.Expired})
	only(2)(store.LetterFilter{Message: first})
	only()(store.LetterFilter{Message: "no id"})
	only(0, 2)(store.LetterFilter{IDs: []int64{all[2].ID, all[0].ID}})
	only(0, 1, 2)(store.LetterFilter{Since: all[2].At, Until: b.Now().Add(time.Second)})
	only()(store.LetterFilter{Since: b.Now().Add(time.Minute)})
	only()(store.LetterFilter{Until: all[2].At.Add(-time.Minute)})
	page, err := b.Letters(b.Context(), store.LetterFilter{}, all[0].ID, 1)
	if err != nil || len(page) != 1 || page[0].ID != all[1].ID {
		b.Errorf("behind the first: %+v, %v", page, err)
	}
	counts, err := b.CountLetters(b.Context(), store.LetterFilter{})
	b.must(err)
	want := []store.LetterCount{
		{Channel: "apns", State: message.Expired, Reason: message.ReasonTTL, N: 1},
		{Channel: "fcm", State: message.Failed, Reason: "Rejected", N: 1},
		{Channel: "fcm", State: message.Failed, Reason: "TooManyTries", N: 1},
	}
	if diff := cmp.Diff(want, counts); diff != "" {
		b.Errorf("(-want +got):\n%s", diff)
	}
}

func lettersRequeued(b *bench) {
	b.lease()
	d := b.bound("anna")
	r := request(d)
	r.Message.PushExpiresAt = r.Message.CreatedAt.Add(10 * time.Minute)
	id := b.failRequest(r, message.Failed, "Rejected", rejected)
	b.must(b.SetBadge(b.Context(), d.Key, 7))
	before := b.Now().Truncate(time.Millisecond)
	got := b.requeue(store.LetterFilter{Channel: "fcm"})
	if got.Letters != 1 || got.More || len(got.Deliveries) != 1 {
		b.Fatalf("%+v", got)
	}
	row := got.Deliveries[0]
	want := message.Delivery{
		ID: row.ID, MessageID: id, Channel: "fcm", Priority: message.PriorityBulk, DueAt: row.DueAt, ExpiresAt: row.DueAt.Add(10 * time.Minute),
		Targets: []message.Target{{Device: d.Key, Epoch: d.Epoch, Seq: 1}},
	}
	if diff := cmp.Diff(want, row); diff != "" || row.DueAt.Before(before) {
		b.Errorf("due %v (-want +got):\n%s", row.DueAt, diff)
	}
	if diff := cmp.Diff(got.Deliveries, b.due("fcm")); diff != "" {
		b.Errorf("stored (-answered +due):\n%s", diff)
	}
	b.balanced()
	if again := b.requeue(store.LetterFilter{}); again.Letters != 0 || len(again.Deliveries) != 0 {
		b.Errorf("requeued again: %+v", again)
	}
	b.settle(done(row, message.Handed, message.Outcome{Class: message.Accepted}, 1))
	lines, err := b.Trace(b.Context(), id)
	if err != nil || len(lines) != 2 || lines[0].State != message.Failed || lines[1].State != message.Handed {
		b.Errorf("the story: %+v, %v", lines, err)
	}
	a, err := b.Account(b.Context())
	if err != nil || a.Admitted != 2 || a.Failed != 1 || a.Handed != 1 {
		b.Errorf("account %+v, %v", a, err)
	}
	b.balanced()
}

func lettersStay(b *bench) {
	b.lease()
	moved, gone, dead, recalled := b.bound("anna"), b.bound("bert"), b.bound("carl"), b.bound("dora")
	for _, d := range []message.Device{moved, gone, dead} {
		b.fail(d, message.Failed, "Rejected", rejected)
	}
	r := request(recalled)
	b.failRequest(r, message.Failed, "Rejected", rejected)
	b.bind(moved, "emil")
	_, err := b.Unregister(b.Context(), gone.Key)
	b.must(err)
	b.answer(dead, message.InvalidToken) // leaves a letter, too
	back := toUsers("dora")
	back.Also.Recall = r.Message.ID
	b.accept(back)
	if got := b.requeue(store.LetterFilter{}); got.Letters != 0 || got.Deliveries != nil {
		b.Errorf("requeued %+v", got)
	}
	if left := b.letters(store.LetterFilter{}); len(left) != 5 || left[1].Message.Push != nil || !left[1].Message.Recalled || left[4].Message.Push == nil {
		b.Errorf("%d are left, want 5: %+v", len(left), left)
	}
	again := b.bind(moved, "anna").Device
	got := b.requeue(store.LetterFilter{})
	if got.Letters != 1 || got.Deliveries[0].Targets[0].Epoch != again.Epoch {
		b.Errorf("the device that came back, at epoch %d: %+v", again.Epoch, got)
	}
	b.balanced()
}

func lettersBounded(b *bench) {
	b.lease()
	d := b.bound("anna")
	for range 3 {
		b.fail(d, message.Failed, "Rejected", rejected)
	}
	if _, err := b.Requeue(b.Context(), store.LetterFilter{}, 2, 100); !errors.Is(err, store.ErrBacklogFull) {
		b.Errorf("above the cap: %v", err)
	}
	if n := len(b.letters(store.LetterFilter{})); n != 3 {
		b.Errorf("a refused requeue left %d letters", n)
	}
	oldest := b.letters(store.LetterFilter{})[2]
	got, err := b.Requeue(b.Context(), store.LetterFilter{}, 3, 1)
	if err != nil || got.Letters != 1 || !got.More || got.Deliveries[0].MessageID != oldest.Message.ID {
		b.Errorf("one of three: %+v, %v, want the oldest", got, err)
	}
	b.balanced()
}

// lettersInChunks: what belongs together is one row again, without a lease nobody's.
func lettersInChunks(b *bench) {
	b.lease()
	var devices []message.Device
	for i := range 5 {
		devices = append(devices, b.bound(fmt.Sprint("user-", i)))
	}
	b.failRequest(request(devices...), message.Failed, "Rejected", rejected)
	b.must(b.ReleaseLease(b.Context()))
	got := b.requeue(store.LetterFilter{})
	if got.Letters != 5 || got.Deliveries != nil {
		b.Errorf("without a lease: %+v", got)
	}
	b.lease()
	if rows := b.due("fcm"); len(rows) != 1 || len(rows[0].Targets) != 5 {
		b.Errorf("the rows are %+v", rows)
	}
	b.balanced()
}

func lettersRace(b *bench) {
	b.lease()
	d := b.bound("anna")
	const letters, callers = 20, 8
	for range letters {
		b.fail(d, message.Failed, "Rejected", rejected)
	}
	var mu sync.Mutex
	var sum int64
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for {
				got, err := b.Requeue(b.Context(), store.LetterFilter{}, 1<<40, 3)
				if err != nil {
					b.Error(err)
				}
				mu.Lock()
				sum += got.Letters
				mu.Unlock()
				if err != nil || got.Letters == 0 {
					return
				}
			}
		})
	}
	wg.Wait()
	if rows := len(b.due("fcm")); sum != letters || rows != letters {
		b.Errorf("%d letters became %d rows, want %d", sum, rows, letters)
	}
	b.balanced()
}

func lettersPruned(b *bench) {
	b.lease()
	d := b.bound("anna")
	for range 6 {
		b.fail(d, message.Failed, "Rejected", rejected)
	}
	all := b.letters(store.LetterFilter{})
	if n, err := b.PurgeLetters(b.Context(), store.LetterFilter{IDs: []int64{all[5].ID, all[0].ID}}, 1); err != nil || n != 1 {
		b.Errorf("purged %d, %v", n, err)
	}
	if n, err := b.PurgeLetters(b.Context(), store.LetterFilter{Channel: "apns"}, 100); err != nil || n != 0 {
		b.Errorf("purged %d of another row, %v", n, err)
	}
	b.prune(store.Cutoffs{MaxLetters: 2, Letters: all[4].At.Add(-time.Second)})
	if left := b.letters(store.LetterFilter{}); len(left) != 2 || left[0].ID != all[0].ID || left[1].ID != all[1].ID {
		b.Errorf("left %+v, want the two newest", left)
	}
	b.prune(store.Cutoffs{})
	if n := len(b.letters(store.LetterFilter{})); n != 2 {
		b.Errorf("no cutoff left %d", n)
	}
	b.prune(store.Cutoffs{Letters: b.Now().Add(time.Second)})
	if n := len(b.letters(store.LetterFilter{})); n != 0 {
		b.Errorf("%d are past their retention", n)
	}
	b.balanced()
}

func lettersOutlive(b *bench) {
	b.lease()
	d := b.bound("anna")
	r := age(request(d))
	b.failRequest(r, message.Failed, "Rejected", rejected)
	quiet := age(request(d))
	b.settle(done(b.accept(quiet).Deliveries[0], message.Handed, message.Outcome{}, 1))
	cut := store.Cutoffs{Messages: b.Now().Add(-day)}
	before := b.letters(store.LetterFilter{})
	b.prune(cut)
	if entries, _, err := b.Inbox(b.Context(), "anna", 0, 10); err != nil || len(entries) != 0 || b.stored(quiet.Message.ID) {
		b.Errorf("not pruned: %v, %v", entries, err)
	}
	if diff := cmp.Diff(before, b.letters(store.LetterFilter{})); diff != "" {
		b.Errorf("with its message's end it changed (-before +after):\n%s", diff)
	}
	got := b.requeue(store.LetterFilter{})
	if got.Letters != 1 || !b.stored(r.Message.ID) {
		b.Fatalf("%+v", got)
	}
	b.prune(cut)
	m, err := b.Message(b.Context(), r.Message.ID)
	if diff := cmp.Diff(before[0].Message, m); diff != "" || err != nil {
		b.Errorf("what is pushed, %v (-want +got):\n%s", err, diff)
	}
	b.settle(done(got.Deliveries[0], message.Handed, message.Outcome{}, 1))
	b.prune(cut)
	if b.stored(r.Message.ID) {
		b.Error("nothing needs the message any more, and it is kept")
	}
	b.balanced()
}

func lettersErased(b *bench) {
	b.lease()
	anna, bert := b.bound("anna"), b.bound("bert")
	r := age(request(anna, bert))
	r.Message.Sender = "carl"
	b.failRequest(r, message.Failed, "Rejected", rejected)
	b.prune(store.Cutoffs{Messages: b.Now().Add(-day)})
	b.erase("anna")
	left := b.letters(store.LetterFilter{})
	if len(left) != 1 || left[0].UserID != "bert" || left[0].Message.Sender != "carl" {
		b.Fatalf("left %+v, want bert's", left)
	}
	b.erase("carl")
	if left = b.letters(store.LetterFilter{}); len(left) != 1 || left[0].Message.Sender != "" || left[0].Message.Push != nil {
		b.Errorf("what carl sent: %+v", left)
	}
	if got := b.requeue(store.LetterFilter{}); got.Letters != 0 {
		b.Errorf("requeued without content: %+v", got)
	}
}
