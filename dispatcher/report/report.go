// Package report is the contract out: what a dispatcher tells the controllers
// about itself. It imports the standard library only.
package report

import "time"

// Version is the version of the report, as major.minor.
const Version = "1.0"

// Path is where the admin port serves the report; it needs the app's report key as bearer token.
const Path = "/report"

// Report is the state of one dispatcher process. It never holds a secret, a
// token, a user id or a message.
type Report struct {
	Version string `json:"version"`
	// Pod is the name of the pod, Incarnation the number of its lease.
	Pod         string    `json:"pod"`
	Incarnation int64     `json:"incarnation"`
	StartedAt   time.Time `json:"startedAt"`
	Config      Config    `json:"config"`
	Store       Store     `json:"store"`
	Channels    []Channel `json:"channels"`
	Account     Account   `json:"account"`
}

// Config says which document the dispatcher runs.
type Config struct {
	// Hash is config.Hash of the loaded document.
	Hash     string    `json:"hash"`
	LoadedAt time.Time `json:"loadedAt"`
	// UnknownFields counts fields that this dispatcher is too old to know.
	UnknownFields int `json:"unknownFields"`
	// Error says why the newest document was refused; empty when it was not.
	Error string `json:"error,omitempty"`
}

// Store says whether the store answers.
type Store struct {
	Ready bool   `json:"ready"`
	Error string `json:"error,omitempty"`
	// Opening means that the dispatcher started and opens the store for the first time, so far without trouble.
	Opening bool `json:"opening,omitempty"`
	// Foreign means that the store belongs to another app, which no wait ends.
	Foreign bool `json:"foreign,omitempty"`
}

// ChannelState is what the dispatcher makes of a channel row.
type ChannelState string

// The states of a channel row. All but Delivering, NoTraffic and Refusing keep deliveries back.
const (
	NoTraffic          ChannelState = "NoTraffic"
	Delivering         ChannelState = "Delivering"
	CredentialRejected ChannelState = "CredentialRejected"
	MassInvalidation   ChannelState = "MassInvalidation"
	QuotaExhausted     ChannelState = "QuotaExhausted"
	Throttled          ChannelState = "Throttled"
	Unreachable        ChannelState = "Unreachable"
	// Misconfigured means that the row's configuration is of no use to this dispatcher; Message says why.
	Misconfigured ChannelState = "Misconfigured"
	// Refusing means that the vendor answers, and takes none of the messages because of what is in them.
	Refusing ChannelState = "Refusing"
)

// Channel is one channel row as its traffic shows it.
type Channel struct {
	Name  string       `json:"name"`
	State ChannelState `json:"state"`
	// Code and Message are the vendor's own of the outcome that led to the state.
	Code    string    `json:"code,omitempty"`
	Message string    `json:"message,omitempty"`
	Since   time.Time `json:"since"`
	// Blocked means that a vendor which throttles has let nothing through for half a minute, though it is tried.
	Blocked bool `json:"blocked,omitempty"`
	// Pending counts the targets that wait for this row.
	Pending int64 `json:"pending"`
	// Quotas are what the vendor counts by the day, of the classes that have a limit or were used today.
	Quotas []Quota `json:"quotas,omitempty"`
}

// Quota is a vendor's class of messages today, as all dispatchers of the app count it.
type Quota struct {
	Class string `json:"class"`
	// Used are the pushes that the vendor took, Limit is the app's part of the daily quota; 0 is no limit.
	Used  int64 `json:"used"`
	Limit int64 `json:"limit,omitempty"`
	// ResetsAt is the end of the vendor's day.
	ResetsAt time.Time `json:"resetsAt"`
	// UsedUpUntil is until when pushes wait because nothing is left, by the vendor's word or the count; zero when something
	// is. Waiting is which of them.
	UsedUpUntil time.Time `json:"usedUpUntil,omitzero"`
	Waiting     string    `json:"waiting,omitempty"`
	// RunsOutAt is when messages will have used it up if they go on as in the last ten minutes; zero when not today or not
	// in the next six hours.
	RunsOutAt time.Time `json:"runsOutAt,omitzero"`
}

// Who waits for a quota.
const (
	WaitingAll      = "All"
	WaitingMessages = "Messages" // and pushes to many: what is left is for calls
	WaitingBulk     = "Bulk"     // pushes to many: what is left is for messages and calls
)

// Account counts (message, user, device) by state since the store was made:
// Admitted is the sum of the others, or something is wrong.
type Account struct {
	Admitted    int64 `json:"admitted"`
	Handed      int64 `json:"handed"`
	Suppressed  int64 `json:"suppressed"`
	Failed      int64 `json:"failed"`
	Expired     int64 `json:"expired"`
	Cancelled   int64 `json:"cancelled"`
	Quarantined int64 `json:"quarantined"`
	Pending     int64 `json:"pending"`
	// Unexpanded counts messages to groups and broadcasts that are not decided for all their receivers yet. It stands
	// beside the account: who is not decided is not admitted.
	Unexpanded int64 `json:"unexpanded"`
}

// Unaccounted is the difference that must be 0.
func (a Account) Unaccounted() int64 {
	return a.Admitted - a.Handed - a.Suppressed - a.Failed - a.Expired - a.Cancelled - a.Quarantined - a.Pending
}
