package storetest

import (
	"strings"
	"testing"

	"github.com/offlinepush/operator/dispatcher/store"
)

// Full fills the store's volume, which must be small, and then has room made:
// nothing that was answered is lost, nothing that was refused is there, and
// the same store goes on.
func Full(t *testing.T, open Opener, makeRoom func(store.Store)) {
	t.Helper()
	b := newBench(t, func(*testing.T) Opener { return open })
	b.lease()
	d := b.bound("anna")
	var ids []string
	refused := request(d)
	for range 100_000 {
		refused = request(d)
		refused.Message.Body = strings.Repeat("x", 8<<10)
		got := b.Accept(b.Context(), []store.AcceptRequest{refused})[0]
		if got.Err != nil {
			if !strings.Contains(got.Err.Error(), "volume is full") {
				t.Errorf("a full volume is told as %q", got.Err)
			}
			break
		}
		ids = append(ids, got.MessageID)
	}
	b.kept(ids)
	if got := b.Accept(b.Context(), []store.AcceptRequest{refused})[0]; got.Err == nil {
		t.Error("a full volume took the request that it had refused")
	}
	makeRoom(b.Store)
	ids = append(ids, b.accept(refused).MessageID)
	b.must(b.Ping(b.Context()))
	b.kept(ids)
	b.reopen()
	b.kept(ids)
}

// kept checks that anna's inbox holds exactly these messages.
func (b *bench) kept(ids []string) {
	b.Helper()
	entries := b.inbox("anna", 0)
	if len(entries) != len(ids) || len(ids) == 0 {
		b.Fatalf("%d messages are kept, %d were accepted", len(entries), len(ids))
	}
	for i, e := range entries {
		if e.Message.ID != ids[i] || e.Seq != int64(i)+1 {
			b.Errorf("entry %d is %s at %d, want %s", i, e.Message.ID, e.Seq, ids[i])
		}
	}
	b.balanced()
}
