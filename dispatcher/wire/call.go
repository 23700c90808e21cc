package wire

import "time"

// CallInvitation is who is invited to a call, and what an offline device shows.
type CallInvitation struct {
	To             []string `json:"to" minItems:"1" maxItems:"9" nullable:"false" doc:"The users who are invited, each once. A call invites at most 9 in all."`
	TimeoutSeconds int32    `json:"timeoutSeconds,omitempty" minimum:"1" maximum:"600" default:"90" doc:"How long it rings, in seconds. 90 without it."`
	Body           string   `json:"body,omitempty" maxLength:"32768" doc:"The app's own, at most 32 KiB, none without it; it goes to sessions and never to a vendor."`
	Push           *Push    `json:"push,omitempty" doc:"What an offline device shows while it rings; without it nothing is pushed."`
}

// BeginCall begins a call, from a device of the caller.
type BeginCall struct {
	ClientID string `json:"clientID" minLength:"1" maxLength:"64" doc:"The caller's own id of this request. The same request again gives the call as it is then."`
	CallID   string `json:"callID,omitempty" maxLength:"64" doc:"The call's id, 1 to 64 bytes. Without it the dispatcher makes one."`
	CallInvitation
}

// BeginCallFrom begins a call for a user, from the app's server.
type BeginCallFrom struct {
	From string `json:"from" minLength:"1" maxLength:"64" doc:"The caller's user id."`
	BeginCall
}

// CallUser is whose step it is, where the app's server makes it.
type CallUser struct {
	UserID string `json:"userID" minLength:"1" maxLength:"64" doc:"The user whose step it is."`
}

// AnswerCallFor accepts or rejects for a user.
type AnswerCallFor struct {
	CallUser
	ClientID string `json:"clientID,omitempty" maxLength:"64" doc:"Tells who accepts from the user's other devices: the same may accept again, another one is told call_answered. Without it all accept as one."`
}

// InviteToCallFor invites more users for a user.
type InviteToCallFor struct {
	CallUser
	CallInvitation
}

// CallCancellation takes invitations back that are not answered.
type CallCancellation struct {
	To   []string `json:"to,omitempty" maxItems:"9" nullable:"false" doc:"The users whose invitations are taken back. Without it all that nobody has answered are."`
	Push *Push    `json:"push,omitempty" doc:"What phones show in place of the invitation. What is empty in it stays as in the invitation; without it all does."`
}

// CancelCallFor takes invitations back for a user.
type CancelCallFor struct {
	CallUser
	CallCancellation
}

// CallLeaving leaves or ends a call.
type CallLeaving struct {
	Push *Push `json:"push,omitempty" doc:"What phones show in place of invitations that are still shown, when the call ends with this step. What is empty in it stays as in the invitation; without it all does."`
}

// LeaveCallFor leaves or ends a call for a user.
type LeaveCallFor struct {
	CallUser
	CallLeaving
}

// Call is a call as it is now.
type Call struct {
	CallID    string       `json:"callID" doc:"The call's id."`
	Caller    string       `json:"caller" doc:"The user who began the call."`
	State     string       `json:"state" enum:"Ringing,Ongoing,Ended" doc:"Ringing: nobody has accepted yet. Ongoing: somebody has. Ended: it is over for good."`
	Reason    string       `json:"reason,omitempty" enum:"Cancelled,Rejected,TimedOut,Quit,Ended,Expired" doc:"Why it ended, absent before. Cancelled, Rejected and TimedOut: no invitation was accepted. Quit: fewer than two were left. Ended: somebody ended it for all. Expired: it went on for 24 hours."`
	Members   []CallMember `json:"members" nullable:"false" doc:"The caller first, then everybody who was ever invited."`
	Body      string       `json:"body,omitempty" doc:"The app's own text from the first invitation; absent when there was none."`
	CreatedAt time.Time    `json:"createdAt" doc:"When the call began."`
	EndedAt   *time.Time   `json:"endedAt,omitempty" doc:"When it ended; absent before."`
}

// CallMember is a user in a call.
type CallMember struct {
	UserID    string     `json:"userID" doc:"The user."`
	State     string     `json:"state" enum:"Invited,Accepted,Rejected,TimedOut,Cancelled,Quit,Ended" doc:"Invited: it rings. Accepted: in the call. Rejected, TimedOut, Cancelled: the invitation is over. Quit: left. Ended: was in the call when it ended."`
	Since     time.Time  `json:"since" doc:"Since when the member is in this state."`
	ExpiresAt *time.Time `json:"expiresAt,omitempty" doc:"When the last invitation of the member stops ringing by itself; absent for the caller."`
}
