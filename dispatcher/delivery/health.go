package delivery

import (
	"slices"
	"time"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/report"
)

// unreachableAfter is how many calls in a row must fail before the row counts as unreachable.
const unreachableAfter = 3

// lately is how long an accepted push shows that a row works.
const lately = time.Minute

// longestOutage is the longest wait between two trials of a vendor that does not answer: when it is back, the report and
// the status must tell so within a minute.
const longestOutage = 30 * time.Second

// patienceWithThrottling is how long a vendor may refuse everything before the row no longer counts as slow only.
const patienceWithThrottling = 30 * time.Second

// health is what a channel row's traffic says about it. A row that does not
// deliver is closed until a time; then one call at a time shows whether it recovered.
type health struct {
	state       report.ChannelState
	code        string
	message     string
	since       time.Time
	closedUntil time.Time
	failures    int // transient calls in a row
	acceptedAt  time.Time
	refusals    refusals
}

func newHealth(now time.Time) health {
	return health{state: report.NoTraffic, since: now}
}

// impaired means that one call at a time is enough.
func (h *health) impaired() bool {
	spentClass := h.state == report.QuotaExhausted && h.closedUntil.IsZero()
	return h.state != report.Delivering && h.state != report.NoTraffic && !spentClass
}

// blocked means that a vendor which throttles lets nothing through at all, while pushes are tried.
func (h *health) blocked(now time.Time) bool {
	return h.state == report.Throttled && now.Sub(h.since) >= patienceWithThrottling && now.Sub(h.closedUntil) < lately
}

// observe takes the outcomes of one call. One accepted target shows that the row works; what is about one phone
// alone shows nothing.
func (h *health) observe(outcomes []message.Outcome, fused bool, now time.Time) {
	if slices.ContainsFunc(outcomes, func(o message.Outcome) bool { return o.Class == message.Accepted }) {
		h.open(now)
		return
	}
	switch worst := worstOf(outcomes); worst.Class {
	case message.CredentialRejected:
		h.close(report.CredentialRejected, worst, heldBack, now)
	case message.QuotaExhausted:
		if worst.ClassOnly {
			h.spent(worst, now)
			return
		}
		// A trial an hour notices a quota that was raised, or a profile of another class.
		h.close(report.QuotaExhausted, worst, min(orElse(worst.RetryAfter, quotaWait), quotaWait), now)
	case message.Throttled:
		h.close(report.Throttled, worst, orElse(worst.RetryAfter, firstBackoff), now)
	case message.Transient, message.AuthExpired:
		h.failed(worst, now)
	case message.InvalidToken:
		if fused {
			h.close(report.MassInvalidation, worst, heldBack, now)
			return
		}
		h.failures = 0
	case message.Rejected, message.Unknown:
		h.failures = 0 // the vendor answered; the fault is the message's
		h.refusals.note(worst, now)
	case message.Accepted:
	}
}

// worstOf is the outcome that says most about the row; zero when all are about one phone.
func worstOf(outcomes []message.Outcome) (worst message.Outcome) {
	for _, o := range outcomes {
		if !o.PhoneOnly && severity(o.Class) > severity(worst.Class) {
			worst = o
		}
	}
	return worst
}

// spent shows that a class of messages has used up its quota, unless others got through lately. The row stays open
// for them.
func (h *health) spent(o message.Outcome, now time.Time) {
	h.failures = 0
	if now.Sub(h.acceptedAt) < lately {
		return
	}
	h.close(report.QuotaExhausted, o, 0, now)
	h.closedUntil = time.Time{}
}

func (h *health) open(now time.Time) {
	h.failures, h.acceptedAt, h.refusals = 0, now, refusals{}
	if h.state != report.Delivering {
		*h = health{state: report.Delivering, since: now, acceptedAt: now}
	}
}

// failed counts a call, but not one that was open together with those that
// closed the row: one breath of the network is not many failures in a row.
func (h *health) failed(o message.Outcome, now time.Time) {
	if h.closedUntil.After(now) {
		return
	}
	h.failures++
	if h.failures < unreachableAfter {
		return
	}
	wait := min(firstBackoff<<min(h.failures, 10), longestOutage)
	h.close(report.Unreachable, o, max(wait, o.RetryAfter), now)
}

func (h *health) close(s report.ChannelState, o message.Outcome, wait time.Duration, now time.Time) {
	if h.state != s {
		h.since = now
	}
	h.state, h.code, h.message = s, o.Code, o.Detail
	h.closedUntil = now.Add(wait)
}

// severity orders the classes by how much they say about the whole row.
func severity(c message.Class) int {
	switch c {
	case message.CredentialRejected:
		return 6
	case message.QuotaExhausted:
		return 5
	case message.Throttled:
		return 4
	case message.Transient, message.AuthExpired:
		return 3
	case message.InvalidToken:
		return 2
	case message.Unknown, message.Rejected:
		return 1
	case message.Accepted:
		return 0
	}
	return 0
}
