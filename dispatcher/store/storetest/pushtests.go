package storetest

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
)

func pushTestCases() []testCase {
	return []testCase{
		{"a push test is noted once", pushTestOnce},
		{"a push test keeps what the vendor answered", pushTestAnswers},
		{"a device has a push test at a time", pushTestPause},
		{"a push for a device alone is in no inbox", deviceAlone},
		{"push tests are pruned by their age", prunePushTests},
	}
}

func sharedPushTestCases() []testCase {
	return []testCase{
		{"of push tests with one UID at two processes one is noted", sharedPushTest},
		{"of push tests of one device at two processes one starts", sharedPushTestPause},
	}
}

// testPause is far above what a case takes.
const testPause = time.Hour

// pushTest is a test of the push to devices.
func (b *bench) pushTest(devices ...message.Device) store.PushTest {
	b.Helper()
	r := toUsers()
	t := store.PushTest{UID: fmt.Sprint("uid-", b.next()), Hash: r.Hash, LeftOut: 2, Message: r.Message}
	t.Message.Kind, t.Message.Sender, t.Message.Body = message.KindPush, "", ""
	for _, d := range devices {
		t.Devices = append(t.Devices, store.TestedDevice{
			Device: d.Key, Epoch: d.Epoch, PushID: d.PushID, Vendor: "FCM", Channel: "fcm", Refused: message.ReasonNoToken,
		})
	}
	return t
}

func (b *bench) startTest(t store.PushTest) store.PushTest {
	b.Helper()
	got, err := b.StartPushTest(b.Context(), t, testPause)
	b.must(err)
	return got
}

func pushTestOnce(b *bench) {
	if _, err := b.PushTest(b.Context(), "nobody's"); !errors.Is(err, store.ErrNotFound) {
		b.Errorf("an unknown test: %v", err)
	}
	first := b.pushTest(b.bound("anna"), b.phone("token"))
	if diff := cmp.Diff(first, b.startTest(first)); diff != "" {
		b.Errorf("started (-want +got):\n%s", diff)
	}
	b.reopen()
	again := b.pushTest()
	again.UID, again.Hash = first.UID, first.Hash
	if diff := cmp.Diff(first, b.startTest(again)); diff != "" {
		b.Errorf("started again (-want +got):\n%s", diff)
	}
	got, err := b.PushTest(b.Context(), first.UID)
	b.must(err)
	if diff := cmp.Diff(first, got); diff != "" {
		b.Errorf("found (-want +got):\n%s", diff)
	}
	again.Hash[0]++
	if _, err := b.StartPushTest(b.Context(), again, testPause); !errors.Is(err, store.ErrConflict) {
		b.Errorf("another test with the same UID: %v, want ErrConflict", err)
	}
}

func pushTestAnswers(b *bench) {
	anna, bert := b.bound("anna"), b.bound("bert")
	test := b.startTest(b.pushTest(anna, bert))
	b.must(b.NotePushTestAnswer(b.Context(), test.Message.ID, anna.Key, store.PushTestAnswer{Class: message.Transient}))
	last := store.PushTestAnswer{
		Class: message.Rejected, Code: "21", Detail: "no", Body: `{"code":21,"words":"a \ud83d \u0000"}`,
		Took: 12 * time.Microsecond, At: b.Now().UTC().Truncate(time.Millisecond),
	}
	b.must(b.NotePushTestAnswer(b.Context(), test.Message.ID, anna.Key, last))
	odd := last
	odd.Body = "a\x00b\xffc"
	b.must(b.NotePushTestAnswer(b.Context(), test.Message.ID, bert.Key, odd))
	b.must(b.NotePushTestAnswer(b.Context(), toUsers().Message.ID, anna.Key, odd)) // is of no test
	if err := b.NotePushTestAnswer(b.Context(), "no id", anna.Key, last); !errors.Is(err, store.ErrNotFound) {
		b.Errorf("of no message: %v", err)
	}
	odd.Body = "ab\uFFFDc"
	test.Devices[0].Answer, test.Devices[1].Answer = &last, &odd
	got, err := b.PushTest(b.Context(), test.UID)
	b.must(err)
	if diff := cmp.Diff(test, got); diff != "" {
		b.Errorf("(-want +got):\n%s", diff)
	}
}

func pushTestPause(b *bench) {
	anna, bert, carl := b.bound("anna"), b.bound("bert"), b.phone("token")
	first := b.startTest(b.pushTest(anna, carl))
	for _, d := range []message.Device{anna, carl} {
		second := b.pushTest(bert, d)
		_, err := b.StartPushTest(b.Context(), second, testPause)
		soon, isSoon := errors.AsType[*store.TooSoonError](err)
		if !isSoon || soon.Wait <= 0 || soon.Wait > testPause {
			b.Errorf("a second test: %v", err)
		}
		if _, err := b.PushTest(b.Context(), second.UID); !errors.Is(err, store.ErrNotFound) {
			b.Errorf("a refused test: %v", err)
		}
	}
	b.startTest(first)            // is the same one
	b.startTest(b.pushTest(bert)) // had none: those were refused
	if _, err := b.StartPushTest(b.Context(), b.pushTest(anna), 0); err != nil {
		b.Errorf("behind the pause: %v", err)
	}
}

