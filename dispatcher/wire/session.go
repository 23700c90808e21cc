package wire

import "time"

// SessionPath is where a device opens its WebSocket session.
const SessionPath = "/v1/session"

// The types of the frames that a device sends.
const (
	FrameLogin  = "login"  // the first frame, and only that: Token, PushID, DeviceSecret, After, Platform, DeviceName
	FrameAck    = "ack"    // everything up to Seq is received
	FramePing   = "ping"   // every HeartbeatSeconds
	FrameLogout = "logout" // unbinds the device; the answer is a loggedOut
)

// The types of the frames that the dispatcher sends.
const (
	FrameWelcome = "welcome" // the login is good: UserID, Cursor, HeartbeatSeconds
	FrameMessage = "message" // the fields of Message, strictly by Seq
	FrameGap     = "gap"     // messages after Cursor are no longer kept; the next frames go on behind them
	FramePong    = "pong"    // HeartbeatSeconds, which may have changed
	FrameKicked  = "kicked"  // the session ends: Reason
	// FrameLoggedOut says that nothing of the user starts on this device any more; the session ends.
	FrameLoggedOut = "loggedOut"
)

// The reasons of a kicked frame.
const (
	KickedReplaced     = "replaced"     // a newer session of the same device took over
	KickedRebound      = "rebound"      // the device belongs to another user or installation now
	KickedLoggedOut    = "logged_out"   // the device is bound to nobody now
	KickedUnregistered = "unregistered" // the device is gone: register again
	KickedDeviceLimit  = "device_limit" // the user logged in on too many other devices: this one is bound to nobody now
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
	// Platform is what the phone runs, DeviceName how it calls itself; at most 64 bytes each, empty changes nothing.
	Platform   string `json:"platform,omitempty"`
	DeviceName string `json:"deviceName,omitempty"`
	Seq        int64  `json:"seq,omitempty"`
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
	Seq       int64  `json:"seq" doc:"Counts the messages of this user from 1 without gaps."`
	MessageID string `json:"messageID"`
	Kind      string `json:"kind" enum:"Chat,Command,Room,Edit,Recall,Call,Application,Broadcast,Rule" doc:"What the message is to the app."`
	From      string `json:"from"`
	GroupID   string `json:"groupID,omitempty" doc:"The group whose message it is; empty for that of a peer."`
	Body      string `json:"body,omitempty"`
	// Mentions, Of, Call and Application belong to the kind.
	Mentions    *Mentions    `json:"mentions,omitempty"`
	Of          string       `json:"of,omitempty" doc:"The message that this one edits or recalls."`
	Call        *CallEvent   `json:"call,omitempty"`
	Application *Application `json:"application,omitempty"`
	Recalled    bool         `json:"recalled,omitempty" doc:"Whether its sender took it back; the body is gone."`
	Push        *Push        `json:"push,omitempty"`
	CreatedAt   time.Time    `json:"createdAt"`
}

// Mentions are the users that a group's message means.
type Mentions struct {
	All     bool     `json:"all,omitempty" doc:"Whether everybody in the group is meant."`
	UserIDs []string `json:"userIDs,omitempty" maxItems:"50" nullable:"false" doc:"Who is meant, at most 50."`
	Quiet   bool     `json:"quiet,omitempty" doc:"Leaves the do-not-disturb of those who are meant in force; without it they are pushed all the same."`
}

// CallEvent is one step of a call invitation.
type CallEvent struct {
	CallID    string     `json:"callID"`
	Action    string     `json:"action" enum:"Invite,Accept,Reject,Cancel,Quit,End,Timeout"`
	State     string     `json:"state,omitempty" enum:"Ringing,Ongoing,Ended" doc:"Where the call is behind the step."`
	Caller    string     `json:"caller" doc:"Who began the call."`
	UserID    string     `json:"userID,omitempty" doc:"Whose action it was; empty when nobody's."`
	Members   []string   `json:"members,omitempty" nullable:"false" doc:"Those whose place in the call the step changed; for Invite those who are invited."`
	ExpiresAt *time.Time `json:"expiresAt,omitempty" doc:"When it stops ringing."`
	// Over is decided when the event is read, not when it is stored.
	Over bool `json:"over,omitempty" doc:"Whether an invitation does not ring for this user, or not any more; it has no body and no push then."`
}

// Application is a step of a request to join a group or to become friends.
type Application struct {
	Type   string `json:"type" enum:"Friend,GroupJoin,GroupInvite"`
	Action string `json:"action" enum:"Send,Accept,Reject"`
}
