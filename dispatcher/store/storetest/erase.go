package storetest

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
)

func eraseCases() []testCase {
	return []testCase{
		{"an erased user is nobody at once", erasedIsNobody},
		{"an erasure goes on where it was", erasureGoesOn},
		{"what an erased user sent says nothing", erasedSender},
		{"who comes back with the id is somebody else", erasedComesBack},
		{"an erasure leaves others alone", erasureLeavesOthers},
		{"the account balances after an erasure", erasureBalances},
		{"keys of users are not used twice", erasedKeys},
		{"an erased user leaves every group", erasedMember},
	}
}

// erase forgets a user whole, in steps of two rows, and gives the number of steps.
func (b *bench) erase(userID string) (steps int) {
	b.Helper()
	erasures, err := b.Erase(b.Context(), userID)
	b.must(err)
	for _, e := range erasures {
		b.must(b.EraseDevices(b.Context(), e))
		steps += b.eraseRows(e)
	}
	return steps
}

func (b *bench) eraseRows(e store.Erasure) (steps int) {
	b.Helper()
	for more := true; more; steps++ {
		var err error
		more, err = b.EraseRows(b.Context(), e, 2)
		b.must(err)
		if steps > 1000 {
			b.Fatal("an erasure does not end")
		}
	}
	return steps
}

func (b *bench) unfinished() []store.Erasure {
	b.Helper()
	all, err := b.Erasures(b.Context(), 100)
	b.must(err)
	return all
}

func erasedIsNobody(b *bench) {
	b.lease()
	d := b.bound("anna")
	other := b.bound("bert")
	b.accept(toUsers("anna"))
	before := b.Now().Truncate(time.Millisecond)
	erasures, err := b.Erase(b.Context(), "anna")
	b.must(err)
	want := []store.Erasure{{
		ID: erasures[0].ID, User: erasures[0].User, UserID: "anna", BegunAt: erasures[0].BegunAt,
		Devices: []store.EpochChange{{Device: d.Key, Epoch: d.Epoch + 1, FormerUserID: "anna"}},
	}}
	if diff := cmp.Diff(want, erasures); diff != "" || want[0].User == 0 || want[0].BegunAt.Before(before) {
		b.Fatalf("%v\n%s", erasures, diff)
	}
	if found, err := b.DevicesOf(b.Context(), []string{"anna", "bert"}); err != nil || len(found["anna"]) != 0 || len(found["bert"]) != 1 {
		b.Errorf("devices: %v, %v", found, err)
	}
	if got, err := b.Device(b.Context(), d.PushID); err != nil || got.UserID != "" || got.Epoch != d.Epoch+1 {
		b.Errorf("the device: %+v, %v", got, err)
	}
	if entries, gap, err := b.Inbox(b.Context(), "anna", 0, 10); err != nil || gap || len(entries) != 0 {
		b.Errorf("the inbox: %v, %v, %v", entries, gap, err)
	}
	if _, err := b.Cursor(b.Context(), d.Key, "anna"); !errors.Is(err, store.ErrNotFound) {
		b.Errorf("the cursor: %v", err)
	}
	b.must(b.EraseDevices(b.Context(), erasures[0]))
	if _, err := b.Device(b.Context(), d.PushID); !errors.Is(err, store.ErrNotFound) {
		b.Errorf("the erased device: %v", err)
	}
	if got, err := b.Device(b.Context(), other.PushID); err != nil || got.UserID != "bert" || got.Epoch != other.Epoch {
		b.Errorf("somebody else's device: %+v, %v", got, err)
	}
}

func erasureGoesOn(b *bench) {
	d := b.bound("anna")
	const messages = 7
	for range messages {
		b.accept(toUsers("anna"))
	}
	first, err := b.Erase(b.Context(), "anna")
	b.must(err)
	b.reopen()
	again, err := b.Erase(b.Context(), "anna")
	b.must(err)
	if diff := cmp.Diff(first, again); diff != "" {
		b.Errorf("the repeated request (-first +again):\n%s", diff)
	}
	if diff := cmp.Diff(first, b.unfinished()); diff != "" {
		b.Errorf("what is not done (-want +got):\n%s", diff)
	}
	b.must(b.EraseDevices(b.Context(), first[0]))
	b.must(b.EraseDevices(b.Context(), first[0]))
	if more, err := b.EraseRows(b.Context(), first[0], 2); err != nil || !more {
		b.Fatalf("%v %v, want more of %d entries", more, err, messages)
	}
	b.reopen()
	left := b.unfinished()
	if len(left) != 1 || len(left[0].Devices) != 0 {
		b.Fatalf("left %+v", left)
	}
	if steps := b.eraseRows(left[0]); steps < (messages-2)/2 {
		b.Errorf("%d steps for the rest, want several", steps)
	}
	if left := b.unfinished(); len(left) != 0 {
		b.Errorf("left %v", left)
	}
	if more, err := b.EraseRows(b.Context(), first[0], 2); err != nil || more {
		b.Errorf("repeating an erasure that is done: %v %v", more, err)
	}
	if _, err := b.Device(b.Context(), d.PushID); !errors.Is(err, store.ErrNotFound) {
		b.Errorf("the device: %v", err)
	}
}

