package binding

import (
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// tell tells of every user who lost a device, and of the one who got one. Of a device that lost its binding
// to another one nothing but the user is known.
func (s *Service) tell(done store.Changed, reason string) {
	if s.deps.Events == nil {
		return
	}
	for _, c := range done.Changes {
		if c.FormerUserID == "" {
			continue
		}
		why, lost := reason, message.Device{}
		if c.Evicted {
			why = wire.KickedDeviceLimit
		}
		if c.Device == done.Device.Key {
			lost = done.Device
		}
		lost.UserID = c.FormerUserID
		s.deps.Events.Logout(lost, why)
	}
	for _, c := range done.Changes {
		if c.Device == done.Device.Key && done.Device.UserID != "" && !c.Evicted {
			s.deps.Events.Login(done.Device)
		}
	}
}
