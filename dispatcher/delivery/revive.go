package delivery

import (
	"context"
	"time"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/report"
)

// revive is for a row whose vendor did not answer and that has nothing to try again: what waited expired, or was received
// otherwise. The vendor is asked without a push, or nobody would learn that it is back before the next message.
func (l *lane) revive(ctx context.Context) {
	if l.health.state != report.Unreachable || l.asking || l.inFlight.total > 0 || l.queue.waiting() > 0 {
		return
	}
	s := l.sender
	l.asking = true
	s.calls.Add(1)
	l.attempts.Go(func() {
		defer s.calls.Done()
		l.revived(s, s.prove(ctx))
	})
}

// revived takes the vendor's answer, unless the row changed meanwhile.
func (l *lane) revived(by *sender, proof provider.Proof) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asking = false
	if by == l.sender && l.health.state == report.Unreachable {
		before := l.health.state
		l.health.answered(proof, l.store.Now())
		l.tell(before)
	}
	l.poke()
}

// tell logs what became of the row's state.
func (l *lane) tell(before report.ChannelState) {
	if after := l.health; after.state != before {
		l.log.Info("channel row changed", "channel", l.name, "from", before, "to", after.state, "code", after.code, "vendorSays", after.message)
	}
}

// answered takes what came of a probe while nothing was sent.
func (h *health) answered(p provider.Proof, now time.Time) {
	said := message.Outcome{Code: p.Code, Detail: p.Detail, RetryAfter: p.RetryAfter}
	switch p.Verdict {
	case provider.Silent:
		h.failed(said, now)
	case provider.Refused:
		h.close(report.CredentialRejected, said, heldBack, now)
	case provider.Valid, provider.Unasked, provider.Busy:
		*h = health{state: report.NoTraffic, since: now, acceptedAt: h.acceptedAt}
	}
}

// prove asks the vendor within callTimeout and inside the lease.
func (s *sender) prove(ctx context.Context) provider.Proof {
	ctx, cancel := context.WithDeadline(ctx, earlier(time.Now().Add(callTimeout), s.term.Deadline()))
	defer cancel()
	return provider.Prove(s.contain(ctx), s.provider)
}
