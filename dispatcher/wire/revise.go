package wire

// RecallMessage takes a message back.
type RecallMessage struct {
	ClientID       string `json:"clientID" minLength:"1" maxLength:"64" doc:"The sender's own id of this request, see send-message."`
	From           string `json:"from" minLength:"1" maxLength:"64" doc:"Who sent the message."`
	Push           *Push  `json:"push,omitempty" doc:"Takes the place of the message's notification on devices to whose vendor it was handed; without it nothing is pushed."`
	PushTTLSeconds int32  `json:"pushTTLSeconds,omitempty" minimum:"1" maximum:"2419200" doc:"How long to try to push; the app's default without it."`
}

// EditMessage gives a message another body.
type EditMessage struct {
	ClientID string `json:"clientID" minLength:"1" maxLength:"64" doc:"The sender's own id of this request, see send-message."`
	From     string `json:"from" minLength:"1" maxLength:"64" doc:"Who sent the message."`
	Body     string `json:"body" minLength:"1" maxLength:"32768" doc:"Takes the place of the message's body, at most 32 KiB."`
}

// SendApplication is a step of a request to become friends or to join a group.
type SendApplication struct {
	ClientID       string   `json:"clientID" minLength:"1" maxLength:"64" doc:"The sender's own id of this request, see send-message."`
	From           string   `json:"from" minLength:"1" maxLength:"64" doc:"Whose step it is."`
	To             []string `json:"to" minItems:"1" maxItems:"100" nullable:"false" doc:"Who is told, such as the owner of the group, see send-message."`
	Type           string   `json:"type" enum:"Friend,GroupJoin,GroupInvite" doc:"What is applied for."`
	Action         string   `json:"action" enum:"Send,Accept,Reject" doc:"The step."`
	GroupID        string   `json:"groupID,omitempty" maxLength:"64" doc:"The group; left out with Friend."`
	Body           string   `json:"body,omitempty" maxLength:"32768" doc:"Words for the receivers, at most 32 KiB."`
	Push           *Push    `json:"push,omitempty" doc:"What an offline device shows; without it nothing is pushed."`
	PushTTLSeconds int32    `json:"pushTTLSeconds,omitempty" minimum:"1" maximum:"2419200" doc:"How long to try to push; the app's default without it."`
}

// SendPush is a push without a message, to users or to devices.
type SendPush struct {
	ClientID       string   `json:"clientID" minLength:"1" maxLength:"64" doc:"The sender's own id of this request, see send-message."`
	From           string   `json:"from" minLength:"1" maxLength:"64" doc:"Whose push it is; this user's own devices are left out."`
	Users          []string `json:"users,omitempty" maxItems:"100" nullable:"false" doc:"All devices of these users, by their rules. Either this or pushIDs."`
	PushIDs        []string `json:"pushIDs,omitempty" maxItems:"100" nullable:"false" doc:"These devices alone, whoever is logged in."`
	Push           Push     `json:"push"`
	PushTTLSeconds int32    `json:"pushTTLSeconds,omitempty" minimum:"1" maximum:"2419200" doc:"How long to try to push; the app's default without it."`
}

// SentPush is the answer to an accepted push.
type SentPush struct {
	MessageID string         `json:"messageID" doc:"The UUIDv7 that trace-message takes."`
	Duplicate bool           `json:"duplicate" doc:"Whether this request was accepted before."`
	Receivers []PushReceiver `json:"receivers" nullable:"false" doc:"In the order of users or pushIDs."`
}

// PushReceiver is a user or a device of a push.
type PushReceiver struct {
	UserID  string `json:"userID,omitempty"`
	PushID  string `json:"pushID,omitempty"`
	Problem string `json:"problem,omitempty" doc:"Why this receiver was left out; empty for one that is pushed or has a decision in the trace."`
}

// UserMessages is a part of a user's inbox.
type UserMessages struct {
	UserID   string    `json:"userID"`
	Messages []Message `json:"messages" nullable:"false" doc:"In order of seq, without a hole among them."`
	Gap      bool      `json:"gap,omitempty" doc:"Whether messages between after and the first one are gone, because they were older than the retention."`
}
