package wire

// RecallMessage takes a message back.
type RecallMessage struct {
	ClientID       string `json:"clientID" minLength:"1" maxLength:"64" doc:"The sender's own id of this request, see send-message. It makes the request safe to repeat."`
	From           string `json:"from" minLength:"1" maxLength:"64" doc:"The user who sent the message; nobody else may recall it."`
	Push           *Push  `json:"push,omitempty" doc:"Takes the place of the message's notification on devices to whose vendor it was handed. Without it nothing is pushed."`
	PushTTLSeconds int32  `json:"pushTTLSeconds,omitempty" minimum:"1" maximum:"2419200" doc:"How long to try to push, in seconds, at most 28 days. Without it spec.routing.pushTTLSeconds of the PushApp counts, a day by default."`
}

// EditMessage gives a message another body.
type EditMessage struct {
	ClientID string `json:"clientID" minLength:"1" maxLength:"64" doc:"The sender's own id of this request, see send-message. It makes the request safe to repeat."`
	From     string `json:"from" minLength:"1" maxLength:"64" doc:"The user who sent the message; nobody else may edit it."`
	Body     string `json:"body" minLength:"1" maxLength:"32768" doc:"Takes the place of the message's body, at most 32 KiB."`
}

// SendApplication is a step of a request to become friends or to join a group.
type SendApplication struct {
	ClientID       string   `json:"clientID" minLength:"1" maxLength:"64" doc:"The sender's own id of this request, see send-message. It makes the request safe to repeat."`
	From           string   `json:"from" minLength:"1" maxLength:"64" doc:"The user whose step it is."`
	To             []string `json:"to" minItems:"1" maxItems:"100" nullable:"false" doc:"The users who are told, such as the owner of the group; each once. One that breaks a rule is left out, as for send-message."`
	Type           string   `json:"type" enum:"Friend,GroupJoin,GroupInvite" doc:"Friend: to become friends. GroupJoin: to join a group. GroupInvite: to bring somebody into a group."`
	Action         string   `json:"action" enum:"Send,Accept,Reject" doc:"Send: the application itself. Accept and Reject: the answer to it."`
	GroupID        string   `json:"groupID,omitempty" maxLength:"64" doc:"The group; needed with GroupJoin and GroupInvite, left out with Friend."`
	Body           string   `json:"body,omitempty" maxLength:"32768" doc:"Words for the receivers, at most 32 KiB; none without it."`
	Push           *Push    `json:"push,omitempty" doc:"What an offline device shows; without it nothing is pushed."`
	PushTTLSeconds int32    `json:"pushTTLSeconds,omitempty" minimum:"1" maximum:"2419200" doc:"How long to try to push, in seconds, at most 28 days. Without it spec.routing.pushTTLSeconds of the PushApp counts, a day by default."`
}

// SendPush is a push without a message, to users or to devices.
type SendPush struct {
	ClientID       string   `json:"clientID" minLength:"1" maxLength:"64" doc:"The sender's own id of this request, see send-message. It makes the request safe to repeat."`
	From           string   `json:"from" minLength:"1" maxLength:"64" doc:"Whose push it is; this user's own devices are left out."`
	Users          []string `json:"users,omitempty" maxItems:"100" nullable:"false" doc:"All devices of these users, by their rules, at most 100 users. Give either this or pushIDs."`
	PushIDs        []string `json:"pushIDs,omitempty" maxItems:"100" nullable:"false" doc:"These devices alone, whoever is logged in, at most 100. Give either this or users."`
	Push           Push     `json:"push" doc:"What the devices show."`
	PushTTLSeconds int32    `json:"pushTTLSeconds,omitempty" minimum:"1" maximum:"2419200" doc:"How long to try to push, in seconds, at most 28 days. Without it spec.routing.pushTTLSeconds of the PushApp counts, a day by default."`
}

// SentPush is the answer to an accepted push.
type SentPush struct {
	MessageID string         `json:"messageID" doc:"The UUIDv7 that trace-message takes."`
	Duplicate bool           `json:"duplicate" doc:"Whether this request was accepted before."`
	Receivers []PushReceiver `json:"receivers" nullable:"false" doc:"In the order of users or pushIDs."`
}

// PushReceiver is a user or a device of a push.
type PushReceiver struct {
	UserID  string `json:"userID,omitempty" doc:"The user; absent for a receiver of pushIDs."`
	PushID  string `json:"pushID,omitempty" doc:"The device; absent for a receiver of users."`
	Problem string `json:"problem,omitempty" doc:"Why this receiver was left out; absent for one that is pushed or has a decision in the trace."`
}

// UserMessages is a part of a user's inbox.
type UserMessages struct {
	UserID   string    `json:"userID" doc:"The user of the request."`
	Messages []Message `json:"messages" nullable:"false" doc:"In the order of seq, without a hole among them; empty when there are none behind after."`
	Gap      bool      `json:"gap,omitempty" doc:"Whether messages between after and the first one are gone, because they were older than the retention; absent means no."`
}
