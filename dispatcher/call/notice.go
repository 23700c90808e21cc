package call

import (
	"cmp"
	"slices"
	"time"

	"github.com/offlinepush/operator/dispatcher/message"
)

// leastWithdrawal is how long it is tried at least to take an invitation off a screen.
const leastWithdrawal = time.Minute

// concerned are those who were in the call before the step or are in it now.
func (s *step) concerned() (users []string) {
	for _, m := range s.Members {
		was := s.before.Version > 0 && s.before.Member(m.UserID) != nil && s.before.Member(m.UserID).State.Active()
		if was || m.State.Active() {
			users = append(users, m.UserID)
		}
	}
	return users
}

// others are those who were in the call before the step, but for whose step it is.
func (s *step) others() []string {
	return slices.DeleteFunc(s.concerned(), func(userID string) bool { return userID == s.By })
}

// notice tells all who are concerned what has happened. A message needs a sender: a timeout's is the caller.
func (s *step) notice() message.CallNotice {
	return message.CallNotice{
		From: cmp.Or(s.By, s.Caller()), To: s.concerned(),
		Event: message.CallEvent{
			CallID: s.ID, Action: s.Action, State: s.State, Caller: s.Caller(), UserID: s.By, Members: s.changed,
		},
	}
}

// tell is for steps that show nothing.
func (s *step) tell() { s.Outbox = append(s.Outbox, s.notice()) }

// withdraw tells what has happened, and takes the invitations of the users off the screens. Each invitation has a
// place of its own there and so an event of its own; the first one tells also those who got none.
func (s *step) withdraw(users []string) {
	all := s.notice()
	first, rest := all, all.To
	var more []message.CallNotice
	for _, invitation := range s.Invitations {
		push := replacing(s.Push, invitation.Push)
		of := s.invitedBy(invitation.MessageID, users)
		if push == nil || len(of) == 0 {
			continue
		}
		n := all
		n.To, n.PushTo, n.Push, n.Replaces = of, of, push, invitation.MessageID
		n.PushUntil = s.now.Add(max(s.before.Member(of[0]).RingsUntil.Sub(s.now), leastWithdrawal))
		rest = slices.DeleteFunc(slices.Clone(rest), func(userID string) bool { return slices.Contains(of, userID) })
		if first.Push == nil {
			first = n
		} else {
			more = append(more, n)
		}
	}
	first.To = append(slices.Clone(rest), first.PushTo...)
	s.Outbox = append(append(s.Outbox, first), more...)
}

// invitedBy are those of the users whom the invitation was for.
func (s *step) invitedBy(invitation string, users []string) (of []string) {
	for _, userID := range users {
		if s.Member(userID).Invitation == invitation {
			of = append(of, userID)
		}
	}
	return of
}

// replacing is what takes the place of an invitation: what the sender gives, and where that is empty what the
// invitation showed, because some vendors show nothing without a text. It calls nobody and raises no number.
func replacing(given, shown *message.PushConfig) *message.PushConfig {
	if given == nil && shown == nil {
		return nil
	}
	if given == nil {
		given = &message.PushConfig{}
	}
	if shown == nil {
		shown = &message.PushConfig{}
	}
	return &message.PushConfig{
		Title:       cmp.Or(given.Title, shown.Title),
		Content:     cmp.Or(given.Content, shown.Content),
		Payload:     cmp.Or(given.Payload, shown.Payload),
		ResourcesID: cmp.Or(given.ResourcesID, shown.ResourcesID),
		ThreadID:    cmp.Or(given.ThreadID, shown.ThreadID),
		Image:       cmp.Or(given.Image, shown.Image),
		Template:    cmp.Or(given.Template, shown.Template),
		Mode:        cmp.Or(given.Mode, shown.Mode),
	}
}
