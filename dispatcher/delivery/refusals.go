package delivery

import (
	"time"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/report"
)

// When a vendor that takes none of the messages is told of: one message alone may be wrong, so it takes several calls, and
// more than a moment. It is told of until a push is accepted, or nothing was refused for long.
const (
	enoughRefusals = 5
	refusingAfter  = 30 * time.Second
	refusingFor    = time.Hour
)

// refusals are the calls since the last accepted push that a vendor answered, but whose messages it did not take.
type refusals struct {
	calls         int
	first, newest time.Time
	said          message.Outcome
}

func (r *refusals) note(o message.Outcome, now time.Time) {
	if r.calls == 0 || now.Sub(r.newest) >= refusingFor {
		*r = refusals{first: now}
	}
	r.calls++
	r.newest, r.said = now, o
}

// show lets a row that seems well say that every push fails all the same.
func (r *refusals) show(c *report.Channel, now time.Time) {
	well := c.State == report.Delivering || c.State == report.NoTraffic
	lasts := r.newest.Sub(r.first) >= refusingAfter && now.Sub(r.newest) < refusingFor
	if well && r.calls >= enoughRefusals && lasts {
		c.State, c.Code, c.Message, c.Since = report.Refusing, r.said.Code, r.said.Detail, r.first
	}
}
