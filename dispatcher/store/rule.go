package store

import (
	"context"
	"time"

	"github.com/offlinepush/operator/dispatcher/message"
)

// Rules keeps what decides whether a user is pushed, besides the message.
type Rules interface {
	// Recipients reads what the decisions about messages to users depend on, in one query. A user who was never
	// heard of is absent.
	Recipients(ctx context.Context, asks []Ask) (map[string]Recipient, error)
	// Mutes lists the conversations that a user muted, by type and id, from behind the given one.
	Mutes(ctx context.Context, userID string, after message.Conversation, limit int) ([]message.Conversation, error)
	// SetPresence notes that a user is online elsewhere for that long, or is not any more with 0.
	SetPresence(ctx context.Context, userID string, online time.Duration) error
}

// Ask is a user, and the conversation of a message to them; the zero Conversation asks about none.
type Ask struct {
	UserID string
	In     message.Conversation
}

// Recipient is what the decision about a user depends on.
type Recipient struct {
	// Devices are those that are bound to the user, in order of the push id.
	Devices []message.Device
	// LoggedIn means that a device was bound to the user once.
	LoggedIn bool
	// Rule is nil when the user never set one.
	Rule *message.Rule
	// Muted are those of the conversations of the asks that the user muted.
	Muted []message.Conversation
	// OnlineUntil is until when the user is online elsewhere; zero when that was never reported.
	OnlineUntil time.Time
}

// RuleChange is what a message of message.KindRule tells about: it is written in the same transaction. The user is
// a recipient of the message.
type RuleChange struct {
	UserID string
	// Rule replaces the user's; nil leaves it.
	Rule *message.Rule
	// Mute and Unmute are conversations, each once and in one of them.
	Mute, Unmute []message.Conversation
}
