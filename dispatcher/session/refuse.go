package session

import (
	"context"
	"errors"

	"github.com/coder/websocket"

	"github.com/offlinepush/operator/dispatcher/binding"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/usertoken"
)

var (
	errNotLogin    = errors.New("the first frame must be a login")
	errSecondLogin = errors.New("a session takes one login; open another session")
	errAckAhead    = errors.New("ack: seq is ahead of what was sent")
	errDraining    = errors.New("this dispatcher is stopping, connect again")
	errGone        = errors.New("the connection ended")
	errLoggedOut   = errors.New("logged out")
	errFlood       = errors.New("too many frames: ping every heartbeatSeconds, and acknowledge a message once")
	errOvertaken   = errors.New("a later login of the device took its place")
	errRebound     = errors.New("the device was bound to somebody else meanwhile")
)

// maxReason is what a close frame has room for.
const maxReason = 123

// refuse closes the connection with the reason.
func (v *Server) refuse(conn *websocket.Conn, err error) {
	code, reason := closing(err)
	if code == websocket.StatusTryAgainLater {
		v.deps.Log.Warn("refusing a session", "error", err)
	}
	_ = conn.Close(code, reason[:min(len(reason), maxReason)])
}

func closing(err error) (websocket.StatusCode, string) {
	for _, e := range []error{errFrame, errLogin, errDescribed, errAckSeq, errNotLogin, errSecondLogin, errAckAhead} {
		if errors.Is(err, e) {
			return websocket.StatusUnsupportedData, e.Error()
		}
	}
	for _, e := range []error{errRebound, errOvertaken, errFlood, binding.ErrSecret, usertoken.ErrInvalid, usertoken.ErrOff} {
		if errors.Is(err, e) {
			return websocket.StatusPolicyViolation, err.Error()
		}
	}
	switch {
	case errors.Is(err, store.ErrNotFound):
		return websocket.StatusPolicyViolation, "there is no such device, register it first"
	case errors.Is(err, errLoggedOut):
		return websocket.StatusNormalClosure, errLoggedOut.Error()
	case errors.Is(err, errDraining):
		return websocket.StatusGoingAway, errDraining.Error()
	case errors.Is(err, errGone) && errors.Is(err, context.DeadlineExceeded): // and not of a store that takes too long
		return websocket.StatusPolicyViolation, "nothing came in time"
	case errors.Is(err, context.Canceled), errors.Is(err, errGone):
		return websocket.StatusGoingAway, errGone.Error()
	}
	return websocket.StatusTryAgainLater, "the dispatcher is in trouble, connect again later"
}
