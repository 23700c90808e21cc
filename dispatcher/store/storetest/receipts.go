package storetest

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/store"
)

func receiptCases() []testCase {
	return []testCase{
		{"a receipt is in the story of its push, once", receiptsTraced},
		{"a receipt may come before the outcome", receiptsEarly},
		{"a receipt finds its phone by the token in its scope", receiptsScope},
		{"a dead token is quarantined by its first report", receiptsKill},
		{"a report about a token's former life kills nothing", receiptsOfFormerLife},
		{"dead tokens count for the fuse", receiptsHealth},
		{"receipts of many callers are all stored", receiptsRace},
		{"receipts go with their time", receiptsPruned},
		{"a receipt without a message is refused", receiptsRefused},
	}
}

// reportOf is what the vendor of the suite's phones says of a push to the token.
func reportOf(messageID, token string, event provider.Event) store.Receipt {
	return store.Receipt{
		MessageID: messageID, Channel: "fcm", Selector: message.Selector{Vendor: "FCM", AppType: 1, Region: "anywhere"},
		Token: token, Event: event, Code: "c", Reason: "r",
	}
}

// report adds receipts and checks which are new.
func (b *bench) report(want []bool, receipts ...store.Receipt) {
	b.Helper()
	got, err := b.AddReceipts(b.Context(), receipts)
	b.must(err)
	if diff := cmp.Diff(want, got); diff != "" {
		b.Errorf("new (-want +got):\n%s", diff)
	}
}

// story is what the trace says of receipts, by push id.
func (b *bench) story(messageID string) map[string][]store.TraceReceipt {
	b.Helper()
	lines, err := b.Trace(b.Context(), messageID)
	b.must(err)
	out := map[string][]store.TraceReceipt{}
	for _, l := range lines {
		if len(l.Receipts) > 0 {
			out[l.PushID] = append(out[l.PushID], l.Receipts...)
		}
	}
	return out
}

func (b *bench) tokenOf(d message.Device) string {
	b.Helper()
	s, _ := b.fence(d.Key)
	return s.Token.Value
}

func receiptsTraced(b *bench) {
	b.lease()
	anna, bert := b.bound("anna"), b.bound("bert")
	row := b.accept(request(anna, bert)).Deliveries[0]
	b.settle(done(row, message.Handed, message.Outcome{Class: message.Accepted}, 1))
	at := b.Now().Add(-time.Minute).UTC().Truncate(time.Millisecond)
	delivered := reportOf(row.MessageID, b.tokenOf(anna), provider.Delivered)
	delivered.At = at
	clicked := reportOf(row.MessageID, b.tokenOf(anna), provider.Clicked)
	clicked.At, clicked.Code, clicked.Reason = at.Add(time.Second), "", "a\x00\xff"
	b.report([]bool{true, true, false}, clicked, delivered, delivered)
	again := delivered
	again.Code, again.At = "another", at.Add(time.Hour)
	b.report([]bool{false}, again)
	b.report([]bool{true}, reportOf(row.MessageID, b.tokenOf(bert), provider.Dropped))
	b.reopen()
	got := b.story(row.MessageID)
	if n := len(got[anna.PushID]); n != 2 || got[anna.PushID][0] != (store.TraceReceipt{Event: provider.Delivered, Code: "c", Reason: "r", At: at}) {
		b.Errorf("anna's story has %d receipts: %+v", n, got[anna.PushID])
	}
	if last := got[anna.PushID][1]; last.Event != provider.Clicked || !last.At.Equal(clicked.At) {
		b.Errorf("the last one is %+v", last)
	}
	now := got[bert.PushID]
	if len(now) != 1 || now[0].Event != provider.Dropped || now[0].At.Before(at) || now[0].At.After(b.Now()) {
		b.Errorf("bert's story: %+v", now)
	}
	b.report(nil)
	b.balanced()
}

func receiptsEarly(b *bench) {
	b.lease()
	anna := b.bound("anna")
	row := b.accept(request(anna)).Deliveries[0]
	b.report([]bool{true}, reportOf(row.MessageID, b.tokenOf(anna), provider.Delivered))
	if got := b.story(row.MessageID); len(got[anna.PushID]) != 1 {
		b.Errorf("while it is pending: %+v", got)
	}
	b.settle(done(row, message.Handed, message.Outcome{Class: message.Accepted}, 1))
	if got := b.story(row.MessageID); len(got[anna.PushID]) != 1 {
		b.Errorf("when it was handed over: %+v", got)
	}
	b.report([]bool{true}, reportOf(toUsers().Message.ID, b.tokenOf(anna), provider.Delivered)) // of a message that another process has still to store
}

func receiptsScope(b *bench) {
	b.lease()
	anna := b.bound("anna")
	id := b.accept(request(anna)).MessageID
	good := reportOf(id, b.tokenOf(anna), provider.Delivered)
	change := func(f func(*store.Receipt)) store.Receipt {
		r := good
		f(&r)
		return r
	}
	b.report([]bool{false, false, false, false, true},
		change(func(r *store.Receipt) { r.Token = "nobody's" }),
		change(func(r *store.Receipt) { r.Selector.Vendor = "Xiaomi" }),
		change(func(r *store.Receipt) { r.Selector.AppType = 2 }),
		change(func(r *store.Receipt) { r.Selector.Environment = "Sandbox" }),
		good)
	_, err := b.SetToken(b.Context(), anna.Key, message.TokenVoIP, "for calls")
	b.must(err)
	b.report([]bool{true}, reportOf(id, "for calls", provider.Clicked))
	if got := b.story(id); len(got[anna.PushID]) != 2 {
		b.Errorf("got %+v", got)
	}
}

