package wire

import "github.com/offlinepush/operator/dispatcher/message"

// PushRule is what a user wants of pushes.
type PushRule struct {
	OfflinePush                      *bool       `json:"offlinePush,omitempty" doc:"The switch of all pushes; on without it."`
	MessagePush                      *bool       `json:"messagePush,omitempty" doc:"The switch of the pushes of messages; on without it."`
	CallPush                         *bool       `json:"callPush,omitempty" doc:"The switch of the pushes of calls; on without it."`
	OnlinePlatforms                  []string    `json:"onlinePlatforms,omitempty" maxItems:"16" nullable:"false" example:"[\"Windows\",\"macOS\"]" doc:"While a device of one of these platforms is online, those of notToReceiveOfflinePushPlatforms are not pushed. At most 16, whatever their case; none without it."`
	NotToReceiveOfflinePushPlatforms []string    `json:"notToReceiveOfflinePushPlatforms,omitempty" maxItems:"16" nullable:"false" example:"[\"Android\",\"iPhoneOS\"]" doc:"The platforms that are quiet then. At most 16, whatever their case; none without it."`
	QuietHours                       *QuietHours `json:"quietHours,omitempty" doc:"The part of each day without pushes; none without it."`
}

// QuietHours is the part of each day in which a user is not pushed.
type QuietHours struct {
	Start      string `json:"start" pattern:"^([01][0-9]|2[0-3]):[0-5][0-9]$" example:"22:00" doc:"When it begins: HH:MM of the wall clock in timeZone."`
	End        string `json:"end" pattern:"^([01][0-9]|2[0-3]):[0-5][0-9]$" example:"07:00" doc:"When it is over: HH:MM of the same clock, on the next day when it is before start."`
	TimeZone   string `json:"timeZone" minLength:"1" maxLength:"64" example:"Europe/Berlin" doc:"A name of the IANA time zone database."`
	AllowCalls bool   `json:"allowCalls,omitempty" doc:"Whether calls are pushed all the same; not without it."`
}

// Conversation is one that a user can mute.
type Conversation struct {
	Type string `json:"type" enum:"Peer,Group" doc:"Peer: with a user. Group: of a group."`
	ID   string `json:"id" minLength:"1" maxLength:"64" doc:"The peer's user id, or the group's id."`
}

// SetMutes mutes conversations, or does not any more; others stay as they are.
type SetMutes struct {
	Conversations []Conversation `json:"conversations" minItems:"1" maxItems:"10" nullable:"false" doc:"1 to 10 conversations, each once. A user mutes at most 1000."`
	Muted         bool           `json:"muted" doc:"true mutes them, false unmutes them."`
}

// Mutes is a page of the conversations that a user muted.
type Mutes struct {
	Conversations []Conversation `json:"conversations" nullable:"false" doc:"The muted conversations by type and id; empty when there are none."`
	More
}

// RuleChange is the body of a message of the kind Rule: what of the user's rule changed.
type RuleChange struct {
	// PushRule is the new rule, as a whole.
	PushRule *PushRule `json:"pushRule,omitempty"`
	Mutes    *SetMutes `json:"mutes,omitempty"`
}

// PushRuleOf is a rule as it travels.
func PushRuleOf(r message.Rule) PushRule {
	out := PushRule{
		OfflinePush: new(r.OfflinePush), MessagePush: new(r.MessagePush), CallPush: new(r.CallPush),
		OnlinePlatforms: r.OnlinePlatforms, NotToReceiveOfflinePushPlatforms: r.NotToReceiveOfflinePushPlatforms,
	}
	if q := r.QuietHours; q != nil {
		out.QuietHours = &QuietHours{Start: q.Start, End: q.End, TimeZone: q.TimeZone, AllowCalls: q.AllowCalls}
	}
	return out
}

// Rule reads a rule as it travels; what is left out is the default.
func (r PushRule) Rule() message.Rule {
	on := func(b *bool) bool { return b == nil || *b }
	out := message.Rule{
		OfflinePush: on(r.OfflinePush), MessagePush: on(r.MessagePush), CallPush: on(r.CallPush),
		OnlinePlatforms: r.OnlinePlatforms, NotToReceiveOfflinePushPlatforms: r.NotToReceiveOfflinePushPlatforms,
	}
	if q := r.QuietHours; q != nil {
		out.QuietHours = &message.QuietHours{Start: q.Start, End: q.End, TimeZone: q.TimeZone, AllowCalls: q.AllowCalls}
	}
	return out
}
