package message

import (
	"slices"
	"time"
)

// MaxCall is how long a call goes on at most.
const MaxCall = 24 * time.Hour

// MaxInvitees is the largest number of users that one call invites in all (ZIM, CallInvite).
const MaxInvitees = 9

// CallAction is a step of a call.
type CallAction string

// The steps of a call. CallTimeout is nobody's: its time has come.
const (
	CallInvite  CallAction = "Invite"
	CallAccept  CallAction = "Accept"
	CallReject  CallAction = "Reject"
	CallCancel  CallAction = "Cancel"
	CallQuit    CallAction = "Quit"
	CallEnd     CallAction = "End"
	CallTimeout CallAction = "Timeout"
)

// CallState is where a call is.
type CallState string

// The states of a call.
const (
	// CallRinging means that nobody has accepted yet.
	CallRinging CallState = "Ringing"
	CallOngoing CallState = "Ongoing"
	CallEnded   CallState = "Ended"
)

// CallReason is why a call ended.
type CallReason string

// The reasons for the end of a call: its last step.
const (
	CallCancelled CallReason = "Cancelled"
	CallRejected  CallReason = "Rejected"
	CallTimedOut  CallReason = "TimedOut"
	CallLeft      CallReason = "Quit"
	CallHungUp    CallReason = "Ended"
	// CallExpired means that it went on for longer than a call may.
	CallExpired CallReason = "Expired"
)

// MemberState is where a member of a call is.
type MemberState string

// The states of a member. All but MemberInvited and MemberAccepted are its end, until it is invited again.
const (
	MemberInvited   MemberState = "Invited"
	MemberAccepted  MemberState = "Accepted"
	MemberRejected  MemberState = "Rejected"
	MemberTimedOut  MemberState = "TimedOut"
	MemberCancelled MemberState = "Cancelled"
	MemberQuit      MemberState = "Quit"
	// MemberEnded was in the call when it ended.
	MemberEnded MemberState = "Ended"
)

// Active reports whether the member is in the call or may still come.
func (s MemberState) Active() bool { return s == MemberInvited || s == MemberAccepted }

// Call is a call with everybody in it.
type Call struct {
	ID string `json:"id"`
	// Version counts the steps from 1.
	Version int64      `json:"version"`
	State   CallState  `json:"state"`
	Reason  CallReason `json:"reason,omitempty"`
	// Members begin with the caller.
	Members []CallMember `json:"members"`
	// Body is the app's own, as in a message.
	Body      string    `json:"body,omitempty"`
	CreatedAt time.Time `json:"createdAt"`
	EndedAt   time.Time `json:"endedAt,omitzero"`
	// Invitations are what made phones ring, oldest first.
	Invitations []CallInvitation `json:"invitations,omitempty"`
	// Outbox are the events that have to be told yet, in their order.
	Outbox []CallNotice `json:"outbox,omitempty"`
}

// CallMember is a user in a call.
type CallMember struct {
	UserID string      `json:"userID"`
	State  MemberState `json:"state"`
	Since  time.Time   `json:"since"`
	// RingsUntil is when the last invitation of the member ends by itself; zero for the caller.
	RingsUntil time.Time `json:"ringsUntil,omitzero"`
	// Invitation is the id of the message of that invitation.
	Invitation string `json:"invitation,omitempty"`
	// By tells the device or request that accepted from others of the same user.
	By string `json:"by,omitempty"`
}

// CallInvitation is the message that made phones ring and what it showed.
type CallInvitation struct {
	MessageID string      `json:"messageID"`
	Push      *PushConfig `json:"push,omitempty"`
}

// CallNotice is an event of a call with those who are told of it.
type CallNotice struct {
	Event CallEvent `json:"event"`
	// From is whose message it is, To who is told, and PushTo who of them is pushed.
	From   string   `json:"from"`
	To     []string `json:"to"`
	PushTo []string `json:"pushTo,omitempty"`
	// MessageID is set where it is known before: for an invitation, which the call remembers.
	MessageID string      `json:"messageID,omitempty"`
	Body      string      `json:"body,omitempty"`
	Push      *PushConfig `json:"push,omitempty"`
	// PushUntil ends the attempts to push it.
	PushUntil time.Time `json:"pushUntil,omitzero"`
	// Replaces is the invitation whose shown notification the push takes the place of.
	Replaces string `json:"replaces,omitempty"`
}

// Caller is who began the call.
func (c Call) Caller() string { return c.Members[0].UserID }

// Member is the member of the user; nil when there is none.
func (c Call) Member(userID string) *CallMember {
	for i := range c.Members {
		if c.Members[i].UserID == userID {
			return &c.Members[i]
		}
	}
	return nil
}

// Rings reports whether the message is an invitation that still makes the user's phones ring.
func (c Call) Rings(userID, messageID string, now time.Time) bool {
	m := c.Member(userID)
	return m != nil && m.State == MemberInvited && m.Invitation == messageID && now.Before(m.RingsUntil)
}

// Deadline is when something happens by itself; zero when nothing does.
func (c Call) Deadline() time.Time {
	if len(c.Outbox) > 0 {
		return c.CreatedAt // long ago
	}
	if c.State == CallEnded {
		return time.Time{}
	}
	at := c.CreatedAt.Add(MaxCall)
	for _, m := range c.Members {
		if m.State == MemberInvited && m.RingsUntil.Before(at) {
			at = m.RingsUntil
		}
	}
	return at
}

// Clone shares nothing that a step changes.
func (c Call) Clone() Call {
	c.Members, c.Invitations, c.Outbox = slices.Clone(c.Members), slices.Clone(c.Invitations), slices.Clone(c.Outbox)
	return c
}
