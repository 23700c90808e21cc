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
	Seq       int64  `json:"seq" doc:"The message's place in this user's inbox, which counts from 1 without gaps."`
	MessageID string `json:"messageID" doc:"The UUIDv7 of the message."`
	Kind      string `json:"kind" enum:"Chat,Command,Room,Edit,Recall,Call,Application,Broadcast,Rule" doc:"What the message is to the app."`
	From      string `json:"from" doc:"The user id that it is from."`
	GroupID   string `json:"groupID,omitempty" doc:"The group whose message it is; absent for that of a peer."`
	Body      string `json:"body,omitempty" doc:"The chat body; absent when it has none or was recalled."`
	// Mentions, Of, Call and Application belong to the kind.
	Mentions    *Mentions    `json:"mentions,omitempty" doc:"The members who are meant by a group's message; absent when nobody is."`
	Of          string       `json:"of,omitempty" doc:"The message that this one edits or recalls; absent for others."`
	Call        *CallEvent   `json:"call,omitempty" doc:"The step of a call; of the kind Call only."`
	Application *Application `json:"application,omitempty" doc:"The step of an application; of the kind Application only."`
	Recalled    bool         `json:"recalled,omitempty" doc:"Whether its sender took it back, so that the body is gone; absent means no."`
	Push        *Push        `json:"push,omitempty" doc:"What an offline device was to show; absent when nothing."`
	CreatedAt   time.Time    `json:"createdAt" doc:"When it was accepted."`
}

// Mentions are the users that a group's message means.
type Mentions struct {
	All     bool     `json:"all,omitempty" doc:"Whether everybody in the group is meant; not without it."`
	UserIDs []string `json:"userIDs,omitempty" maxItems:"50" nullable:"false" doc:"The users who are meant, at most 50; nobody in particular without it."`
	Quiet   bool     `json:"quiet,omitempty" doc:"Whether those who are meant are not pushed when they muted the group; without it they are pushed all the same."`
}

// CallEvent is one step of a call invitation.
type CallEvent struct {
	CallID    string     `json:"callID" doc:"The call."`
	Action    string     `json:"action" enum:"Invite,Accept,Reject,Cancel,Quit,End,Timeout" doc:"The step. Timeout: nobody answered in time."`
	State     string     `json:"state,omitempty" enum:"Ringing,Ongoing,Ended" doc:"Where the call is after the step."`
	Caller    string     `json:"caller" doc:"Who began the call."`
	UserID    string     `json:"userID,omitempty" doc:"The user whose step it was; absent when it was nobody's, as with Timeout."`
	Members   []string   `json:"members,omitempty" nullable:"false" doc:"The users whose place in the call the step changed; for Invite those who are invited."`
	ExpiresAt *time.Time `json:"expiresAt,omitempty" doc:"When it stops ringing; of Invite only."`
	// Over is decided when the event is read, not when it is stored.
	Over bool `json:"over,omitempty" doc:"Whether an invitation does not ring for this user, or not any more; it has no body and no push then. Absent means that it rings."`
}

// Application is a step of a request to join a group or to become friends.
type Application struct {
	Type   string `json:"type" enum:"Friend,GroupJoin,GroupInvite" doc:"What is applied for, see send-application."`
	Action string `json:"action" enum:"Send,Accept,Reject" doc:"Send: the application itself. Accept and Reject: the answer to it."`
}