func receiptsKill(b *bench) {
	b.lease()
	anna := b.bound("anna")
	id := b.accept(request(anna)).MessageID
	token := b.tokenOf(anna)
	_, err := b.SetToken(b.Context(), anna.Key, message.TokenVoIP, "for calls")
	b.must(err)
	dead := reportOf(id, token, provider.TokenInvalid)
	kept := dead
	kept.KeepToken = true
	b.report([]bool{true}, kept)
	if s, _ := b.fence(anna.Key); !s.TokenOK {
		b.Error("an open fuse did not keep the token")
	}
	b.report([]bool{false}, dead)
	if s, _ := b.fence(anna.Key); !s.TokenOK {
		b.Error("a repeated report quarantined the token")
	}
	dead.MessageID = toUsers().Message.ID
	b.report([]bool{true}, dead)
	if s, _ := b.fence(anna.Key); s.TokenOK || s.UserID != "anna" || s.Epoch != anna.Epoch {
		b.Errorf("after the report: %+v, want quarantined and bound", s)
	}
	calls, err := b.Fence(b.Context(), store.FenceQuery{Devices: []int64{anna.Key}, Kind: message.TokenVoIP})
	b.must(err)
	if !calls.Devices[anna.Key].TokenOK {
		b.Error("the device's other token was quarantined")
	}
	b.setToken(anna, token)
	b.report([]bool{false}, dead)
	if s, _ := b.fence(anna.Key); !s.TokenOK {
		b.Error("the vendor sent an old report again, and the token is dead again")
	}
}

func receiptsOfFormerLife(b *bench) {
	b.lease()
	anna := b.bound("anna")
	state, _ := b.fence(anna.Key)
	for i, at := range []time.Time{state.TokenSetAt.Add(-time.Millisecond), state.TokenSetAt} {
		dead := reportOf(toUsers().Message.ID, state.Token.Value, provider.TokenInvalid)
		dead.At = at
		b.report([]bool{true}, dead)
		if s, _ := b.fence(anna.Key); s.TokenOK != (i == 0) {
			b.Errorf("report %d: %+v", i, s)
		}
	}
	b.setToken(anna, "fresh")
	b.report([]bool{false}, reportOf(toUsers().Message.ID, state.Token.Value, provider.TokenInvalid))
	if s, _ := b.fence(anna.Key); !s.TokenOK {
		b.Error("a report about the token before quarantined this one")
	}
}

func receiptsHealth(b *bench) {
	b.lease()
	hour := time.Now().Add(-time.Hour)
	for range 3 {
		d := b.bound("anna")
		b.answer(d, message.Accepted)
		b.report([]bool{true}, reportOf(toUsers().Message.ID, b.tokenOf(d), provider.TokenInvalid))
	}
	b.answer(b.bound("bert"), message.Accepted)
	valid, invalid, err := b.TokenHealth(b.Context(), "fcm", hour, hour)
	b.must(err)
	if valid != 1 || invalid != 3 {
		b.Errorf("%d valid, %d invalid, want 1 and 3", valid, invalid)
	}
}

func receiptsRace(b *bench) {
	b.lease()
	const callers, phones = 20, 5
	var devices []message.Device
	var receipts []store.Receipt
	for i := range phones {
		devices = append(devices, b.bound(fmt.Sprint("user-", i)))
	}
	id := b.accept(request(devices...)).MessageID
	for _, d := range devices {
		token := b.tokenOf(d)
		receipts = append(receipts, reportOf(id, token, provider.Delivered), reportOf(id, token, provider.TokenInvalid))
	}
	var mu sync.Mutex
	fresh := 0
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			mine := slices.Clone(receipts)
			if i%2 == 0 {
				slices.Reverse(mine)
			}
			added, err := b.AddReceipts(b.Context(), mine)
			mu.Lock()
			defer mu.Unlock()
			for _, isNew := range added {
				if isNew {
					fresh++
				}
			}
			if err != nil {
				b.Error(err)
			}
		})
	}
	wg.Wait()
	if fresh != len(receipts) {
		b.Errorf("%d receipts were new, want %d", fresh, len(receipts))
	}
	for _, d := range devices {
		if got := b.story(id)[d.PushID]; len(got) != 2 {
			b.Errorf("%s has %+v", d.PushID, got)
		}
	}
}

func receiptsPruned(b *bench) {
	b.lease()
	anna := b.bound("anna")
	old, young := age(request(anna)), request(anna)
	for _, r := range []store.AcceptRequest{old, young} {
		b.settle(done(b.accept(r).Deliveries[0], message.Handed, message.Outcome{}, 0))
		b.report([]bool{true}, reportOf(r.Message.ID, b.tokenOf(anna), provider.Delivered))
	}
	b.prune(store.Cutoffs{Outcomes: b.Now().Add(-day)})
	if got := b.story(old.Message.ID); len(got) != 0 {
		b.Errorf("an old receipt is kept: %+v", got)
	}
	if got := b.story(young.Message.ID); len(got[anna.PushID]) != 1 {
		b.Errorf("a young receipt is gone: %+v", got)
	}
	b.report([]bool{true}, reportOf(old.Message.ID, b.tokenOf(anna), provider.Delivered)) // Its day is made again.
	b.prune(store.Cutoffs{Outcomes: b.Now().Add(3 * day)})
}

func receiptsRefused(b *bench) {
	anna := b.bound("anna")
	for _, id := range []string{"", "x", "00000000-0000-4000-8000-000000000000"} {
		good := reportOf(toUsers().Message.ID, b.tokenOf(anna), provider.Delivered)
		if _, err := b.AddReceipts(b.Context(), []store.Receipt{good, reportOf(id, b.tokenOf(anna), provider.Delivered)}); err == nil {
			b.Errorf("a receipt for message %q was stored", id)
		}
	}
}
