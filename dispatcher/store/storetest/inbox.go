package storetest

import (
	"errors"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
)

func inboxCases() []testCase {
	return []testCase{
		{"an inbox is read in order", inboxOrder},
		{"a message comes back as it was", messageRoundTrip},
		{"entries that are gone are a gap", gap},
		{"a cursor moves forward within the inbox", cursor},
		{"a device new to the user starts at the first entry", newDeviceCursor},
		{"an ack of a device that changed hands is ignored", foreignAck},
	}
}

func inboxOrder(b *bench) {
	var want []int64
	for i := range int64(7) {
		b.accept(toUsers("anna"))
		want = append(want, i+1)
	}
	var got []int64
	for after := int64(0); ; {
		page, gap, err := b.Inbox(b.Context(), "anna", after, 3)
		b.must(err)
		if gap || len(page) > 3 {
			b.Fatalf("gap %v, %d entries of 3", gap, len(page))
		}
		if len(page) == 0 {
			break
		}
		for _, e := range page {
			got = append(got, e.Seq)
		}
		after = got[len(got)-1]
	}
	if diff := cmp.Diff(want, got); diff != "" {
		b.Errorf("(-want +got):\n%s", diff)
	}
	if entries := b.inbox("nobody", 0); len(entries) != 0 {
		b.Errorf("nobody has %v", entries)
	}
}

func messageRoundTrip(b *bench) {
	full, bare := toUsers("anna"), toUsers("anna")
	full.Message.Body = "<ü>'\"; --"
	bare.Message.Push, bare.Message.Body = nil, ""
	for _, r := range []store.AcceptRequest{full, bare} {
		b.accept(r)
		got, err := b.Message(b.Context(), r.Message.ID)
		b.must(err)
		if diff := cmp.Diff(r.Message, got); diff != "" {
			b.Errorf("(-want +got):\n%s", diff)
		}
	}
	entries := b.inbox("anna", 0)
	if diff := cmp.Diff([]message.InboxEntry{{Seq: 1, Message: full.Message}, {Seq: 2, Message: bare.Message}}, entries); diff != "" {
		b.Errorf("(-want +got):\n%s", diff)
	}
	for _, id := range []string{"no id", toUsers().Message.ID} {
		if _, err := b.Message(b.Context(), id); !errors.Is(err, store.ErrNotFound) {
			b.Errorf("message %q: %v, want ErrNotFound", id, err)
		}
	}
}

// aged is a message that was accepted before a day.
func aged(users ...string) store.AcceptRequest { return age(toUsers(users...)) }

// age makes a message three days older, with the id that it would have had then.
func age(r store.AcceptRequest) store.AcceptRequest {
	r.Message.CreatedAt = r.Message.CreatedAt.Add(-3 * day)
	id := uuid.MustParse(r.Message.ID)
	for i, ms := 5, r.Message.CreatedAt.UnixMilli(); i >= 0; i, ms = i-1, ms>>8 {
		id[i] = byte(ms)
	}
	r.Message.ID = id.String()
	return r
}

func gap(b *bench) {
	for range 3 {
		b.accept(aged("anna"))
	}
	b.accept(toUsers("anna"))
	b.accept(aged("anna")) // a clock that went back leaves a hole inside
	b.accept(toUsers("anna"))
	b.prune(store.Cutoffs{Messages: b.Now().Add(-day)})
	for _, c := range []struct {
		after int64
		gap   bool
		seqs  []int64
	}{
		{0, true, []int64{4}}, {2, true, []int64{4}}, {3, false, []int64{4}}, {4, true, []int64{6}}, {5, false, []int64{6}}, {6, false, nil},
	} {
		entries, gap, err := b.Inbox(b.Context(), "anna", c.after, 10)
		b.must(err)
		var seqs []int64
		for _, e := range entries {
			seqs = append(seqs, e.Seq)
		}
		if gap != c.gap || !cmp.Equal(seqs, c.seqs) {
			b.Errorf("after %d: %v, gap %v, want %v, %v", c.after, seqs, gap, c.seqs, c.gap)
		}
	}
	b.accept(aged("bert"))
	b.prune(store.Cutoffs{Messages: b.Now().Add(-day)})
	if entries, gap, err := b.Inbox(b.Context(), "bert", 0, 10); err != nil || !gap || len(entries) != 0 {
		b.Errorf("everything is gone: %v, gap %v, %v", entries, gap, err)
	}
	if got := b.accept(toUsers("bert")); got.Seqs["bert"] != 2 {
		b.Errorf("the sequence began again at %d", got.Seqs["bert"])
	}
}

func (b *bench) cursor(d message.Device, userID string) int64 {
	b.Helper()
	n, err := b.Cursor(b.Context(), d.Key, userID)
	b.must(err)
	return n
}

func cursor(b *bench) {
	d, other := b.bound("anna"), b.bound("anna")
	for range 5 {
		b.accept(toUsers("anna"))
	}
	for _, step := range []struct{ ack, want int64 }{{2, 2}, {1, 2}, {4, 4}, {1 << 40, 5}} {
		b.must(b.Ack(b.Context(), d.Key, "anna", step.ack))
		if got := b.cursor(d, "anna"); got != step.want {
			b.Errorf("ack %d: the cursor is %d, want %d", step.ack, got, step.want)
		}
		if s, _ := b.fence(d.Key); s.Acked != step.want {
			b.Errorf("ack %d: the fence says %d, want %d", step.ack, s.Acked, step.want)
		}
	}
	if got := b.cursor(other, "anna"); got != 0 {
		b.Errorf("the other device's cursor moved to %d", got)
	}
}

func newDeviceCursor(b *bench) {
	for range 3 {
		b.accept(aged("anna"))
	}
	b.accept(toUsers("anna"))
	b.prune(store.Cutoffs{Messages: b.Now().Add(-day)})
	d := b.bound("anna")
	if got := b.cursor(d, "anna"); got != 3 {
		b.Errorf("the cursor is %d, want 3: the first kept entry is 4", got)
	}
	b.must(b.Ack(b.Context(), d.Key, "anna", 4))
	b.bind(d, "bert")
	b.accept(toUsers("anna"))
	b.bind(d, "anna")
	if got := b.cursor(d, "anna"); got != 4 {
		b.Errorf("a device that came back starts behind %d, want 4", got)
	}
}

func foreignAck(b *bench) {
	d := b.bound("anna")
	b.accept(toUsers("anna", "bert"))
	b.bind(d, "bert")
	b.must(b.Ack(b.Context(), d.Key, "anna", 1))
	b.must(b.Ack(b.Context(), 99, "anna", 1))
	if _, err := b.Cursor(b.Context(), d.Key, "anna"); !errors.Is(err, store.ErrNotFound) {
		b.Errorf("anna's cursor on bert's phone: %v, want ErrNotFound", err)
	}
	if got := b.cursor(d, "bert"); got != 0 {
		b.Errorf("bert's cursor moved to %d", got)
	}
	b.bind(d, "anna")
	if got := b.cursor(d, "anna"); got != 0 {
		b.Errorf("anna's cursor moved to %d while the phone was bert's", got)
	}
}
