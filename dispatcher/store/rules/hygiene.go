package rules

import (
	"cmp"
	"slices"
	"time"

	"github.com/offlinepush/operator/dispatcher/store"
)

// dayMillis is a day in milliseconds; days are in UTC.
const dayMillis = 24 * 60 * 60 * 1000

// DaysKept is how long the days of channel rows are known: a row that has had no HealthyDays since keeps its tokens.
const DaysKept = 60

// DayOf is the number of a time's day, of Unix milliseconds.
func DayOf(ms int64) int64 { return ms / dayMillis }

// Days are the marks of channel rows, each day once, in order.
type Days []Day

// Day is one day of a channel row.
type Day struct {
	Channel       string
	Day           int64
	Accepted, Ill bool
}

// NewDays merges marks in the order in which rows are locked.
func NewDays(marks []store.ChannelDay) (out Days) {
	for _, m := range marks {
		out = append(out, Day{m.Channel, DayOf(m.At.UnixMilli()), m.Accepted, m.Ill})
	}
	slices.SortFunc(out, func(a, b Day) int { return cmp.Or(cmp.Compare(a.Channel, b.Channel), cmp.Compare(a.Day, b.Day)) })
	merged := out[:0]
	for _, d := range out {
		if n := len(merged); n > 0 && merged[n-1].Channel == d.Channel && merged[n-1].Day == d.Day {
			merged[n-1].Accepted, merged[n-1].Ill = merged[n-1].Accepted || d.Accepted, merged[n-1].Ill || d.Ill
			continue
		}
		merged = append(merged, d)
	}
	return merged
}

// QuarantineEnd says of each channel row before when a quarantine must have begun, in Unix milliseconds, for its token to
// be deleted at a time. Rows with too few healthy days are absent. The day of the time is not over, so that it does not count.
func QuarantineEnd(days Days, at time.Time) map[string]int64 {
	healthy := map[string][]int64{}
	for _, d := range days {
		if d.Accepted && !d.Ill && d.Day < DayOf(at.UnixMilli()) {
			healthy[d.Channel] = append(healthy[d.Channel], d.Day)
		}
	}
	out := map[string]int64{}
	for channel, of := range healthy {
		if slices.Sort(of); len(of) >= store.HealthyDays {
			out[channel] = of[len(of)-store.HealthyDays] * dayMillis
		}
	}
	return out
}
