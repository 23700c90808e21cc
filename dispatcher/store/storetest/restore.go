package storetest

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/rules"
)

// Copy is a store that was restored from a backup.
type Copy struct {
	Open Opener
	// Restored takes it into use.
	Restored func(complete bool) error
}

// Restore backs a store up, while somebody works with it, and goes on with what was restored: nobody who had a phone at
// the time of the backup is pushed on it, nothing that was pending comes, and no place of an inbox is given twice.
func Restore(t *testing.T, original Opener, backup func() Copy) {
	t.Helper()
	b := newBench(t, func(*testing.T) Opener { return original })
	b.lease()
	d, leaving := b.bound("anna"), b.bound("leo")
	b.confirm(store.EpochChange{Device: d.Key, Epoch: d.Epoch})
	b.setBadge(d, 7)
	first := b.accept(request(d)).MessageID
	if _, err := b.Erase(b.Context(), "leo"); err != nil {
		b.Fatal(err)
	}
	b.must(b.SetPresence(b.Context(), "anna", time.Hour))
	older, same := backup(), backup()

	b.accept(toUsers("anna"))
	b.bind(d, "ben")
	b.expire()
	b.must(b.Close())
	for _, c := range []struct {
		name     string
		copy     Copy
		complete bool
		check    func(b *bench, d, leaving message.Device, first string)
	}{
		{"an older state", older, false, olderState},
		{"the newest state", same, true, newestState},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := c.copy.Open()
			if !errors.Is(err, store.ErrCopied) || !strings.Contains(err.Error(), "dispatcher restored") {
				t.Fatalf("a copy that nobody declared opens with %v, want ErrCopied with the cure", err)
			}
			if err := c.copy.Restored(c.complete); err != nil {
				t.Fatal(err)
			}
			again := newBench(t, func(*testing.T) Opener { return c.copy.Open })
			again.made.Store(b.made.Load())
			again.lease()
			c.check(again, d, leaving, first)
			again.balanced()
			again.reopen() // the mark is gone for good
		})
	}
	b.open() // the original is no copy, and closes with the bench
}

// olderState checks that who has the phones now is unknown.
func olderState(b *bench, d, leaving message.Device, first string) {
	of, err := b.DevicesOf(b.Context(), []string{"anna"})
	b.must(err)
	is, ok := b.fence(d.Key)
	if len(of) > 0 || !ok || is.UserID != "" || is.Epoch < d.Epoch+rules.RestoreJump || !is.TokenOK {
		b.Errorf("anna has %v, the phone is %+v", of, is)
	}
	pending := b.due("fcm")
	if len(pending) != 1 || pending[0].MessageID != first || pending[0].Targets[0].Epoch == is.Epoch {
		b.Errorf("what was pending is %+v at epoch %d, want it for an epoch that is over", pending, is.Epoch)
	}
	if got := b.recipients(store.Ask{UserID: "anna"})["anna"]; !got.OnlineUntil.IsZero() {
		b.Error("anna is still said to be online elsewhere")
	}
	changed := b.bind(d, "ben")
	if len(changed.Unconfirmed) > 0 || changed.Changes[0].FormerUserID != "" {
		b.Errorf("the first login tells of %+v", changed)
	}
	if got := b.bind(d, "anna").Device; got.UserID != "anna" {
		b.Errorf("anna's login made %+v", got)
	}
	next := b.accept(toUsers("anna")).Seqs["anna"]
	if next <= rules.RestoreJump {
		b.Errorf("the next message has place %d, which a phone may have seen", next)
	}
	b.starts("anna", 0, 1, false)
	b.starts("anna", 1, next, true)
	b.erasedWith(leaving)
}

// erasedWith checks that an erasure which had begun still finds the phone.
func (b *bench) erasedWith(d message.Device) {
	b.Helper()
	for _, e := range b.unfinished() {
		for _, c := range e.Devices {
			if c.Device == d.Key && e.UserID == "leo" {
				return
			}
		}
	}
	b.Error("the erasure of leo does not find the phone any more")
}

// newestState checks that nothing has changed.
func newestState(b *bench, d, leaving message.Device, first string) {
	is, ok := b.fence(d.Key)
	if !ok || is.UserID != "anna" || is.Epoch != d.Epoch {
		b.Errorf("the phone is %+v, want anna's at epoch %d", is, d.Epoch)
	}
	if pending := b.due("fcm"); len(pending) != 1 || pending[0].MessageID != first || pending[0].Targets[0].Epoch != is.Epoch {
		b.Errorf("what was pending is %+v", pending)
	}
	if next := b.accept(toUsers("anna")).Seqs["anna"]; next != 2 {
		b.Errorf("the next message has place %d, want 2", next)
	}
	b.erasedWith(leaving)
}
