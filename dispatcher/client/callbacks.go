package client

import (
	"errors"
	"slices"

	"github.com/offlinepush/operator/dispatcher/client/payload"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// Callbacks are what an app is told. Each may be nil. Those of a session come
// one at a time and in order; those of pushes on the goroutine of Handle. None
// of a session may call Login, Logout, SwitchUser, Register, Unregister or
// Close, which wait for it; Kicked may.
type Callbacks struct {
	// Registered tells the outcome of every Register.
	Registered func(Registered)
	// ThroughMessage is a push that shows nothing, such as FCM's data or a call of PushKit.
	ThroughMessage func(payload.Payload)
	// NotificationArrived and NotificationClicked tell of what the system shows. A click is kept until Register.
	NotificationArrived func(payload.Payload)
	NotificationClicked func(payload.Payload)
	// PushDropped is a push that the app must not show: ErrStray, ErrRepeated or payload.ErrForeign. A call of PushKit has
	// to be reported to CallKit all the same, and ended.
	PushDropped func(payload.Payload, error)
	// MessageReceived is a chat message, a command, an application or the like. After an error it is not acknowledged and
	// comes again.
	MessageReceived func(wire.Message) error
	// MessageRecalled names the message in Of.
	MessageRecalled func(wire.Message)
	// CallInvitationReceived is an invitation that rings. CallEnded says that the call is over, or is for this user; and
	// CallChanged tells of everything else in it, also that the user accepted, maybe on another phone.
	CallInvitationReceived func(wire.Message)
	CallChanged            func(wire.Message)
	CallEnded              func(wire.Message)
	// RuleUpdated says that a rule of the user changed, maybe on another device.
	RuleUpdated func(wire.Message)
	// MessagesLost says that messages after the sequence are no longer kept.
	MessagesLost func(after int64)
	// ConnectionChanged tells of the session.
	ConnectionChanged func(Connection)
	// Kicked says that the user is no longer logged in on this phone, and why: a reason of a kicked frame, or KickedRefused.
	Kicked func(reason string)
}

// Registered is the outcome of a Register.
type Registered struct {
	// PushID is the installation's id, and Vendor and Tokens what it registered with; empty with Err.
	PushID string
	Vendor string
	Tokens Tokens
	Err    error
}

// Connection is the state of the session.
type Connection string

// The states of the session.
const (
	Connected    Connection = "Connected"
	Reconnecting Connection = "Reconnecting"
	Disconnected Connection = "Disconnected" // logged out, kicked or closed
)

// KickedRefused is the reason of a Kicked after the dispatcher had refused the login again and again.
const KickedRefused = "refused"

// The reasons of PushDropped beside payload.ErrForeign.
var (
	// ErrStray means that the push is for another user than the one who is logged in.
	ErrStray = errors.New("the push is for another user")
	// ErrRepeated means that the app was told of the message before.
	ErrRepeated = errors.New("the push repeats a message")
)

func tell[T any](callback func(T), about T) {
	if callback != nil {
		callback(about)
	}
}

// deliver hands a message to the user to its callback.
func (c *Callbacks) deliver(userID string, m wire.Message) error {
	switch m.Kind {
	case string(message.KindRecall):
		tell(c.MessageRecalled, m)
	case string(message.KindRule):
		tell(c.RuleUpdated, m)
	case string(message.KindCall):
		c.deliverCall(userID, m)
	default:
		if c.MessageReceived != nil {
			return c.MessageReceived(m)
		}
	}
	return nil
}

// deliverCall hands an event of a call over. An invitation that does not ring for the user, or not any more, is none.
func (c *Callbacks) deliverCall(userID string, m wire.Message) {
	switch call := m.Call; {
	case call == nil:
	case call.Action == string(message.CallInvite) && !call.Over:
		tell(c.CallInvitationReceived, m)
	case call.Action == string(message.CallInvite):
	case call.State == string(message.CallEnded), call.Action != string(message.CallAccept) && slices.Contains(call.Members, userID):
		tell(c.CallEnded, m)
	default:
		tell(c.CallChanged, m)
	}
}
