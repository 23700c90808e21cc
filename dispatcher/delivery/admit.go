package delivery

import (
	"time"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
)

// The waits for the outcome of a push that another one replaces.
const (
	firstReplaceWait = 500 * time.Millisecond
	maxReplaceWait   = 30 * time.Second
)

// admitted are the targets that pass the fence. It ends the story of the others, but for those whose shown
// notification is to be replaced and is not known to be there, and those whose device may acknowledge yet: they
// wait, which uses up no try.
func (a *attempt) admitted(m message.Message, targets []message.Target, is store.Fence, over map[string]bool) (pass []live) {
	now := a.store.Now()
	f := admission{Fence: is, over: over, replaces: m.Detail.Replaces != "", expires: a.delivery.ExpiresAt, now: now}
	for _, t := range targets {
		state, reason := f.admit(t)
		grace := is.Devices[t.Device].GraceUntil
		switch {
		case state == "" && t.Seq > 0 && now.Before(grace):
			// Its dispatcher stopped a moment ago: the phone connects to another one, and may acknowledge there.
			a.later([]message.Target{t}, grace, message.Outcome{})
		case state == "":
			pass = append(pass, live{t, is.Devices[t.Device]})
		case state == message.Pending:
			a.later([]message.Target{t}, now.Add(replaceWait(now.Sub(m.CreatedAt))), message.Outcome{})
		default:
			a.done(store.TargetResult{Target: t, State: state, Reason: reason})
		}
	}
	return pass
}

// replaceWait grows with how long it has taken already: what is open for long is held back, not in a call.
func replaceWait(age time.Duration) time.Duration {
	return min(max(age/8, firstReplaceWait), maxReplaceWait)
}

// admission is what the fence says about a message's targets at a time.
type admission struct {
	store.Fence
	// over are the users for whom a call does not ring any more.
	over         map[string]bool
	replaces     bool
	expires, now time.Time
}

// admit is the rule of the fence: it ends the story of a target that must not be pushed, and keeps it Pending while
// it is not known what it replaces.
func (f admission) admit(t message.Target) (message.State, string) {
	s, ok := f.Devices[t.Device]
	switch {
	case !ok || s.Epoch != t.Epoch:
		return message.Cancelled, message.ReasonFenced
	case t.Seq > 0 && s.Acked >= t.Seq:
		return message.Cancelled, message.ReasonAcked
	case f.Recalled:
		return message.Cancelled, message.ReasonRecalled
	case !f.now.Before(f.expires):
		return message.Expired, message.ReasonTTL
	case f.over[s.UserID]:
		return message.Cancelled, message.ReasonCallOver
	case f.replaces && s.Replaced != store.ReplacedHanded:
		return unreplaced(s.Replaced)
	case !s.TokenOK:
		return message.Quarantined, message.ReasonNoToken
	}
	return "", ""
}

// unreplaced is what becomes of a push whose predecessor is not known to be at the vendor.
func unreplaced(r store.Replaced) (message.State, string) {
	if r == store.ReplacedPending {
		return message.Pending, ""
	}
	return message.Cancelled, message.ReasonNoPredecessor
}
