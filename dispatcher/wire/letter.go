package wire

import "time"

// LetterFilter says which dead letters are meant; without a field all are.
type LetterFilter struct {
	IDs       []int64    `json:"ids,omitempty" maxItems:"1000" nullable:"false" doc:"These letters only, at most 1000."`
	Channel   string     `json:"channel,omitempty" maxLength:"63" doc:"Those of this channel row only."`
	State     string     `json:"state,omitempty" enum:"Failed,Expired,Quarantined" doc:"Those that ended so only."`
	Reason    string     `json:"reason,omitempty" maxLength:"64" doc:"Those with this reason only, such as Rejected."`
	UserID    string     `json:"userID,omitempty" maxLength:"64" doc:"Those to this user only."`
	MessageID string     `json:"messageID,omitempty" maxLength:"64" doc:"Those of this message only."`
	Since     *time.Time `json:"since,omitempty" doc:"Those that failed at this time or later only."`
	Until     *time.Time `json:"until,omitempty" doc:"Those that failed before this time only."`
}

// ChangeLetters sends dead letters again or deletes them.
type ChangeLetters struct {
	LetterFilter
	All   bool `json:"all,omitempty" doc:"Means all letters; a request must have this or a field that narrows them."`
	Limit int  `json:"limit,omitempty" minimum:"1" maximum:"1000" doc:"How many at most, the oldest first. 1000 without it."`
}

// RequeuedLetters is the answer to requeue-dead-letters.
type RequeuedLetters struct {
	Requeued int64 `json:"requeued" doc:"How many are pushed again. Letters that cannot be are left: see the operation."`
	More     bool  `json:"more,omitempty" doc:"Whether the limit was reached, so that there may be more; absent means no."`
}

// PurgedLetters is the answer to purge-dead-letters.
type PurgedLetters struct {
	Purged int64 `json:"purged" doc:"How many are deleted."`
	More   bool  `json:"more,omitempty" doc:"Whether the limit was reached, so that there may be more; absent means no."`
}

// DeadLetters is a page of pushes that finally failed.
type DeadLetters struct {
	Letters []DeadLetter `json:"letters" nullable:"false" doc:"The newest first; empty when there are none."`
	More
}

// DeadLetter is a push that finally failed.
type DeadLetter struct {
	ID        int64     `json:"id" doc:"The letter."`
	MessageID string    `json:"messageID" doc:"The message that was to be pushed."`
	UserID    string    `json:"userID,omitempty" doc:"The receiver; absent where the push was for the device alone."`
	PushID    string    `json:"pushID,omitempty" doc:"The device; absent when it is gone."`
	Channel   string    `json:"channel" doc:"The app's channel row."`
	Rule      string    `json:"rule,omitempty" doc:"The rule that decided to push; docs/rules.md lists all."`
	State     string    `json:"state" enum:"Failed,Expired,Quarantined" doc:"Failed: the vendor refused it for good. Expired: it was not possible in time. Quarantined: the vendor called the token dead."`
	Reason    string    `json:"reason" doc:"Why: a reason of the dispatcher, or the class of the vendor's answer."`
	Class     string    `json:"class,omitempty" doc:"The class of the vendor's last answer; absent when it never answered."`
	Code      string    `json:"code,omitempty" doc:"The vendor's own code; absent when it has none."`
	Detail    string    `json:"detail,omitempty" doc:"The vendor's own words, at most 256 characters; absent when there are none."`
	InDoubt   bool      `json:"inDoubt,omitempty" doc:"Whether the vendor may have taken it, so that it may show twice when it is sent again; absent means no."`
	At        time.Time `json:"at" doc:"When it failed."`
	Kind      string    `json:"kind,omitempty" doc:"What the message is to the app; this and the following are absent when it was taken back or erased."`
	From      string    `json:"from,omitempty" doc:"The sender; absent when there was none."`
	Body      string    `json:"body,omitempty" doc:"The chat body; absent when there was none."`
	Push      *Push     `json:"push,omitempty" doc:"What the phone was to show."`
}

// LetterCounts counts dead letters.
type LetterCounts struct {
	Counts []LetterCount `json:"counts" nullable:"false" doc:"By channel row, state and reason, in this order; empty when there are none."`
	Total  int64         `json:"total" doc:"The sum of all."`
}

// LetterCount is how many dead letters there are of a kind.
type LetterCount struct {
	Channel string `json:"channel" doc:"The app's channel row."`
	State   string `json:"state" enum:"Failed,Expired,Quarantined" doc:"How they ended."`
	Reason  string `json:"reason" doc:"Why."`
	Count   int64  `json:"count" doc:"How many."`
}

// RestoreQuarantine ends the quarantine of tokens.
type RestoreQuarantine struct {
	Channel string    `json:"channel" minLength:"1" maxLength:"63" doc:"The channel row whose vendor called good tokens dead."`
	Since   time.Time `json:"since" doc:"When that began: tokens that were quarantined before stay so."`
	Retry   bool      `json:"retry,omitempty" doc:"Whether what failed since because of the tokens is pushed again; not without it."`
}

// RestoredQuarantine is the answer to restore-quarantine.
type RestoredQuarantine struct {
	Tokens   int64 `json:"tokens" doc:"How many tokens are good again."`
	Requeued int64 `json:"requeued" doc:"How many pushes go out again."`
	More     bool  `json:"more,omitempty" doc:"Whether there was no time or no room for all: send the same request again; absent means no."`
}
