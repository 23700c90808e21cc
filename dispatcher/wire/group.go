package wire

import "time"

// PutGroup makes a group, or adds members to one.
type PutGroup struct {
	Members []string `json:"members,omitempty" maxItems:"500" nullable:"false" doc:"Members to add, at most 500; add more by add-members. Without it nobody is added."`
}

// ChangeMembers names members to add or to remove.
type ChangeMembers struct {
	UserIDs []string `json:"userIDs" minItems:"1" maxItems:"500" nullable:"false" doc:"At most 500, each once. Who is a member already, or none any more, is left as it is."`
}

// GroupChange is the outcome of a change of a group.
type GroupChange struct {
	GroupID string `json:"groupID" doc:"The group's id."`
	Created bool   `json:"created,omitempty" doc:"Whether the group was made by this request; absent means no."`
	Changed int64  `json:"changed" doc:"How many were added or removed."`
	Members int64  `json:"members" doc:"How many members the group has now, at most 100000."`
}

// GroupMembers is a page of the members of a group.
type GroupMembers struct {
	GroupID string   `json:"groupID" doc:"The group's id."`
	UserIDs []string `json:"userIDs" nullable:"false" doc:"The members' user ids; empty when there are none."`
	More
}

// UserGroups is a page of the groups of a user.
type UserGroups struct {
	UserID string  `json:"userID" doc:"The user of the request."`
	Groups []Group `json:"groups" nullable:"false" doc:"The groups that the user is a member of; empty when there are none."`
	More
}

// Group is a group that a user is a member of.
type Group struct {
	GroupID string `json:"groupID" doc:"The group's id."`
	Members int64  `json:"members" doc:"How many members the group has."`
}

// SendGroupMessage is a message to the members of a group.
type SendGroupMessage struct {
	ClientID       string    `json:"clientID" minLength:"1" maxLength:"64" doc:"The sender's own id of this request. The same (from, clientID) with the same content is answered like the first time; with other content it is id_conflict."`
	From           string    `json:"from" minLength:"1" maxLength:"64" doc:"The sender's user id, who must be a member. The sender's own devices receive the message and are not pushed."`
	Body           string    `json:"body,omitempty" maxLength:"32768" doc:"The chat body, at most 32 KiB, none without it; it goes to sessions and never to a vendor."`
	Push           *Push     `json:"push,omitempty" doc:"What an offline device shows; without it nothing is pushed."`
	PushTTLSeconds int32     `json:"pushTTLSeconds,omitempty" minimum:"1" maximum:"2419200" doc:"How long to try to push, in seconds, at most 28 days. Without it spec.routing.pushTTLSeconds of the PushApp counts, a day by default."`
	Mentions       *Mentions `json:"mentions,omitempty" doc:"The members who are meant, who are pushed even when they muted the group; nobody without it."`
	Target         *Target   `json:"target,omitempty" doc:"Narrows the members who receive it; all receive it without it."`
}

// Target narrows the receivers of a group's message; it holds one of both.
type Target struct {
	Only   []string `json:"only,omitempty" maxItems:"100" nullable:"false" doc:"Only these members receive it, and the sender, at most 100. Names of others are ignored. Either this or except."`
	Except []string `json:"except,omitempty" maxItems:"100" nullable:"false" doc:"These members do not receive it, at most 100. Either this or only."`
}

// GroupSent is the answer to an accepted message to a group: it is stored, and brought to the members from now on.
type GroupSent struct {
	MessageID string `json:"messageID" doc:"The UUIDv7 of the message."`
	Duplicate bool   `json:"duplicate" doc:"Whether this request was accepted before."`
}

// SendBroadcast is a message for all users of the app.
type SendBroadcast struct {
	ClientID       string `json:"clientID" minLength:"1" maxLength:"64" doc:"The sender's own id of this request. The same (from, clientID) with the same content is answered like the first time; with other content it is id_conflict."`
	From           string `json:"from" minLength:"1" maxLength:"64" doc:"The user id that the message is from."`
	Mode           string `json:"mode" enum:"OnlineOnly,OnlineAndOffline,Everyone" doc:"OnlineOnly: users with a session get it in their inbox, and nobody is pushed. OnlineAndOffline: they get it in their inbox, and are pushed unless they acknowledge it in time; all others are pushed and have no inbox entry. Everyone: every device is pushed, connected or not, and there are no inbox entries."`
	Body           string `json:"body,omitempty" maxLength:"32768" doc:"The chat body, at most 32 KiB, none without it; it goes to sessions and never to a vendor."`
	Push           *Push  `json:"push,omitempty" doc:"What is pushed; without it nothing is."`
	PushTTLSeconds int32  `json:"pushTTLSeconds,omitempty" minimum:"1" maximum:"2419200" doc:"How long to try to push, in seconds, at most 28 days. Without it spec.routing.pushTTLSeconds of the PushApp counts, a day by default."`
}

// Broadcast is how far a broadcast is.
type Broadcast struct {
	BroadcastID string     `json:"broadcastID" doc:"The id of its message, for get-message."`
	From        string     `json:"from,omitempty" doc:"The user id that the message is from; absent when the message is not kept any more."`
	Mode        string     `json:"mode" enum:"OnlineOnly,OnlineAndOffline,Everyone" doc:"Who receives it and who is pushed, see send-broadcast."`
	State       string     `json:"state" enum:"Running,Paused,Cancelled,Done" doc:"Running: being brought to the users. Paused: stopped until it is resumed. Cancelled: stopped for good. Done: brought to all."`
	Users       int64      `json:"users" doc:"How many users with devices it has passed."`
	Targets     int64      `json:"targets" doc:"How many pushes were decided for them so far."`
	StartedAt   time.Time  `json:"startedAt" doc:"When it was accepted."`
	FinishedAt  *time.Time `json:"finishedAt,omitempty" doc:"When it was done or cancelled; absent before."`
	Duplicate   bool       `json:"duplicate,omitempty" doc:"Whether the request to start it was accepted before."`
}

// Broadcasts is a page of the app's broadcasts, the newest first.
type Broadcasts struct {
	Broadcasts []Broadcast `json:"broadcasts" nullable:"false" doc:"The newest first; empty when there are none."`
	More
}
