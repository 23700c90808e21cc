package delivery

import (
	"math/rand/v2"
	"time"

	"github.com/offlinepush/operator/dispatcher/message"
)

// The rules of repetition.
const (
	// firstBackoff and maxBackoff bound the wait after a Transient answer.
	firstBackoff = time.Second
	maxBackoff   = 5 * time.Minute
	// heldBack is the wait of a delivery whose channel row takes nothing at present.
	heldBack = time.Minute
	// quotaWait is the wait when a vendor names no end of its quota.
	quotaWait = time.Hour
	// maxUnknown bounds the tries of answers that no table knows.
	maxUnknown = 3
)

// verdict says what follows from one target's outcome.
type verdict struct {
	// state ends the story; empty means try again after wait.
	state  message.State
	reason string
	wait   time.Duration
}

// trial is what a verdict depends on besides the outcome.
type trial struct {
	// calls counts those made so far, this one included.
	calls   int
	backoff time.Duration
	// fused means that the row's invalid tokens are not believed.
	fused bool
}

// judge is the one place that turns an outcome into the end of a story or a repetition.
func (t trial) judge(o message.Outcome) verdict {
	switch o.Class {
	case message.Accepted:
		return verdict{state: message.Handed, reason: string(o.Class)}
	case message.Rejected:
		return verdict{state: message.Failed, reason: string(o.Class)}
	case message.InvalidToken:
		if t.fused {
			return verdict{wait: heldBack}
		}
		return verdict{state: message.Quarantined, reason: string(o.Class)}
	case message.Unknown:
		if t.calls >= maxUnknown {
			return verdict{state: message.Failed, reason: message.ReasonAttempts}
		}
		return verdict{wait: max(o.RetryAfter, t.backoff)}
	case message.CredentialRejected:
		return verdict{wait: heldBack}
	case message.QuotaExhausted:
		return verdict{wait: orElse(o.RetryAfter, quotaWait)}
	case message.Throttled, message.Transient, message.AuthExpired:
		return verdict{wait: max(o.RetryAfter, t.backoff)}
	}
	return verdict{state: message.Failed, reason: "UnknownClass"}
}

// backoff doubles with every attempt and is spread over its upper half.
func backoff(attempt int) time.Duration {
	d := min(firstBackoff<<min(max(attempt-1, 0), 20), maxBackoff)
	return d/2 + rand.N(d/2+1) //nolint:gosec // jitter needs no secrecy
}

func orElse(d, otherwise time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return otherwise
}
