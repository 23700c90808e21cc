// Package message holds the pure types that travel through the dispatcher:
// what a sender gave, which devices it is for, and what each vendor answered.
// It imports the standard library only, so that every other room can use it.
package message

import "time"

// Limits of a message, in bytes unless said otherwise.
const (
	// MaxBody is the largest chat body that is stored for the receiver.
	MaxBody = 32 << 10
	// MaxPayload is the largest transparent payload; vendors take 4096 bytes for a whole notification.
	MaxPayload = 3 << 10
	// MaxRecipients is the largest number of receivers of one peer message.
	MaxRecipients = 100
	// MaxID is the longest user id, client id or push id.
	MaxID = 64
)

// ReservedSenders begins the senders that no user may have; PushTestSender is that of push tests, which are for devices
// alone and show what the vendor answered.
const (
	ReservedSenders = "offlinepush:"
	PushTestSender  = ReservedSenders + "pushtest"
)

// Message is one event that a sender gave us, as it is stored.
type Message struct {
	// ID is a UUIDv7 that the dispatcher made.
	ID string
	// Kind says what it is to the app; empty counts as KindChat.
	Kind Kind
	// Detail is what only some kinds have.
	Detail Detail
	// Sender is the user id of the sender.
	Sender string
	// Body is the chat body; it goes to sessions and never to a vendor.
	Body string
	// Push says what an offline device shows; nil means that nothing is pushed.
	Push *PushConfig
	// CreatedAt is when the message was accepted.
	CreatedAt time.Time
	// PushExpiresAt ends the attempts to push it.
	PushExpiresAt time.Time
	// Recalled means that its sender took it back: body, push and detail are gone.
	Recalled bool
}

// InboxEntry is a stored message at its place in one user's inbox.
type InboxEntry struct {
	// Seq counts the user's messages from 1 without gaps.
	Seq     int64
	Message Message
}
