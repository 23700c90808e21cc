package quota

import (
	"time"

	"github.com/offlinepush/operator/dispatcher/provider"
)

// part is what a priority may use of a class.
type part struct {
	class provider.QuotaClass
	p     Priority
}

// growth are the parts that are larger than those that the row had before, with those of then for which Looked was not called.
// All of a row that had none are: what another process or a suspended row held back may go now.
func (r *Row) growth(former *Row) map[part]bool {
	grown := map[part]bool{}
	for _, class := range r.rules.Classes {
		for _, p := range []Priority{Bulk, Message, Call} {
			k := part{class, p}
			grown[k] = former == nil || former.grown[k] || r.most(class, p) > former.most(class, p)
		}
	}
	return grown
}

// Grown reports whether pushes of the priority that wait for their day are worth another look: its part of a class has grown
// since the last one, and there is something left of it.
func (r *Row) Grown(p Priority) bool {
	now := r.ledger.Store.Now()
	r.ledger.mu.Lock()
	defer r.ledger.mu.Unlock()
	for _, class := range r.rules.Classes {
		if r.grown[part{class, p}] && r.room(class, p, now) {
			return true
		}
	}
	return false
}

// Looked notes that all pushes of the priority that wait were looked at.
func (r *Row) Looked(p Priority) {
	r.ledger.mu.Lock()
	defer r.ledger.mu.Unlock()
	for _, class := range r.rules.Classes {
		delete(r.grown, part{class, p})
	}
}

// room reports whether a push of the class may go, or might if those in calls give back what they took.
func (r *Row) room(class provider.QuotaClass, p Priority, now time.Time) bool {
	c, known := r.ledger.counts[r.today(class, now)]
	if !known {
		c = newCount()
	}
	return r.begins(class, now).IsZero() && !c.spentUntil.After(now) && r.left(c, class, p)+c.open > 0
}
