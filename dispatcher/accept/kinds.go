package accept

import (
	"slices"
	"strings"

	"github.com/offlinepush/operator/dispatcher/message"
)

// The steps of applications.
var (
	applicationTypes   = []string{message.ApplicationFriend, message.ApplicationGroupJoin, message.ApplicationGroupInvite}
	applicationActions = []string{"Send", "Accept", "Reject"}
)

// checkKind wants what the kind of the message cannot do without.
func (r *Request) checkKind() error {
	switch r.Kind {
	case message.KindPush:
		if r.Push == nil {
			return &message.FieldError{Field: "push", Problem: "must be given, it is all that is sent"}
		}
	case message.KindApplication:
		return r.checkApplication()
	case message.KindEdit:
		if r.Body == "" {
			return &message.FieldError{Field: "body", Problem: "must not be empty, it takes the place of the former one"}
		}
	case "", message.KindChat, message.KindCommand, message.KindRoom, message.KindRecall, message.KindCall, message.KindBroadcast, message.KindRule:
	}
	if len(r.PushIDs) > 0 && r.Kind != message.KindPush {
		return &message.FieldError{Field: "pushIDs", Problem: "are for pushes without a message; name users in to"}
	}
	return nil
}

func (r *Request) checkApplication() error {
	a := r.Detail.Application
	friend := a != nil && a.Type == message.ApplicationFriend
	switch {
	case a == nil || !slices.Contains(applicationTypes, a.Type):
		return &message.FieldError{Field: "type", Problem: "must be one of " + strings.Join(applicationTypes, ", ")}
	case !slices.Contains(applicationActions, a.Action):
		return &message.FieldError{Field: "action", Problem: "must be one of " + strings.Join(applicationActions, ", ")}
	case friend && r.Detail.GroupID != "":
		return &message.FieldError{Field: "groupID", Problem: "must be left out, friends are of no group"}
	case !friend:
		return message.CheckID("groupID", r.Detail.GroupID)
	}
	return nil
}
