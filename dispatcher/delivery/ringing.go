package delivery

import (
	"context"
	"errors"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
)

// over are the users of the devices for whom a call does not ring any more: they answered on another device, it was
// cancelled, or its time has come. It is read behind the mark of the fence, so that whoever ends an invitation
// replaces every push of it that had begun. Only invitations have any.
func (a *attempt) over(ctx context.Context, m message.Message, is store.Fence) (map[string]bool, error) {
	event := m.Detail.Call
	if event == nil || event.Action != message.CallInvite {
		return nil, nil
	}
	c, err := a.store.Call(ctx, event.CallID)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	now := a.store.Now()
	over := map[string]bool{}
	for _, d := range is.Devices {
		over[d.UserID] = !c.Rings(d.UserID, m.ID, now)
	}
	return over, nil
}
