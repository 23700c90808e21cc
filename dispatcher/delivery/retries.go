package delivery

import (
	"slices"
	"time"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
)

// retries are the targets that an attempt keeps, together where they are due in the same second and have used up a try
// alike. Nobody is tried sooner than it was to be, and hardly later because of others.
type retries []together

// together is a part of a delivery that becomes a row.
type together struct {
	targets []message.Target
	at      time.Time // the latest of its targets
	tried   bool
	last    message.Outcome
}

// add keeps targets until a time; the outcome is zero when there was no call.
func (r *retries) add(kept []message.Target, at time.Time, o message.Outcome) {
	part := together{targets: slices.Clip(kept), at: at, tried: counts(o.Class), last: o}
	i := slices.IndexFunc(*r, func(t together) bool { return t.at.Unix() == at.Unix() && t.tried == part.tried })
	if i < 0 {
		*r = append(*r, part)
		return
	}
	(*r)[i].join(part)
}

func (t *together) join(o together) {
	t.targets = append(t.targets, o.targets...)
	t.tried = t.tried || o.tried
	if o.at.After(t.at) {
		t.at = o.at
	}
	if o.last.Class != "" {
		t.last = o.last
	}
}

// rows are what is left of the delivery. Beyond as many as the store takes, those that are due closest to each other
// are put together.
func (r *retries) rows(d message.Delivery) (out []store.Retry) {
	parts := slices.SortedStableFunc(slices.Values(*r), func(a, b together) int { return a.at.Compare(b.at) })
	for len(parts) > store.MaxRetries {
		i := closest(parts)
		parts[i].join(parts[i+1])
		parts = slices.Delete(parts, i+1, i+2)
	}
	for _, p := range parts {
		tries := d.Attempt
		if p.tried {
			tries++
		}
		out = append(out, store.Retry{Targets: p.targets, DueAt: earlier(p.at, d.ExpiresAt), Attempt: tries, Last: p.last})
	}
	return out
}

// closest is the part whose successor is due the soonest after it.
func closest(parts []together) (at int) {
	gap := func(i int) time.Duration { return parts[i+1].at.Sub(parts[i].at) }
	for i := range len(parts) - 1 {
		if gap(i) < gap(at) {
			at = i
		}
	}
	return at
}

// counts reports whether an outcome uses up a try: those that close the whole
// row are not the message's fault.
func counts(c message.Class) bool {
	return c == message.Transient || c == message.Unknown || c == message.AuthExpired
}
