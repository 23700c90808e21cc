package wire

import "time"

// SessionPath is where a device opens its WebSocket session.
const SessionPath = "/v1/session"

// The types of the frames that a device sends.
const (
	FrameLogin = "login" // the first frame, and only that: Token, PushID, DeviceSecret, After
	FrameAck   = "ack"   // everything up to Seq is received
	FramePing  = "ping"  // every HeartbeatSeconds
)

// The types of the frames that the dispatcher sends.
const (
	FrameWelcome = "welcome" // the login is good: UserID, Cursor, HeartbeatSeconds
	FrameMessage = "message" // the fields of Message, strictly by Seq
	FrameGap     = "gap"     // messages after Cursor are no longer kept; the next frames go on behind them
	FramePong    = "pong"
	FrameKicked  = "kicked" // the session ends: Reason
)

// The reasons of a kicked frame.
const (
	KickedReplaced     = "replaced"     // a newer session of the same device took over
	KickedRebound      = "rebound"      // the device belongs to another user or installation now
	KickedLoggedOut    = "logged_out"   // the device is bound to nobody now
	KickedUnregistered = "unregistered" // the device is gone: register again
	KickedDraining     = "draining"     // this dispatcher is stopping: connect again
)

// ClientFrame is a frame from a device; Type says which fields count.
type ClientFrame struct {
	Type         string `json:"type"`
	Token        string `json:"token,omitempty"`
	PushID       string `json:"pushID,omitempty"`
	DeviceSecret string `json:"deviceSecret,omitempty"`
	// After asks for messages again that were acknowledged before; it never skips any.
	After *int64 `json:"after,omitempty"`
	Seq   int64  `json:"seq,omitempty"`
}

// ServerFrame is a frame to a device; Type says which fields count.
type ServerFrame struct {
	Type             string `json:"type"`
	UserID           string `json:"userID,omitempty"`
	Cursor           int64  `json:"cursor,omitempty"`
	HeartbeatSeconds int32  `json:"heartbeatSeconds,omitempty"`
	Reason           string `json:"reason,omitempty"`
	*Message
}

// Message is a stored message at its place in the user's inbox.
type Message struct {
	Seq       int64     `json:"seq"`
	MessageID string    `json:"messageID"`
	From      string    `json:"from"`
	Body      string    `json:"body,omitempty"`
	Push      *Push     `json:"push,omitempty"`
	CreatedAt time.Time `json:"createdAt"`
}