func erasedSender(b *bench) {
	var sent []store.AcceptRequest
	for range 5 {
		r := toUsers("bert")
		r.Message.Sender, r.Message.Detail = "anna", message.Detail{GroupID: "g", Mentions: &message.Mentions{UserIDs: []string{"anna"}}}
		b.accept(r)
		sent = append(sent, r)
	}
	if steps := b.erase("anna"); steps < 3 { // who was never bound and never got anything
		b.Errorf("%d steps for %d messages", steps, len(sent))
	}
	for i, e := range b.inbox("bert", 0) {
		want := sent[i].Message
		want.Sender, want.Body, want.Push, want.Recalled, want.Detail = "", "", nil, true, message.Detail{GroupID: "g"}
		if diff := cmp.Diff(message.InboxEntry{Seq: int64(i + 1), Message: want}, e); diff != "" {
			b.Errorf("(-want +got):\n%s", diff)
		}
	}
	again := sent[0]
	again.Message.ID = toUsers().Message.ID
	if got := b.accept(again); got.Duplicate {
		b.Error("the ids of the sender's requests are still known")
	}
}

func erasedComesBack(b *bench) {
	b.bound("anna")
	for range 5 {
		b.accept(toUsers("anna"))
	}
	erasures, err := b.Erase(b.Context(), "anna")
	b.must(err)
	d := b.bound("anna")
	mine := toUsers("anna", "bert")
	mine.Message.Sender = "anna"
	mine.Message.CreatedAt = b.Now().Add(2 * time.Second)
	if got := b.accept(toUsers("anna")); got.Seqs["anna"] != 1 {
		b.Errorf("the first message is at %d", got.Seqs["anna"])
	}
	b.must(b.EraseDevices(b.Context(), erasures[0]))
	b.eraseRows(erasures[0])
	if got, err := b.Device(b.Context(), d.PushID); err != nil || got.UserID != "anna" {
		b.Errorf("the new device: %+v, %v", got, err)
	}
	if got := b.inbox("anna", 0); len(got) != 1 || got[0].Message.Body == "" {
		b.Errorf("the new inbox: %v", got)
	}
	if n := b.erase("anna"); n == 0 || len(b.inbox("anna", 0)) != 0 {
		b.Error("the second life was not erased")
	}
}

func erasureLeavesOthers(b *bench) {
	shared := b.bound("anna")
	b.accept(toUsers("anna"))
	moved := b.bind(shared, "bert").Device // anna's cursor of the device stays
	both := toUsers("anna", "bert")
	b.accept(both)
	b.erase("anna")
	if got, err := b.Device(b.Context(), moved.PushID); err != nil || got.UserID != "bert" || got.Epoch != moved.Epoch {
		b.Errorf("a device that was the user's once: %+v, %v", got, err)
	}
	if _, err := b.Cursor(b.Context(), moved.Key, "bert"); err != nil {
		b.Errorf("its cursor: %v", err)
	}
	if got := b.inbox("bert", 0); len(got) != 1 || got[0].Message.Body != both.Message.Body {
		b.Errorf("the other receiver's inbox: %v", got)
	}
	if steps := b.erase("nobody"); steps != 1 || len(b.unfinished()) != 0 {
		b.Errorf("erasing who never was took %d steps and left %v", steps, b.unfinished())
	}
}

func erasureBalances(b *bench) {
	b.lease()
	d, other := b.bound("anna"), b.bound("bert")
	pending, handed := request(d, other), request(d, other)
	b.accept(pending)
	b.settle(done(b.accept(handed).Deliveries[0], message.Handed, message.Outcome{}, 0))
	before, err := b.Account(b.Context())
	b.must(err)
	b.erase("anna")
	after, err := b.Account(b.Context())
	b.must(err)
	if diff := cmp.Diff(before, after); diff != "" {
		b.Errorf("the account changed:\n%s", diff)
	}
	b.balanced()
	lines, err := b.Trace(b.Context(), handed.Message.ID)
	b.must(err)
	names := []string{lines[0].UserID, lines[1].UserID}
	if len(lines) != 2 || !slices.Equal(names, []string{"", "bert"}) {
		b.Errorf("the trace names %q", names)
	}
	if _, known := b.fence(d.Key); known {
		b.Error("the fence lets something through to the erased device")
	}
}

func erasedKeys(b *bench) {
	b.lease()
	d := b.bound("anna") // the newest key
	r := request(d)
	b.settle(done(b.accept(r).Deliveries[0], message.Handed, message.Outcome{}, 0))
	b.erase("anna")
	for i := range 3 {
		b.bound(fmt.Sprint("user ", i))
	}
	lines, err := b.Trace(b.Context(), r.Message.ID)
	b.must(err)
	if len(lines) != 1 || lines[0].UserID != "" {
		b.Errorf("what was counted of an erased user is another's: %+v", lines)
	}
}

func erasedMember(b *bench) {
	groups := []string{"a", "b", "c", "d", "e"}
	for _, g := range groups {
		b.put(g, "anna", "bert")
	}
	b.leave("e", "anna")
	b.erase("anna")
	for _, g := range groups {
		if got := b.membersOf(g); !slices.Equal(got, []string{"bert"}) {
			b.Errorf("members of %s: %v", g, got)
		}
		b.changes("joining "+g, store.GroupChange{Changed: 1, Members: 2}, func() (store.GroupChange, error) {
			return b.AddMembers(b.Context(), g, []string{"carl"})
		})
	}
	if of, err := b.GroupsOf(b.Context(), "anna", 0, 10); err != nil || len(of) != 0 {
		b.Errorf("groups of the erased user: %v, %v", of, err)
	}
}
