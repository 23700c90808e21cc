package quota

import (
	"testing"
	"time"

	"github.com/offlinepush/operator/dispatcher/message"
)

func TestWhatWaitsIsLookedAtWhenItsPartHasGrown(t *testing.T) {
	t.Parallel()
	// Before the change messages of class System have used their part of 10, up to the reserve of 10 percent.
	const used = 9
	for name, tt := range map[string]struct {
		operation, system int64
		reserve           int32
		bulk, message     bool
	}{
		"as before":                 {0, 10, 10, false, false},
		"a little more":             {0, 11, 10, false, true},
		"more":                      {0, 20, 10, true, true},
		"less reserved":             {0, 10, 0, true, true},
		"without a limit":           {0, 0, 10, true, true},
		"less":                      {0, 5, 10, false, false},
		"less, and of another more": {1, 10, 10, false, false},
	} {
		l := ledger(newShelf(noon()))
		r := l.Row(vivo(0, 10, 10), rules())
		if got := use(r, "System", Message, 20); got.N != used {
			t.Fatalf("%d were taken", got.N)
		}
		r.Looked(Bulk)
		r.Looked(Message)
		r = l.Row(vivo(tt.operation, tt.system, tt.reserve), rules())
		if bulk, message := r.Grown(Bulk), r.Grown(Message); bulk != tt.bulk || message != tt.message {
			t.Errorf("%s: grown for bulk %v, for messages %v", name, bulk, message)
		}
	}
}

func TestTheLookGoesOnUntilNothingIsLeft(t *testing.T) {
	t.Parallel()
	l := ledger(newShelf(noon()))
	r := l.Row(vivo(1000, 2, 0), rules())
	if !r.Grown(Message) {
		t.Error("what another process held back is not looked at")
	}
	r.Looked(Message)
	if r.Grown(Message) || !r.Grown(Bulk) {
		t.Error("the look of one priority is not that of another")
	}
	l.Row(vivo(1000, 4, 0), rules())
	r = l.Row(vivo(1000, 4, 0), rules()) // with another credential
	if !r.Grown(Message) {
		t.Error("the look ends with the credential")
	}
	taken := r.Take(of("System"), Message, 4)
	if !r.Grown(Message) {
		t.Error("the look ends while calls may give back what they took")
	}
	taken.Tell(outcomes(4, message.Outcome{Class: message.Accepted}))
	if r.Grown(Message) {
		t.Error("the look goes on although the class that has grown is used up")
	}
}

func TestNothingIsLookedAtInVain(t *testing.T) {
	t.Parallel()
	s := newShelf(noon())
	r := ledger(s).Row(vivo(1000, 1, 0), rules())
	use(r, "System", Call, 1)
	taken := r.Take(of("Operation"), Message, 1)
	taken.Tell(outcomes(1, message.Outcome{Class: message.QuotaExhausted, RetryAfter: time.Hour}))
	if r.Grown(Message) {
		t.Error("although the vendor said that nothing is left")
	}
	s.pass(2 * time.Hour)
	if !r.Grown(Message) {
		t.Error("the vendor's word is over")
	}
	s.pass(10 * time.Hour) // to midnight, when both classes are new, and Operation sleeps
	use(r, "System", Call, 1)
	if r.Grown(Message) {
		t.Error("although the vendor takes the class by day only")
	}
}
