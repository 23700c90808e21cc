package rules

import (
	"cmp"
	"slices"
	"time"

	"github.com/offlinepush/operator/dispatcher/store"
)

// KeepQuotas is how long the count of a day that is over is kept.
const KeepQuotas = 2 * 24 * time.Hour

// quotaOpened is what spent_until holds when the vendor's word was taken back.
const quotaOpened = -1

// QuotaSpent is an addition's spent_until: 0 changes nothing.
func QuotaSpent(c store.QuotaCount) int64 {
	switch {
	case !c.SpentUntil.IsZero():
		return c.SpentUntil.UnixMilli()
	case c.Opened:
		return quotaOpened
	}
	return 0
}

// QuotaRow is a count as a row has it.
func QuotaRow(channel, class string, endsAt, used, spentUntil int64) store.QuotaCount {
	c := store.QuotaCount{Channel: channel, Class: class, EndsAt: time.UnixMilli(endsAt).UTC(), Used: used}
	if spentUntil > 0 {
		c.SpentUntil = time.UnixMilli(spentUntil).UTC()
	}
	return c
}

// QuotasInOrder are additions in the order of their rows, in which all processes write them.
func QuotasInOrder(more []store.QuotaCount) []store.QuotaCount {
	return slices.SortedStableFunc(slices.Values(more), func(a, b store.QuotaCount) int {
		return cmp.Or(cmp.Compare(a.Channel, b.Channel), cmp.Compare(a.Class, b.Class), a.EndsAt.Compare(b.EndsAt))
	})
}
