package storetest

import (
	"errors"
	"maps"
	"slices"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
)

func recallCases() []testCase {
	return []testCase{
		{"a recalled message leaves its place and nothing of what it said", recalled},
		{"a message is recalled once", recalledOnce},
		{"a refused recall leaves nothing behind", refusedRecall},
		{"an edited message has its last body", edited},
		{"a push is in no inbox", pushInNoInbox},
		{"the receivers of a message are listed", receivers},
		{"devices are found by their push ids", devicesNamed},
		{"the fence tells of a recall", fenceOfRecall},
		{"the fence tells what became of a replaced push", replacedStates},
		{"the fence tells of every row of a replaced push", replacedRows},
		{"what may have been handed is told apart from what was not", replacedInDoubt},
		{"what a former owner left may have been handed", replacedLeft},
	}
}

// recallOf takes a message back from its receivers.
func recallOf(m store.AcceptRequest) store.AcceptRequest {
	r := toUsers(m.Recipients...)
	r.Message.Kind, r.Message.Body, r.Message.Push = message.KindRecall, "", nil
	r.Message.Detail = message.Detail{GroupID: m.Message.Detail.GroupID, Of: m.Message.ID}
	r.Also.Recall = m.Message.ID
	return r
}

func recalled(b *bench) {
	peer, group := toUsers("anna", "bert"), toUsers("anna")
	group.Message.Detail = message.Detail{GroupID: `the "great" ones`, Mentions: &message.Mentions{All: true}}
	for i, r := range []store.AcceptRequest{peer, group} {
		b.accept(r)
		back := recallOf(r)
		b.accept(back)
		want := r.Message
		want.Body, want.Push, want.Recalled = "", nil, true
		want.Detail = message.Detail{GroupID: r.Message.Detail.GroupID}
		got, err := b.Message(b.Context(), r.Message.ID)
		b.must(err)
		if diff := cmp.Diff(want, got); diff != "" {
			b.Errorf("the message (-want +got):\n%s", diff)
		}
		seq := int64(2 * i)
		entries := []message.InboxEntry{{Seq: seq + 1, Message: want}, {Seq: seq + 2, Message: back.Message}}
		if diff := cmp.Diff(entries, b.inbox("anna", seq)); diff != "" {
			b.Errorf("the inbox (-want +got):\n%s", diff)
		}
	}
}

func recalledOnce(b *bench) {
	m := toUsers("anna")
	b.accept(m)
	first, second := recallOf(m), recallOf(m)
	results := b.Accept(b.Context(), []store.AcceptRequest{first, second})
	b.must(results[0].Err)
	if !errors.Is(results[1].Err, store.ErrRecalled) {
		b.Errorf("the second recall beside the first: %v, want ErrRecalled", results[1].Err)
	}
	if got := b.Accept(b.Context(), []store.AcceptRequest{second})[0]; !errors.Is(got.Err, store.ErrRecalled) {
		b.Errorf("the second recall behind the first: %v, want ErrRecalled", got.Err)
	}
	first.Message.ID = toUsers().Message.ID
	if got := b.accept(first); !got.Duplicate || got.MessageID != results[0].MessageID {
		b.Errorf("the repeated recall: %+v, want a duplicate of %s", got, results[0].MessageID)
	}
	if n := len(b.inbox("anna", 0)); n != 2 {
		b.Errorf("anna has %d entries, want the message and one recall", n)
	}
}

func refusedRecall(b *bench) {
	known := toUsers("anna")
	b.accept(known)
	missing, wrong, good := recallOf(toUsers("anna")), recallOf(known), recallOf(known)
	wrong.Also.Recall = "no id"
	results := b.Accept(b.Context(), []store.AcceptRequest{missing, wrong, good})
	for i, want := range []error{store.ErrNotFound, store.ErrNotFound, nil} {
		if !errors.Is(results[i].Err, want) {
			b.Errorf("request %d: %v, want %v", i, results[i].Err, want)
		}
	}
	if got := results[2].Seqs["anna"]; got != 2 {
		b.Errorf("the good one is at %d, want 2: the refused ones took no place", got)
	}
	missing.Also.Recall = ""
	if got := b.accept(missing); got.Duplicate {
		b.Error("a refused request used its client id up")
	}
}

// editOf gives a message another body.
func editOf(m store.AcceptRequest, body string) store.AcceptRequest {
	r := toUsers(m.Recipients...)
	r.Message.Kind, r.Message.Body, r.Message.Push = message.KindEdit, body, nil
	r.Message.Detail = message.Detail{Of: m.Message.ID}
	r.Also.Edit = m.Message.ID
	return r
}

