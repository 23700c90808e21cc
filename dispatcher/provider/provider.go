// Package provider defines what a vendor package offers and the HTTPS transport
// that all of them share. One package per vendor lies below it; catalog lists
// them once. Providers know nothing of stores, queues or retries: they make one
// call and say what the answer means.
package provider

import (
	"context"
	"log/slog"
	"time"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
)

// Provider talks to one vendor with one credential. It is safe for concurrent use.
type Provider interface {
	// Send pushes one notification to at most MaxTargets tokens and returns one
	// outcome for each target, in their order. Trouble is an outcome, not an error.
	Send(ctx context.Context, n Notification, targets []Target) []message.Outcome
	// Probe proves the credential to the vendor without sending anything.
	// Accepted means that the vendor takes it.
	Probe(ctx context.Context) message.Outcome
	// MaxTargets is the largest number of tokens of one Send.
	MaxTargets() int
	// Requests is how many vendor requests a Send to that many targets makes, for rate limits.
	Requests(targets int) int
	// Close releases connections.
	Close()
}

// Feedback is a Provider whose vendor keeps a list of dead tokens.
type Feedback interface {
	// DeadTokens takes the tokens from the list that died since the last call: the vendor names each once. The
	// outcome is Accepted, or says why there are none; the zero one means that the row has no such list.
	DeadTokens(ctx context.Context) ([]string, message.Outcome)
}

// Expiring is a Provider whose credential may run out.
type Expiring interface {
	// CredentialExpires is when the credential runs out; zero means never.
	CredentialExpires() time.Time
}

// Notification is what all targets of one Send shall show.
type Notification struct {
	Title, Content, Payload string
	// MessageID is the dispatcher's id of the message (UUIDv7). Vendors with receipts echo it in them.
	MessageID string
	// DedupID lets the vendor or the phone drop a repetition of the same event.
	DedupID string
	// ReplaceID makes a later push of the same event replace the shown one.
	ReplaceID string
	// Operation is what the push does to what the phone shows, such as recall or cancel_invitation, and Of the message
	// that it does it to; both are empty for a push that shows something of its own.
	Operation, Of string
	// CallID is the call invitation that it is about, and ExpiresAt when that stops ringing, in Unix milliseconds.
	CallID    string
	ExpiresAt int64
	// TTL is how long the vendor may keep it for an unreachable phone.
	TTL time.Duration
	// Urgent asks for the vendor's high priority.
	Urgent bool
	// ThreadID groups notifications on iOS.
	ThreadID string
	// Image is the https URL of a picture; empty means none.
	Image string
	// BadgeIncrement raises the number on the app's icon where the vendor or the phone counts; 0 leaves it. Where
	// an absolute number is needed it is in the Target.
	BadgeIncrement int32
	// VoIP describes a call to CallKit; nil means no call.
	VoIP *message.VoIP
	// Template fills in a private-message template; nil means none.
	Template *message.Template
	// Setting holds the push profile's parameters for this vendor; zero means a plain alert.
	Setting config.Setting
}

// TokenKind is which of a phone's tokens the notification goes to.
func (n Notification) TokenKind() message.TokenKind {
	if s := n.Setting.APNs; s != nil && s.PushType == "VoIP" {
		return message.TokenVoIP
	}
	return message.TokenAlert
}

// Target is one phone.
type Target struct {
	Token string
	// UserHash tells the app for whom the push is, so that it can drop a stray one.
	UserHash string
	// Badge is the number for the app's icon; nil leaves it as it is.
	Badge *int32
}

// Deps is what a vendor package needs from its surroundings.
type Deps struct {
	// Guard limits where a replaced endpoint may lead.
	Guard EndpointGuard
	// Tokens keeps vendor access tokens that outlive a process; nil keeps them in memory only.
	Tokens TokenStore
	// Now is the time that tokens are made and measured by; nil means the process's clock.
	Now func() time.Time
	// Alive says whether this process may still push. Its error keeps every byte off the provider's
	// connections. nil means for ever.
	Alive func() error
	// ReceiptURL is where the vendor posts what became of pushes; its path is a secret. Zero means that no receipts are asked for.
	ReceiptURL config.Secret
	Log        *slog.Logger
}

// Clock is Now, or the process's clock.
func (d Deps) Clock() func() time.Time {
	if d.Now == nil {
		return time.Now
	}
	return d.Now
}

// TokenStore shares vendor access tokens between the pods of one app. Names
// are unique per channel row and credential.
type TokenStore interface {
	// LoadToken returns ok=false when there is none.
	LoadToken(ctx context.Context, name string) (t AccessToken, ok bool, err error)
	// SwapToken stores next if the stored token is still previous (by value); it
	// reports whether it did.
	SwapToken(ctx context.Context, name string, previous, next AccessToken) (bool, error)
}

// AccessToken is a vendor's bearer token.
type AccessToken struct {
	Value     config.Secret
	ExpiresAt time.Time
}
