package call

import (
	"slices"
	"time"

	"github.com/offlinepush/operator/dispatcher/message"
)

// Event is what shall happen to a call.
type Event struct {
	Action message.CallAction
	// CallID is that of a call that begins.
	CallID string
	// By is the user whose step it is; empty for a timeout.
	By string
	// Device tells which of the user's devices or requests accepts, so that the same one may repeat it.
	Device string
	// To are those who are invited, or whose invitations are cancelled: none means all.
	To []string
	// Ring is how long an invitation rings, and MessageID the id of its message.
	Ring      time.Duration
	MessageID string
	Body      string
	// Push is what an invitation shows, or what shall take its place.
	Push *message.PushConfig
}

// Step is the whole life of a call: what becomes of it by an event, and the next of its events that has to be told.
// The zero call begins with an invitation. The error is an *Error when the call does not let the event happen, and
// ErrNothing when there is nothing to do; the call stays as it is then.
func Step(c message.Call, e Event, now time.Time) (message.Call, message.CallNotice, error) {
	s := &step{Call: c.Clone(), Event: e, now: now, before: c}
	if err := s.apply(); err != nil {
		return c, message.CallNotice{}, err
	}
	s.Version++
	s.Invitations = slices.DeleteFunc(s.Invitations, func(i message.CallInvitation) bool {
		return !slices.ContainsFunc(s.Members, func(m message.CallMember) bool { return m.Invitation == i.MessageID })
	})
	head := s.Outbox[0]
	s.Outbox = s.Outbox[1:]
	if len(s.Outbox) == 0 {
		s.Outbox = nil
	}
	return s.Call, head, nil
}

// step is one event on its way through a call.
type step struct {
	message.Call
	Event
	now    time.Time
	before message.Call
	// changed are the members whose place the step changes.
	changed []string
}

func (s *step) apply() error {
	switch {
	case s.Version == 0 && s.Action == message.CallInvite:
		return s.begin()
	case s.Action == message.CallTimeout:
		return s.timeout()
	case s.Version == 0 || s.State == message.CallEnded:
		return ErrOver
	}
	return s.act()
}

// act is what somebody does in a call that is not over.
func (s *step) act() error {
	switch s.Action {
	case message.CallInvite:
		return s.invite()
	case message.CallAccept:
		return s.accept()
	case message.CallReject:
		return s.reject()
	case message.CallCancel:
		return s.cancel()
	case message.CallQuit:
		return s.quit()
	case message.CallEnd, message.CallTimeout:
	}
	return s.end()
}

func (s *step) begin() error {
	s.Call = message.Call{
		ID: s.CallID, State: message.CallRinging, Body: s.Event.Body, CreatedAt: s.now,
		Members: []message.CallMember{{UserID: s.By, State: message.MemberAccepted, Since: s.now}},
	}
	return s.invite()
}

// invite takes in new members, and lets those ring again who are out.
func (s *step) invite() error {
	switch by := s.Member(s.By); {
	case by == nil || by.State != message.MemberAccepted:
		return ErrNotInCall
	case len(s.To) == 0:
		return ErrNothing
	}
	for _, userID := range s.To {
		m := s.Member(userID)
		switch {
		case m != nil && m.State.Active():
			return ErrInvitedAlready
		case m != nil:
		case len(s.Members) > message.MaxInvitees:
			return ErrFull
		default:
			s.Members = append(s.Members, message.CallMember{UserID: userID})
			m = &s.Members[len(s.Members)-1]
		}
		s.move(m, message.MemberInvited)
		m.By, m.RingsUntil, m.Invitation = "", s.now.Add(s.Ring), s.MessageID
	}
	s.Invitations = append(s.Invitations, message.CallInvitation{MessageID: s.MessageID, Push: s.Push})
	n := s.notice()
	n.MessageID, n.Body, n.Push, n.PushUntil, n.PushTo = s.MessageID, s.Event.Body, s.Push, s.now.Add(s.Ring), s.To
	n.Event.ExpiresAt = n.PushUntil.UnixMilli()
	s.Outbox = append(s.Outbox, n)
	return nil
}