func edited(b *bench) {
	m, other := toUsers("anna"), toUsers("anna")
	b.accept(m)
	b.accept(other)
	results := b.Accept(b.Context(), []store.AcceptRequest{editOf(m, "first"), editOf(m, "second"), editOf(other, "third")})
	for _, r := range results {
		b.must(r.Err)
	}
	for id, body := range map[string]string{m.Message.ID: "second", other.Message.ID: "third", results[0].MessageID: "first"} {
		got, err := b.Message(b.Context(), id)
		b.must(err)
		if got.Body != body || got.Recalled {
			b.Errorf("%s: %+v, want the body %q", id, got, body)
		}
	}
	results = b.Accept(b.Context(), []store.AcceptRequest{recallOf(m), editOf(m, "late"), editOf(toUsers("anna"), "of none")})
	for i, want := range []error{nil, store.ErrRecalled, store.ErrNotFound} {
		if !errors.Is(results[i].Err, want) {
			b.Errorf("request %d: %v, want %v", i, results[i].Err, want)
		}
	}
	if got := b.Accept(b.Context(), []store.AcceptRequest{editOf(m, "later")})[0]; !errors.Is(got.Err, store.ErrRecalled) {
		b.Errorf("an edit of a recalled message: %v, want ErrRecalled", got.Err)
	}
	if got, err := b.Message(b.Context(), m.Message.ID); err != nil || got.Body != "" || !got.Recalled {
		b.Errorf("the recalled message: %+v, %v", got, err)
	}
}

func pushInNoInbox(b *bench) {
	b.lease()
	d := b.bound("anna")
	push := func() store.AcceptRequest {
		r := request(d)
		r.Message.Kind, r.Recipients = message.KindPush, []string{"anna", "bert"}
		r.Suppressed = []store.Suppression{{UserID: "bert", Reason: message.ReasonNeverLoggedIn}}
		return r
	}
	first := push()
	got := b.Accept(b.Context(), []store.AcceptRequest{first, toUsers("anna"), push(), toUsers("anna", "bert")})
	for _, r := range got {
		b.must(r.Err)
	}
	if diff := cmp.Diff([]map[string]int64{{}, {"anna": 1}, {}, {"anna": 2, "bert": 1}}, []map[string]int64{
		got[0].Seqs, got[1].Seqs, got[2].Seqs, got[3].Seqs,
	}); diff != "" {
		b.Errorf("places (-want +got):\n%s", diff)
	}
	if target := got[0].Deliveries[0].Targets[0]; target != (message.Target{Device: d.Key, Epoch: d.Epoch}) {
		b.Errorf("the push's target: %+v", target)
	}
	if again := b.accept(first); !again.Duplicate || len(again.Seqs) != 0 {
		b.Errorf("again: %+v", again)
	}
	lines, err := b.Trace(b.Context(), first.Message.ID)
	b.must(err)
	if len(lines) != 2 || lines[0].UserID != "anna" || lines[1].UserID != "bert" {
		b.Errorf("the push's trace: %+v", lines)
	}
	if n := len(b.inbox("anna", 0)); n != 2 {
		b.Errorf("anna has %d messages, want 2", n)
	}
	b.balanced()
}

func receivers(b *bench) {
	m := toUsers("zoe", "anna", "bert")
	b.accept(m)
	b.accept(toUsers("carl"))
	for id, want := range map[string][]string{m.Message.ID: {"anna", "bert", "zoe"}, toUsers().Message.ID: nil, "no id": nil} {
		if got, err := b.Receivers(b.Context(), id); err != nil || !slices.Equal(got, want) {
			b.Errorf("%s: %v, %v, want %v", id, got, err, want)
		}
	}
}

func devicesNamed(b *bench) {
	bound, free := b.bound("anna"), b.phone("free")
	b.phone("other")
	got, err := b.DevicesNamed(b.Context(), []string{free.PushID, "nobody's", bound.PushID, free.PushID})
	b.must(err)
	if diff := cmp.Diff(map[string]message.Device{bound.PushID: bound, free.PushID: free}, got); diff != "" {
		b.Errorf("(-want +got):\n%s", diff)
	}
	if got, err := b.DevicesNamed(b.Context(), nil); err != nil || len(got) != 0 {
		b.Errorf("of nothing: %v, %v", got, err)
	}
}

func fenceOfRecall(b *bench) {
	b.lease()
	d := b.bound("anna")
	m, other := request(d), request(d)
	b.accept(m)
	b.accept(other)
	check := func(id string, want bool) {
		b.Helper()
		f, err := b.Fence(b.Context(), store.FenceQuery{MessageID: id, Devices: []int64{d.Key}, Kind: message.TokenAlert})
		b.must(err)
		if f.Recalled != want || f.Devices[d.Key].UserID != "anna" {
			b.Errorf("%q: %+v, want recalled %v", id, f, want)
		}
	}
	check(m.Message.ID, false)
	b.accept(recallOf(m))
	check(m.Message.ID, true)
	check(other.Message.ID, false)
	check(toUsers().Message.ID, false)
	check("", false)
}

// replaced reads what became of the message's push at the devices, in their order.
func (b *bench) replaced(messageID string, devices ...message.Device) []store.Replaced {
	b.Helper()
	var keys []int64
	for _, d := range devices {
		keys = append(keys, d.Key)
	}
	f, err := b.Fence(b.Context(), store.FenceQuery{
		MessageID: toUsers().Message.ID, Replaces: messageID, Devices: keys, Kind: message.TokenAlert,
	})
	b.must(err)
	if got := slices.Sorted(maps.Keys(f.Devices)); !slices.Equal(got, slices.Sorted(slices.Values(keys))) {
		b.Errorf("the fence knows of %v, want %v", got, keys)
	}
	var out []store.Replaced
	for _, key := range keys {
		out = append(out, f.Devices[key].Replaced)
	}
	return out
}

