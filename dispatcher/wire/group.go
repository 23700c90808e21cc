package wire

import "time"

// PutGroup makes a group, or adds members to one.
type PutGroup struct {
	Members []string `json:"members,omitempty" maxItems:"500" nullable:"false" doc:"The first members, at most 500; add the others by members:add."`
}

// ChangeMembers names members to add or to remove.
type ChangeMembers struct {
	UserIDs []string `json:"userIDs" minItems:"1" maxItems:"500" nullable:"false" doc:"At most 500, each once. Who is a member already, or none any more, is left as it is."`
}

// GroupChange is the outcome of a change of a group.
type GroupChange struct {
	GroupID string `json:"groupID"`
	Created bool   `json:"created,omitempty" doc:"Whether there was no such group before."`
	Changed int64  `json:"changed" doc:"How many were added or removed."`
	Members int64  `json:"members" doc:"How many members the group has now, at most 100000."`
}

// GroupMembers is a page of the members of a group.
type GroupMembers struct {
	GroupID string   `json:"groupID"`
	UserIDs []string `json:"userIDs" nullable:"false"`
	More
}

// UserGroups is a page of the groups of a user.
type UserGroups struct {
	UserID string  `json:"userID"`
	Groups []Group `json:"groups" nullable:"false"`
	More
}

// Group is a group that a user is a member of.
type Group struct {
	GroupID string `json:"groupID"`
	Members int64  `json:"members"`
}

// SendGroupMessage is a message to the members of a group.
type SendGroupMessage struct {
	ClientID       string    `json:"clientID" minLength:"1" maxLength:"64" doc:"The sender's own id of this request. The same (from, clientID) with the same content is answered like the first time; with other content it is id_conflict."`
	From           string    `json:"from" minLength:"1" maxLength:"64" doc:"The sender's user id, who must be a member. The sender's own devices receive the message and are not pushed."`
	Body           string    `json:"body,omitempty" maxLength:"32768" doc:"The chat body, at most 32 KiB; it goes to sessions and never to a vendor."`
	Push           *Push     `json:"push,omitempty" doc:"What an offline device shows; without it nothing is pushed."`
	PushTTLSeconds int32     `json:"pushTTLSeconds,omitempty" minimum:"1" maximum:"2419200" doc:"How long to try to push; the app's default without it."`
	Mentions       *Mentions `json:"mentions,omitempty" doc:"Who is meant."`
	Target         *Target   `json:"target,omitempty" doc:"Which members receive it; all without it."`
}

// Target narrows the receivers of a group's message; it holds one of both.
type Target struct {
	Only   []string `json:"only,omitempty" maxItems:"100" nullable:"false" doc:"The members who receive it, besides the sender; who is no member does not."`
	Except []string `json:"except,omitempty" maxItems:"100" nullable:"false" doc:"The members who do not receive it."`
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
	Body           string `json:"body,omitempty" maxLength:"32768" doc:"The chat body, at most 32 KiB; it goes to sessions and never to a vendor."`
	Push           *Push  `json:"push,omitempty" doc:"What is pushed; without it nothing is."`
	PushTTLSeconds int32  `json:"pushTTLSeconds,omitempty" minimum:"1" maximum:"2419200" doc:"How long to try to push; the app's default without it."`
}

// Broadcast is how far a broadcast is.
type Broadcast struct {
	BroadcastID string     `json:"broadcastID" doc:"The id of its message, for get-message."`
	From        string     `json:"from,omitempty" doc:"Empty when the message is not kept any more."`
	Mode        string     `json:"mode" enum:"OnlineOnly,OnlineAndOffline,Everyone"`
	State       string     `json:"state" enum:"Running,Paused,Cancelled,Done"`
	Users       int64      `json:"users" doc:"How many users with devices it has passed."`
	Targets     int64      `json:"targets" doc:"How many pushes were decided for them so far."`
	StartedAt   time.Time  `json:"startedAt"`
	FinishedAt  *time.Time `json:"finishedAt,omitempty" doc:"When it was done or cancelled."`
	Duplicate   bool       `json:"duplicate,omitempty" doc:"Whether the request to start it was accepted before."`
}

// Broadcasts is a page of the app's broadcasts, the newest first.
type Broadcasts struct {
	Broadcasts []Broadcast `json:"broadcasts" nullable:"false"`
	More
}
