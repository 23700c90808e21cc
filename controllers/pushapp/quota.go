package pushapp

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/offlinepush/operator/dispatcher/report"
)

// quotaNotes are what a row's status says of the vendor's daily quotas besides: which are used up, and which will be soon.
// Times are told by the hour, so that the status does not change with every count.
func quotaNotes(c report.Channel) string {
	var notes strings.Builder
	for _, q := range c.Quotas {
		switch {
		case !q.UsedUpUntil.IsZero():
			notes.WriteString("; " + usedUp(q) + ": " + waiting(q.Waiting))
		case !q.RunsOutAt.IsZero():
			fmt.Fprintf(&notes, "; as it goes, the quota of class %s will be used up at about %s", q.Class, at(q.RunsOutAt.Round(time.Hour)))
		}
	}
	return notes.String()
}

// quotaWords are the vendor's where it spoke, and the dispatchers' own count where they held pushes back by it.
func quotaWords(vendor string, c report.Channel) string {
	if c.Code != "" || c.Message != "" {
		return vendor
	}
	var words []string
	for _, q := range c.Quotas {
		if !q.UsedUpUntil.IsZero() {
			words = append(words, usedUp(q))
		}
	}
	if len(words) == 0 {
		return vendor
	}
	return strings.Join(words, ", ")
}

// quotaCure says what lets pushes go before the next quota: more of our own limit only where the vendor did not say itself that
// nothing is left.
func quotaCure(c report.Channel) string {
	raised := "; once the vendor raised it, set spec.suspend of the channel to true and back to go on"
	ours := func(q report.Quota) bool { return !q.UsedUpUntil.IsZero() && q.Limit > 0 }
	if c.Code == "" && c.Message == "" && slices.ContainsFunc(c.Quotas, ours) {
		return "; they go on at once when spec.limits.dailyQuotas of the channel gives more" + raised
	}
	return raised
}

func usedUp(q report.Quota) string {
	return fmt.Sprintf("the quota of class %s is used up until %s", q.Class, at(q.UsedUpUntil))
}

func waiting(who string) string {
	switch who {
	case report.WaitingBulk:
		return "pushes to groups and to everyone wait"
	case report.WaitingMessages:
		return "all but calls wait"
	}
	return "its pushes wait"
}

func at(t time.Time) string { return t.UTC().Format("2006-01-02T15:04Z") }
