package wire

import "time"

// CallInvitation is who is invited to a call, and what an offline device shows.
type CallInvitation struct {
	To             []string `json:"to" minItems:"1" maxItems:"9" nullable:"false" doc:"Who is invited, each once."`
	TimeoutSeconds int32    `json:"timeoutSeconds,omitempty" minimum:"1" maximum:"600" default:"90" doc:"How long it rings."`
	Body           string   `json:"body,omitempty" maxLength:"32768" doc:"The app's own, at most 32 KiB; it goes to sessions and never to a vendor."`
	Push           *Push    `json:"push,omitempty" doc:"What an offline device shows while it rings; without it nothing is pushed."`
}

// BeginCall begins a call, from a device of the caller.
type BeginCall struct {
	ClientID string `json:"clientID" minLength:"1" maxLength:"64" doc:"The caller's own id of this request. The same request again gives the call as it is then."`
	CallID   string `json:"callID,omitempty" maxLength:"64" doc:"The call's id; it is made without one."`
	CallInvitation
}

// BeginCallFrom begins a call for a user, from the app's server.
type BeginCallFrom struct {
	From string `json:"from" minLength:"1" maxLength:"64" doc:"The caller."`
	BeginCall
}

// CallUser is whose step it is, where the app's server makes it.
type CallUser struct {
	UserID string `json:"userID" minLength:"1" maxLength:"64" doc:"Whose step it is."`
}

// AnswerCallFor accepts or rejects for a user.
type AnswerCallFor struct {
	CallUser
	ClientID string `json:"clientID,omitempty" maxLength:"64" doc:"Tells who accepts from the user's other devices: the same may accept again, another one is told call_answered."`
}

// InviteToCallFor invites more users for a user.
type InviteToCallFor struct {
	CallUser
	CallInvitation
}

// CallCancellation takes invitations back that are not answered.
type CallCancellation struct {
	To   []string `json:"to,omitempty" maxItems:"9" nullable:"false" doc:"Whose invitations; without it all that are not answered."`
	Push *Push    `json:"push,omitempty" doc:"What takes the place of the shown invitation; what is empty in it is as in the invitation, and so is all without it."`
}

// CancelCallFor takes invitations back for a user.
type CancelCallFor struct {
	CallUser
	CallCancellation
}

// CallLeaving leaves or ends a call.
type CallLeaving struct {
	Push *Push `json:"push,omitempty" doc:"What takes the place of invitations that are shown still when the call ends with it; what is empty in it is as in the invitation, and so is all without it."`
}

// LeaveCallFor leaves or ends a call for a user.
type LeaveCallFor struct {
	CallUser
	CallLeaving
}

// Call is a call as it is now.
type Call struct {
	CallID    string       `json:"callID"`
	Caller    string       `json:"caller"`
	State     string       `json:"state" enum:"Ringing,Ongoing,Ended"`
	Reason    string       `json:"reason,omitempty" enum:"Cancelled,Rejected,TimedOut,Quit,Ended,Expired" doc:"Why it ended."`
	Members   []CallMember `json:"members" nullable:"false" doc:"Everybody who was ever invited, behind the caller."`
	Body      string       `json:"body,omitempty"`
	CreatedAt time.Time    `json:"createdAt"`
	EndedAt   *time.Time   `json:"endedAt,omitempty"`
}

// CallMember is a user in a call.
type CallMember struct {
	UserID    string     `json:"userID"`
	State     string     `json:"state" enum:"Invited,Accepted,Rejected,TimedOut,Cancelled,Quit,Ended"`
	Since     time.Time  `json:"since"`
	ExpiresAt *time.Time `json:"expiresAt,omitempty" doc:"When it stops ringing for who is invited."`
}
