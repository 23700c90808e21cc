package accept

import (
	"fmt"
	"slices"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
)

// checkMentions checks who is meant.
func (r *Request) checkMentions() error {
	if m := r.Detail.Mentions; m != nil {
		return CheckUsers("mentions.userIDs", m.UserIDs, 0, message.MaxMentions)
	}
	return nil
}

// checkAudience checks who a message for many is for.
func (r *Request) checkAudience() error {
	x := r.Also.Expansion
	switch {
	case len(r.To)+len(r.PushIDs) > 0:
		return &message.FieldError{Field: "to", Problem: "must be left out, the receivers are those of the group or of the app"}
	case len(x.Only) > 0 && len(x.Except) > 0:
		return &message.FieldError{Field: "target", Problem: "must hold only or except, not both"}
	case x.GroupID == "":
		return checkMode(x.Mode)
	}
	if err := CheckUsers("target.only", x.Only, 0, message.MaxRecipients); err != nil {
		return err
	}
	return CheckUsers("target.except", x.Except, 0, message.MaxRecipients)
}

func checkMode(m store.BroadcastMode) error {
	modes := []store.BroadcastMode{store.OnlineOnly, store.OnlineAndOffline, store.Everyone}
	if !slices.Contains(modes, m) {
		return &message.FieldError{Field: "mode", Problem: fmt.Sprintf("must be one of %v", modes)}
	}
	return nil
}

// CheckUsers wants so many user ids, each once; it gives the first that breaks its rule, as a *message.FieldError.
func CheckUsers(field string, users []string, least, most int) error {
	if len(users) < least || len(users) > most {
		return &message.FieldError{Field: field, Problem: fmt.Sprintf("must hold %d to %d user ids, holds %d", least, most, len(users))}
	}
	seen := make(map[string]bool, len(users))
	for i, u := range users {
		field := fmt.Sprintf("%s[%d]", field, i)
		if err := message.CheckID(field, u); err != nil {
			return err
		}
		if seen[u] {
			return &message.FieldError{Field: field, Problem: "is there twice, name every user once"}
		}
		seen[u] = true
	}
	return nil
}

// also is what is written besides. Who sends to some of a group has the message on all own devices.
func (r *Request) also() store.Also {
	x := r.Also.Expansion
	if x == nil || len(x.Only) == 0 || slices.Contains(x.Only, r.From) {
		return r.Also
	}
	out, with := r.Also, *x
	with.Only = append(slices.Clone(x.Only), r.From)
	out.Expansion = &with
	return out
}