func deviceAlone(b *bench) {
	b.lease()
	bound, free := b.bound("anna"), b.phone("token")
	b.accept(toUsers("anna"))
	b.must(b.Ack(b.Context(), bound.Key, "anna", 1))
	r := toUsers()
	for _, d := range []message.Device{bound, free} {
		r.Deliveries = append(r.Deliveries, store.NewDelivery{
			Channel: "fcm", DueAt: r.Message.CreatedAt, Targets: []store.NewTarget{{Device: d.Key, Epoch: d.Epoch}},
		})
	}
	got := b.accept(r)
	if len(got.Deliveries) != 2 || len(got.Seqs) != 0 {
		b.Fatalf("accepted %+v", got)
	}
	for i, d := range []message.Device{bound, free} {
		if want := []message.Target{{Device: d.Key, Epoch: d.Epoch}}; !cmp.Equal(want, got.Deliveries[i].Targets) {
			b.Errorf("targets %+v, want %+v", got.Deliveries[i].Targets, want)
		}
	}
	if again := b.accept(r); !again.Duplicate || again.MessageID != got.MessageID {
		b.Errorf("accepted again: %+v", again)
	}
	if entries := b.inbox("anna", 1); len(entries) != 0 {
		b.Errorf("anna's inbox has %v", entries)
	}
	b.balanced()
	b.settle(done(got.Deliveries[0], message.Handed, message.Outcome{Class: message.Accepted, VendorMessageID: "v"}, 1))
	b.balanced()
	lines, err := b.Trace(b.Context(), r.Message.ID)
	b.must(err)
	want := []store.Trace{
		{Device: bound.Key, PushID: bound.PushID, Channel: "fcm", State: message.Handed, VendorMessageID: "v"},
		{Device: free.Key, PushID: free.PushID, Channel: "fcm", State: message.Pending},
	}
	if diff := cmp.Diff(want, lines, cmpopts.IgnoreFields(store.Trace{}, "At")); diff != "" {
		b.Errorf("(-want +got):\n%s", diff)
	}
}

func prunePushTests(b *bench) {
	d := b.bound("anna")
	var old []store.PushTest
	for range 5 {
		t := b.pushTest(d, b.phone(""))
		t.Message.CreatedAt = t.Message.CreatedAt.Add(-2 * day)
		got, err := b.StartPushTest(b.Context(), t, 0)
		b.must(err)
		old = append(old, got)
	}
	young := b.startTest(b.pushTest(b.bound("bert")))
	b.prune(store.Cutoffs{PushTests: b.Now().Add(-day)})
	for _, t := range old {
		if _, err := b.PushTest(b.Context(), t.UID); !errors.Is(err, store.ErrNotFound) {
			b.Errorf("an old test: %v", err)
		}
	}
	if _, err := b.PushTest(b.Context(), young.UID); err != nil {
		b.Errorf("a young test: %v", err)
	}
	b.startTest(b.pushTest(d)) // when it had tests went with them
}

func sharedPushTest(b *bench) {
	pods, _ := b.pods(2)
	first := b.pushTest(b.bound("anna"), b.bound("bert"))
	ids := make([]string, 16)
	var wg sync.WaitGroup
	for i := range ids {
		wg.Go(func() {
			own := first
			own.Message.ID = toUsers().Message.ID
			got, err := pods[i%2].StartPushTest(b.Context(), own, testPause)
			if err != nil {
				b.Error(err)
			}
			ids[i] = got.Message.ID
		})
	}
	wg.Wait()
	for _, id := range ids {
		if id == "" || id != ids[0] {
			b.Fatalf("several messages: %q", ids)
		}
	}
}

func sharedPushTestPause(b *bench) {
	pods, _ := b.pods(2)
	anna, bert := b.bound("anna"), b.bound("bert")
	tests := make([]store.PushTest, 16)
	for i := range tests {
		if tests[i] = b.pushTest(anna, bert); i%4 > 1 {
			tests[i] = b.pushTest(bert, anna)
		}
	}
	errs := make([]error, len(tests))
	var wg sync.WaitGroup
	for i, t := range tests {
		wg.Go(func() { _, errs[i] = pods[i%2].StartPushTest(b.Context(), t, testPause) })
	}
	wg.Wait()
	started := 0
	for _, err := range errs {
		if _, tooSoon := errors.AsType[*store.TooSoonError](err); err == nil {
			started++
		} else if !tooSoon {
			b.Error(err)
		}
	}
	if started != 1 {
		b.Errorf("%d tests of the same devices started, want 1", started)
	}
}