func (s *step) accept() error {
	m := s.Member(s.By)
	switch {
	case m == nil || m.Invitation == "":
		return ErrNotInvited
	case m.State == message.MemberAccepted && m.By == s.Device:
		return ErrNothing
	case m.State == message.MemberAccepted:
		return ErrAnswered
	case m.State != message.MemberInvited || !s.now.Before(m.RingsUntil):
		return ErrOver
	}
	s.move(m, message.MemberAccepted)
	m.By = s.Device
	s.State = message.CallOngoing
	s.tell()
	return nil
}

func (s *step) reject() error {
	m := s.Member(s.By)
	switch {
	case m == nil || m.Invitation == "":
		return ErrNotInvited
	case m.State == message.MemberRejected:
		return ErrNothing
	case m.State == message.MemberAccepted:
		return ErrAnswered
	case m.State != message.MemberInvited:
		return ErrOver
	}
	s.move(m, message.MemberRejected)
	s.settle(message.CallRejected)
	s.tell()
	return nil
}

// cancel takes invitations back that nobody has answered.
func (s *step) cancel() error {
	switch {
	case s.By != s.Caller():
		return ErrNotCaller
	case s.Members[0].State != message.MemberAccepted:
		return ErrNotInCall
	}
	for _, userID := range s.To {
		if m := s.Member(userID); m == nil || m.Invitation == "" {
			return ErrNotInvited
		}
	}
	for i := range s.Members {
		m := &s.Members[i]
		if m.State == message.MemberInvited && (len(s.To) == 0 || slices.Contains(s.To, m.UserID)) {
			s.move(m, message.MemberCancelled)
		}
	}
	if len(s.changed) == 0 {
		return ErrAnswered
	}
	taken := slices.Clone(s.changed)
	s.settle(message.CallCancelled)
	s.withdraw(taken)
	return nil
}

// quit leaves the others alone with the call. Nothing is taken off a screen while it goes on.
func (s *step) quit() error {
	m := s.Member(s.By)
	switch {
	case m != nil && m.State == message.MemberQuit:
		return ErrNothing
	case m == nil || m.State != message.MemberAccepted || s.State == message.CallRinging:
		return ErrNotInCall
	}
	s.move(m, message.MemberQuit)
	if s.settle(message.CallLeft); s.State == message.CallEnded {
		s.withdraw(s.others())
		return nil
	}
	s.tell()
	return nil
}

func (s *step) end() error {
	if m := s.Member(s.By); m == nil || m.State != message.MemberAccepted {
		return ErrNotInCall
	}
	s.finish(message.CallHungUp)
	s.withdraw(s.others())
	return nil
}

// timeout is what happens by itself: invitations that nobody answered end, and calls that go on for too long.
func (s *step) timeout() error {
	ended := s.Version == 0 || s.State == message.CallEnded
	for i := range s.Members {
		if m := &s.Members[i]; !ended && m.State == message.MemberInvited && !s.now.Before(m.RingsUntil) {
			s.move(m, message.MemberTimedOut)
		}
	}
	switch {
	case !ended && !s.now.Before(s.CreatedAt.Add(message.MaxCall)):
		s.Action = message.CallEnd
		s.finish(message.CallExpired)
	case len(s.changed) > 0:
		s.settle(message.CallTimedOut)
	case len(s.Outbox) > 0:
		return nil
	default:
		return ErrNothing
	}
	s.tell()
	return nil
}

func (s *step) move(m *message.CallMember, to message.MemberState) {
	m.State, m.Since = to, s.now
	s.changed = append(s.changed, m.UserID)
}

// settle ends a call in which nobody is left to talk to.
func (s *step) settle(why message.CallReason) {
	in, ringing := 0, 0
	for _, m := range s.Members {
		if m.State == message.MemberAccepted {
			in++
		}
		if m.State == message.MemberInvited {
			ringing++
		}
	}
	if in == 0 || in+ringing < 2 {
		s.finish(why)
	}
}

// finish ends the call for all who are in it.
func (s *step) finish(why message.CallReason) {
	for i := range s.Members {
		m := &s.Members[i]
		switch m.State { //nolint:exhaustive // the others are at their end
		case message.MemberAccepted:
			s.move(m, message.MemberEnded)
		case message.MemberInvited:
			s.move(m, message.MemberCancelled)
		}
	}
	s.State, s.Reason, s.EndedAt = message.CallEnded, why, s.now
}
