package delivery

import (
	"context"
	"slices"
	"time"

	"github.com/offlinepush/operator/dispatcher/delivery/fuse"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/report"
	"github.com/offlinepush/operator/dispatcher/store"
)

// marks is what a row's traffic says about its day, until somebody takes it, and what its vendor's reports say.
type marks struct {
	accepted, ill time.Time
	// dead is when the vendor last reported so many dead tokens that they are not believed.
	dead     time.Time
	deadCode string
}

// note takes the outcomes of a call and the state that they left the row in.
func (m *marks) note(outcomes []message.Outcome, state report.ChannelState, now time.Time) {
	if slices.ContainsFunc(outcomes, func(o message.Outcome) bool { return o.Class == message.Accepted }) {
		m.accepted = now
	}
	if state == report.CredentialRejected || state == report.MassInvalidation {
		m.ill = now
	}
}

// take gives the marks of the row's days, and forgets them.
func (m *marks) take(channel string) (days []store.ChannelDay) {
	if !m.accepted.IsZero() {
		days = append(days, store.ChannelDay{Channel: channel, At: m.accepted, Accepted: true})
	}
	if !m.ill.IsZero() {
		days = append(days, store.ChannelDay{Channel: channel, At: m.ill, Ill: true})
	}
	m.accepted, m.ill = time.Time{}, time.Time{}
	return days
}

// show lets a row that seems well say that its vendor reports its tokens dead, for as long as the fuse looks back.
// Nothing is held back: the vendor still takes the pushes.
func (m *marks) show(c *report.Channel, now time.Time) {
	well := c.State == report.Delivering || c.State == report.NoTraffic
	if !well || m.dead.IsZero() || now.Sub(m.dead) >= fuse.Window {
		return
	}
	c.State, c.Code, c.Since = report.MassInvalidation, m.deadCode, m.dead
	c.Message = "the vendor reports too many tokens dead; they are kept"
}

// Days gives what the traffic since the last call says of the days of channel rows.
func (e *Engine) Days() (days []store.ChannelDay) {
	for name, l := range e.snapshot() {
		l.mu.Lock()
		days = append(days, l.marks.take(name)...)
		l.mu.Unlock()
	}
	return days
}

// Distrust notes that a vendor reports so many of a row's tokens dead that they are kept; code is the vendor's own.
func (e *Engine) Distrust(channel, code string) {
	l := e.laneOf(channel)
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.store.Now()
	l.marks.dead, l.marks.deadCode, l.marks.ill = now, code, now
}

// DeadTokens asks the vendors that have a list of dead tokens, one request to each, row by row. Vendors without one, and
// rows that are closed, are left out.
func (e *Engine) DeadTokens(ctx context.Context, take func(ctx context.Context, channel string, tokens []string)) {
	for name, l := range e.snapshot() {
		tokens, o := l.deadTokens(ctx)
		switch {
		case o.Class == "" || ctx.Err() != nil:
		case o.Class != message.Accepted:
			e.Log.Warn("asking for dead tokens", "channel", name, "class", o.Class, "code", o.Code, "vendorSays", o.Detail)
		case len(tokens) > 0:
			take(ctx, name, tokens)
		}
	}
}

// deadTokens makes the request under the sender's lease; the zero outcome means that none was made.
func (l *lane) deadTokens(ctx context.Context) ([]string, message.Outcome) {
	l.mu.Lock()
	s := l.sender
	if s == nil || l.ended || l.health.impaired() || !s.mayCall() {
		l.mu.Unlock()
		return nil, message.Outcome{}
	}
	s.calls.Add(1)
	l.mu.Unlock()
	defer s.calls.Done()
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return provider.DeadTokens(s.contain(ctx), s.provider)
}
