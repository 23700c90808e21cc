package store

import (
	"context"
	"time"

	"github.com/offlinepush/operator/dispatcher/message"
)

// MaxLetters is how many dead letters are kept; of more the oldest go with the next Prune.
const MaxLetters = 100_000

// Letters keeps the pushes that finally failed. Settle leaves one in its own transaction for every target
// that rules.Dies names, with what the vendor answered last.
type Letters interface {
	// Letters lists dead letters, the newest first, from behind the one of the page before; 0 is the first page.
	Letters(ctx context.Context, f LetterFilter, before int64, limit int) ([]Letter, error)
	// CountLetters counts them by channel row, state and reason, in this order.
	CountLetters(ctx context.Context, f LetterFilter) ([]LetterCount, error)
	// Requeue makes new deliveries of up to limit letters, the oldest first, and deletes these, in one
	// transaction: each is sent again once, however many ask at the same time. It takes those whose device
	// is there with a token that works, whose user it still has, and whose message is not taken back; the
	// others stay. The account admits them anew. ErrBacklogFull changes nothing.
	Requeue(ctx context.Context, f LetterFilter, maxBacklog int64, limit int) (Requeued, error)
	// PurgeLetters deletes up to limit letters, the oldest first.
	PurgeLetters(ctx context.Context, f LetterFilter, limit int) (int64, error)
}

// LetterFilter says which letters are meant; zero means all.
type LetterFilter struct {
	// IDs are at most 1,000.
	IDs                              []int64
	Channel, Reason, UserID, Message string
	State                            message.State
	// Since is the first moment, Until the one behind the last.
	Since, Until time.Time
}

// Letter is a push that finally failed.
type Letter struct {
	ID int64
	// UserID is empty where the push was for the device alone, PushID when the device is gone.
	UserID, PushID, Channel, Rule string
	State                         message.State
	// Reason is one of message's reasons or an outcome class.
	Reason string
	// Class, Code and Detail are the vendor's last answer; empty when there was none.
	Class        message.Class
	Code, Detail string
	// InDoubt means that the vendor may have taken it: sent again, it may show twice.
	InDoubt bool
	At      time.Time
	// Message is what it said; only its ID is there when it is taken back or erased.
	Message message.Message
}

// LetterCount is how many letters there are of a kind.
type LetterCount struct {
	Channel string
	State   message.State
	Reason  string
	N       int64
}

// Requeued is what a Requeue did.
type Requeued struct {
	// Letters counts the letters that are deliveries again.
	Letters int64
	// More says that the limit was reached.
	More bool
	// Deliveries are the stored rows as in AcceptResult.
	Deliveries []message.Delivery
}

// Hygiene keeps the quarantine of tokens honest.
type Hygiene interface {
	// NoteDays adds to what is known of days of channel rows.
	NoteDays(ctx context.Context, days []ChannelDay) error
	// DropQuarantined deletes up to limit tokens whose quarantine is older than HealthyDays healthy days of their
	// channel row: days that are over at the time, on which a push was accepted and the row was never ill. The
	// devices stay bound.
	DropQuarantined(ctx context.Context, at time.Time, limit int) (dropped int64, err error)
	// RestoreTokens ends the quarantine of up to limit tokens of a channel row that began since the time.
	RestoreTokens(ctx context.Context, channel string, since time.Time, limit int) (restored int64, err error)
	// NoteDead takes a vendor's word that tokens are dead as an answer about those that were set before the time.
	// It answers how many they are. Without keep they are quarantined.
	NoteDead(ctx context.Context, d DeadTokens, keep bool) (known int64, err error)
}

// HealthyDays is how many healthy days of its channel row a quarantined token is kept.
const HealthyDays = 7

// ChannelDay is what is known of a channel row on the UTC day of a moment.
type ChannelDay struct {
	Channel string
	At      time.Time
	// Accepted says that the vendor accepted a push, Ill that the row was CredentialRejected or MassInvalidation.
	Accepted, Ill bool
}

// DeadTokens are tokens that a vendor calls dead.
type DeadTokens struct {
	Channel  string
	Selector message.Selector
	Tokens   []string
	Before   time.Time
}
