package message

import "time"

// Class says what a vendor's answer means to the dispatcher. The set is closed.
type Class string

// The outcome classes. Every code of every vendor maps to exactly one of them.
const (
	// Accepted means that the vendor took the message.
	Accepted Class = "Accepted"
	// InvalidToken means that the vendor will never deliver to this token again.
	InvalidToken Class = "InvalidToken"
	// AuthExpired means that the access token ran out: refresh once, then retry.
	AuthExpired Class = "AuthExpired"
	// CredentialRejected means that the vendor refuses the channel's credential; deliveries are kept.
	CredentialRejected Class = "CredentialRejected"
	// Throttled means too fast; RetryAfter says how long to wait.
	Throttled Class = "Throttled"
	// QuotaExhausted means that a daily quota is used up; RetryAfter says until when.
	QuotaExhausted Class = "QuotaExhausted"
	// Transient means that the same request may succeed later.
	Transient Class = "Transient"
	// Rejected means that the vendor refuses this payload for good.
	Rejected Class = "Rejected"
	// Unknown means a code that no table knows; it is surfaced and retried a bounded number of times.
	Unknown Class = "Unknown"
)

// Classes lists every outcome class once.
func Classes() []Class {
	return []Class{
		Accepted, InvalidToken, AuthExpired, CredentialRejected, Throttled,
		QuotaExhausted, Transient, Rejected, Unknown,
	}
}

// Outcome is a vendor's answer for one target.
type Outcome struct {
	Class Class
	// Code is the vendor's own code, such as 21301 or UNREGISTERED; empty when there was no answer.
	Code string
	// HTTPStatus is 0 when there was no answer.
	HTTPStatus int
	// Detail holds the vendor's own words, at most 256 runes, only from fields of its error shape.
	Detail string
	// VendorMessageID is the vendor's id of an accepted message.
	VendorMessageID string
	// RetryAfter is the wait that the vendor asks for; 0 when it named none.
	RetryAfter time.Duration
	// PhoneOnly means that a rate, a quota or an absence is the phone's: the outcome says nothing of the channel.
	PhoneOnly bool
	// ClassOnly means that a used up quota is that of the message's class: other classes go on.
	ClassOnly bool
	// InvalidSince is when an invalid token became so by the vendor's clock: one that was registered later is good again.
	// Zero means unknown.
	InvalidSince time.Time
}

// State is the place of one (message, user, device) in the account:
// admitted = handed + suppressed + failed + expired + cancelled + quarantined + pending.
type State string

// The states of a (message, user, device).
const (
	Handed      State = "Handed"
	Suppressed  State = "Suppressed"
	Failed      State = "Failed"
	Expired     State = "Expired"
	Cancelled   State = "Cancelled"
	Quarantined State = "Quarantined"
	Pending     State = "Pending"
)

// Rules that decide not to push; each is also the reason of the push that is suppressed by it.
const (
	ReasonKind           = "KindNeverPushes"   // messages of the kind never push
	ReasonNoPushConfig   = "NoPushConfig"      // the sender gave no push content
	ReasonPushNever      = "PushNever"         // the sender wants no push of this message
	ReasonOwnDevice      = "SenderOwnDevice"   // the device is the sender's own
	ReasonNeverLoggedIn  = "NeverLoggedIn"     // the user never logged in on any device
	ReasonLoggedOut      = "LoggedOut"         // the user logged out of all devices
	ReasonOnline         = "OnlineElsewhere"   // the app's server reported the user online
	ReasonPushOff        = "PushOff"           // the user switched all pushes off
	ReasonMessagePushOff = "MessagePushOff"    // the user switched the pushes of messages off
	ReasonCallPushOff    = "CallPushOff"       // the user switched the pushes of calls off
	ReasonPlatform       = "PlatformRule"      // a device of another platform is online
	ReasonMuted          = "ConversationMuted" // the user muted the conversation
	ReasonQuietHours     = "QuietHours"        // the user's quiet hours
	ReasonSessionOnly    = "SessionOnly"       // the device has no vendor, it only has sessions
	ReasonNoChannel      = "NoChannel"         // no channel row serves the device
	ReasonAmbiguous      = "AmbiguousChannel"  // several channel rows serve the device
)

// Rules that decide to push.
const (
	RuleOffline         = "Offline"         // the device has no session
	RuleNotAcknowledged = "NotAcknowledged" // the device has a session, and has time to acknowledge
	RuleMentioned       = "Mentioned"       // a mention of the user overrides the muted conversation
	RuleCallAllowed     = "CallAllowed"     // the user's quiet hours allow calls
	RuleForced          = "Forced"          // the sender's Force overrides a rule of the user
	RuleDirect          = "DirectPush"      // a push without a message, which no session brings
	RulePushTest        = "PushTest"        // a test of the push
)

// Reasons of other pushes that are not a vendor's words.
const (
	ReasonNoToken       = "NoToken"      // the device has no token that works
	ReasonAcked         = "Acked"        // the device received it over its session
	ReasonFenced        = "Fenced"       // the device changed hands
	ReasonTTL           = "TTLExpired"   // the push was not possible in time
	ReasonAttempts      = "TooManyTries" // unknown answers, a bounded number of times
	ReasonSuspended     = "ChannelSuspended"
	ReasonRecalled      = "Recalled"         // its sender took it back
	ReasonCallOver      = "CallOver"         // the call does not ring any more for the user
	ReasonNoPredecessor = "NothingToReplace" // what it replaces was never given to the vendor
)
