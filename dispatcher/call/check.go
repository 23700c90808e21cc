package call

import (
	"fmt"
	"time"

	"github.com/offlinepush/operator/dispatcher/message"
)

// check gives the first field of an event that breaks its rule, as a *message.FieldError. What a message has is
// checked as that is accepted.
func (s *Service) check(e Event) error {
	if e.CallID != "" {
		if err := message.CheckID("callID", e.CallID); err != nil {
			return err
		}
	}
	if e.Device != "" {
		if err := message.CheckID("clientID", e.Device); err != nil {
			return err
		}
	}
	if e.Push != nil {
		if err := s.deps.Acceptor.CheckPush(e.Push); err != nil {
			return err
		}
	}
	return checkInvitation(e)
}

func checkInvitation(e Event) error {
	if e.Action != message.CallInvite {
		return nil
	}
	if len(e.To) == 0 || len(e.To) > message.MaxInvitees {
		return &message.FieldError{Field: "to", Problem: fmt.Sprintf("must hold 1 to %d user ids, holds %d", message.MaxInvitees, len(e.To))}
	}
	if e.Ring != 0 && (e.Ring < time.Second || e.Ring > MaxRing) {
		return &message.FieldError{Field: "timeoutSeconds", Problem: fmt.Sprintf("must be 1 to %d, or left out", int(MaxRing.Seconds()))}
	}
	seen := map[string]bool{}
	for i, userID := range e.To {
		field := fmt.Sprintf("to[%d]", i)
		if err := message.CheckID(field, userID); err != nil {
			return err
		}
		if seen[userID] {
			return &message.FieldError{Field: field, Problem: "is there twice, name everybody once"}
		}
		seen[userID] = true
	}
	return nil
}
