package rules

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/report"
	"github.com/offlinepush/operator/dispatcher/store"
)

// Admitted is the account's total; it is no state of a target.
const Admitted message.State = "Admitted"

// Unexpanded counts the messages for many that are not brought to all their receivers yet; it is no state of a target.
const Unexpanded message.State = "Unexpanded"

// Add puts a stored count into its place in the account.
func Add(a *report.Account, state message.State, n int64) error {
	field := map[message.State]*int64{
		Admitted: &a.Admitted, message.Handed: &a.Handed, message.Suppressed: &a.Suppressed, message.Failed: &a.Failed,
		message.Expired: &a.Expired, message.Cancelled: &a.Cancelled, message.Quarantined: &a.Quarantined, message.Pending: &a.Pending,
		Unexpanded: &a.Unexpanded,
	}[state]
	if field == nil {
		return fmt.Errorf("the account has an unknown state %q; the store was written by a newer dispatcher", state)
	}
	*field += n
	return nil
}

// SortTrace orders a message's story by user and device, and keeps the order of what happened to each.
func SortTrace(lines []store.Trace) {
	slices.SortStableFunc(lines, func(a, b store.Trace) int {
		return cmp.Or(cmp.Compare(a.UserID, b.UserID), cmp.Compare(a.PushID, b.PushID))
	})
}