func (b *bench) wantReplaced(what, messageID string, devices []message.Device, want ...store.Replaced) {
	b.Helper()
	if got := b.replaced(messageID, devices...); !slices.Equal(got, want) {
		b.Errorf("%s: %q, want %q", what, got, want)
	}
}

const (
	none  = store.ReplacedNone
	open  = store.ReplacedPending
	taken = store.ReplacedHanded
)

func replacedStates(b *bench) {
	b.lease()
	devices := b.many(4)
	stranger := b.bound("zoe")
	m := request(devices...)
	m.Recipients = append(m.Recipients, "yan")
	m.Suppressed = []store.Suppression{{UserID: "yan", Device: stranger.Key, Reason: message.ReasonNoToken}}
	all := append(slices.Clone(devices), stranger)
	b.wantReplaced("before", m.Message.ID, all, none, none, none, none, none)
	row := b.accept(m).Deliveries[0]
	b.wantReplaced("open", m.Message.ID, all, open, open, open, open, none)
	b.settle(store.Settlement{
		DeliveryID: row.ID,
		Done: []store.TargetResult{
			{Target: row.Targets[0], State: message.Handed, Reason: "Accepted", Outcome: message.Outcome{Class: message.Accepted}},
			{Target: row.Targets[1], State: message.Cancelled, Reason: message.ReasonRecalled},
			{Target: row.Targets[2], State: message.Failed, Reason: "Rejected"},
		},
		Retry: []store.Retry{{Targets: row.Targets[3:], DueAt: row.DueAt}},
	})
	b.wantReplaced("settled in part", m.Message.ID, all, taken, none, none, open, none)
	b.settle(done(b.due("fcm")[0], message.Quarantined, message.Outcome{}, 0))
	b.wantReplaced("ended", m.Message.ID, all, taken, none, none, none, none)
	b.wantReplaced("no message", "no id", all, none, none, none, none, none)
	b.balanced()
}

func replacedRows(b *bench) {
	b.lease()
	devices := b.many(3)
	m := request(devices...)
	all := m.Deliveries[0]
	m.Deliveries = nil
	for i := range all.Targets {
		m.Deliveries = append(m.Deliveries, store.NewDelivery{
			Channel: []string{"fcm", "xiaomi", "fcm"}[i], DueAt: all.DueAt, Targets: all.Targets[i : i+1],
		})
	}
	rows := b.accept(m).Deliveries
	b.settle(done(rows[1], message.Handed, message.Outcome{Class: message.Accepted}, 1))
	b.wantReplaced("one of three rows", m.Message.ID, devices, open, taken, open)
	b.settle(done(rows[0], message.Cancelled, message.Outcome{}, 0), done(rows[2], message.Handed, message.Outcome{Class: message.Accepted}, 1))
	b.wantReplaced("all rows", m.Message.ID, devices, none, taken, taken)
}

func replacedInDoubt(b *bench) {
	b.lease()
	devices := b.many(2)
	m := request(devices...)
	row := b.accept(m).Deliveries[0]
	if row.InDoubt || b.due("fcm")[0].InDoubt {
		b.Error("a new row is in doubt")
	}
	b.settle(store.Settlement{DeliveryID: row.ID, Retry: []store.Retry{{Targets: row.Targets, DueAt: row.DueAt}}})
	if b.due("fcm")[0].InDoubt {
		b.Error("a row that waited is in doubt")
	}
	b.settle(store.Settlement{DeliveryID: row.ID, Retry: []store.Retry{{Targets: row.Targets, DueAt: row.DueAt, Attempt: 1}}})
	if !b.due("fcm")[0].InDoubt {
		b.Error("a row whose call got no answer is not in doubt")
	}
	s := done(row, message.Cancelled, message.Outcome{}, 0)
	s.Done[1].InDoubt = true
	b.settle(s)
	b.wantReplaced("cancelled", m.Message.ID, devices, none, taken)
}

// doubted is a row as it is read after its owner's end, who may have sent it.
func doubted(d message.Delivery) message.Delivery {
	d.InDoubt = true
	return d
}

func replacedLeft(b *bench) {
	b.lease()
	m := request(b.bound("anna"))
	b.accept(m)
	b.reopen() // as after a crash, perhaps in the middle of a call
	b.lease()
	row := b.due("fcm")[0]
	if !row.InDoubt {
		b.Error("what the former process left is not in doubt")
	}
	fresh := b.accept(request(b.bound("bert"))).Deliveries[0]
	for _, d := range b.due("fcm") {
		if d.InDoubt != (d.ID == row.ID) {
			b.Errorf("row %d of %d and %d: in doubt %v", d.ID, row.ID, fresh.ID, d.InDoubt)
		}
	}
}
