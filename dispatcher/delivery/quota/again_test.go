package quota

import (
	"testing"

	"github.com/offlinepush/operator/dispatcher/message"
)

// TestARowThatIsSetGoingAgainAsksAgain: people suspend a row and set it going when they had its quota raised.
func TestARowThatIsSetGoingAgainAsksAgain(t *testing.T) {
	t.Parallel()
	s := newShelf(noon())
	l, other := ledger(s), ledger(s)
	r := l.Row(vivo(0, 1000, 0), rules())
	taken := r.Take(of("System"), Message, 1)
	taken.Tell(outcomes(1, message.Outcome{Class: message.QuotaExhausted}))
	l.turn(t.Context())
	if got := use(r, "System", Message, 1); got.N != 0 {
		t.Fatalf("%d went out after the vendor's word", got.N)
	}
	l.Forget("vivo")
	l.turn(t.Context())
	for name, l := range map[string]*Ledger{"the same process": l, "another": other} {
		l.Load(t.Context())
		r := l.Row(vivo(0, 1000, 0), rules())
		if quotas, since := l.Report("vivo"); !since.IsZero() || len(quotas) != 1 || !quotas[0].UsedUpUntil.IsZero() {
			t.Errorf("%s: reports %+v since %v", name, quotas, since)
		}
		if got := use(r, "System", Message, 1); got.N != 1 {
			t.Errorf("%s: nothing goes out: %s", name, got.Why)
		}
	}
}
