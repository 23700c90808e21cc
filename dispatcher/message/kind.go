package message

import "slices"

// Kind says what a message is to the app.
type Kind string

// The kinds of messages. The empty kind counts as Chat.
const (
	// KindChat is a message of a conversation.
	KindChat Kind = "Chat"
	// KindCommand is a signal between apps, KindRoom is for who is in a room now, and KindEdit changes an earlier
	// message: these never push.
	KindCommand Kind = "Command"
	KindRoom    Kind = "Room"
	KindEdit    Kind = "Edit"
	// KindRecall takes an earlier message back.
	KindRecall Kind = "Recall"
	// KindCall is an event of a call invitation.
	KindCall Kind = "Call"
	// KindApplication is a step of a group or friend application.
	KindApplication Kind = "Application"
	// KindPush is a push without a message: it is in no inbox.
	KindPush Kind = "Push"
	// KindBroadcast is for all users of the app.
	KindBroadcast Kind = "Broadcast"
	// KindRule tells a user's devices that a rule of the user changed.
	KindRule Kind = "Rule"
)

// Pushes reports whether messages of the kind may push at all.
func (k Kind) Pushes() bool {
	return !slices.Contains([]Kind{KindCommand, KindRoom, KindEdit, KindRule}, k)
}

// Detail is what only messages of some kinds have; zero for a peer's chat message.
type Detail struct {
	// GroupID is the group whose message it is; empty for that of a peer.
	GroupID string `json:"groupID,omitempty"`
	// Mentions are who is meant in a group's message; nil means nobody in particular.
	Mentions *Mentions `json:"mentions,omitempty"`
	// Of is the message that this one edits or recalls.
	Of string `json:"of,omitempty"`
	// Call is the event of a call invitation.
	Call *CallEvent `json:"call,omitempty"`
	// Application is the step of an application.
	Application *Application `json:"application,omitempty"`
	// Replaces is the message whose shown notification this one's takes the place of. It goes only to devices to
	// whose vendor that one was handed, and waits until that is known.
	Replaces string `json:"replaces,omitempty"`
}

// Revisable reports whether the sender of a message of the kind may take it back or edit it.
func (k Kind) Revisable() bool {
	return k == "" || slices.Contains([]Kind{KindChat, KindCommand, KindRoom}, k)
}

// MaxMentions is the largest number of users that a message mentions (ZIM, send-and-receive-messages).
const MaxMentions = 50

// Mentions are the users that a group's message means.
type Mentions struct {
	All     bool     `json:"all,omitempty"`
	UserIDs []string `json:"userIDs,omitempty"`
	// Quiet leaves the mentioned users' do-not-disturb in force.
	Quiet bool `json:"quiet,omitempty"`
}

// Meant reports whether the user is mentioned.
func (m *Mentions) Meant(userID string) bool {
	return m != nil && (m.All || slices.Contains(m.UserIDs, userID))
}

// CallEvent is one step of a call invitation, as all who take part see it.
type CallEvent struct {
	CallID string `json:"callID"`
	// Action is the step, and State where the call is behind it.
	Action CallAction `json:"action"`
	State  CallState  `json:"state,omitempty"`
	// Caller invited, and UserID is whose action it was; empty when nobody's, as with a timeout.
	Caller string `json:"caller"`
	UserID string `json:"userID,omitempty"`
	// Members are those whose place in the call the step changed: for Invite the invited.
	Members []string `json:"members,omitempty"`
	// ExpiresAt is when it stops ringing, in Unix milliseconds.
	ExpiresAt int64 `json:"expiresAt,omitempty"`
}

// The types of applications.
const (
	ApplicationFriend      = "Friend"
	ApplicationGroupJoin   = "GroupJoin"
	ApplicationGroupInvite = "GroupInvite"
)

// Application is a step of a request to join a group or to become friends.
type Application struct {
	// Type is Friend, GroupJoin or GroupInvite; Action is Send, Accept or Reject.
	Type   string `json:"type"`
	Action string `json:"action"`
}
