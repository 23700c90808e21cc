package router

import (
	"slices"

	"github.com/offlinepush/operator/dispatcher/message"
)

// verdict is what the rules say of one receiver.
type verdict struct {
	in   Input
	to   Recipient
	rule message.Rule
}

// user asks the rules that are the same for all devices of the user, in their
// order. The first one that suppresses decides; pushed is the last one that was
// overridden, and is empty when none was.
func (v verdict) user() (suppressed, pushed string) {
	if suppressed = v.sender(); suppressed == "" {
		suppressed = v.receiver()
	}
	if suppressed != "" {
		return suppressed, ""
	}
	for _, ask := range []func() (suppressed, pushed string){v.mute, v.quietHours} {
		suppressed, overridden := ask()
		if suppressed != "" {
			return suppressed, ""
		}
		if overridden != "" {
			pushed = overridden
		}
	}
	return "", pushed
}

// sender is what the sender wants.
func (v verdict) sender() string {
	m := v.in.Message
	switch {
	case !m.Kind.Pushes():
		return message.ReasonKind
	case m.Push == nil || v.to.Quiet:
		return message.ReasonNoPushConfig
	case m.Push.Mode == message.PushNever:
		return message.ReasonPushNever
	case v.to.UserID == m.Sender:
		return message.ReasonOwnDevice
	}
	return ""
}

// receiver is who the user is, and which pushes the user switched off: nothing overrides it.
func (v verdict) receiver() string {
	kind := v.in.Message.Kind
	switch {
	case len(v.to.Devices) == 0 && v.to.LoggedIn:
		return message.ReasonLoggedOut
	case len(v.to.Devices) == 0:
		return message.ReasonNeverLoggedIn
	case v.to.OnlineUntil.After(v.in.Now):
		return message.ReasonOnline
	case !v.rule.OfflinePush:
		return message.ReasonPushOff
	case !v.rule.MessagePush && ofConversation(kind):
		return message.ReasonMessagePushOff
	case !v.rule.CallPush && kind == message.KindCall:
		return message.ReasonCallPushOff
	}
	return ""
}

// ofConversation reports whether messages of the kind belong to a conversation.
func ofConversation(k message.Kind) bool {
	return k == "" || k == message.KindChat || k == message.KindRecall
}

// platform suppresses the push to a device while one of another platform is online.
func (v verdict) platform(d message.Device, pushed string) (suppressed, overridden string) {
	online := func(other message.Device) bool {
		return v.connected(other) && message.Holds(v.rule.OnlinePlatforms, other.Platform)
	}
	switch {
	case !message.Holds(v.rule.NotToReceiveOfflinePushPlatforms, d.Platform), !slices.ContainsFunc(v.to.Devices, online):
		return "", pushed
	case v.forced():
		return "", message.RuleForced
	}
	return message.ReasonPlatform, ""
}

// mute is the user's do-not-disturb of the conversation.
func (v verdict) mute() (suppressed, pushed string) {
	mentions := v.in.Message.Detail.Mentions
	switch {
	case !v.to.Muted || !ofConversation(v.in.Message.Kind):
		return "", ""
	case v.forced():
		return "", message.RuleForced
	case mentions.Meant(v.to.UserID) && !mentions.Quiet:
		return "", message.RuleMentioned
	}
	return message.ReasonMuted, ""
}

func (v verdict) quietHours() (suppressed, pushed string) {
	quiet := v.rule.QuietHours
	switch {
	case !quiet.Cover(v.in.Now):
		return "", ""
	case v.forced():
		return "", message.RuleForced
	case quiet.AllowCalls && v.in.Message.Kind == message.KindCall:
		return "", message.RuleCallAllowed
	}
	return message.ReasonQuietHours, ""
}

func (v verdict) forced() bool { return v.in.Message.Push.Mode == message.PushForce }
