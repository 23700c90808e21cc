package rules

import (
	"cmp"
	"slices"

	"github.com/offlinepush/operator/dispatcher/store"
)

// Unconfirmed lists, of the epochs by device that nobody has confirmed, those that the changes do not
// make older, in order of the device.
func Unconfirmed(open map[int64]int64, changes []store.EpochChange) []store.EpochChange {
	out := make([]store.EpochChange, 0, len(open))
	for device, epoch := range open {
		if !slices.ContainsFunc(changes, func(c store.EpochChange) bool { return c.Device == device }) {
			out = append(out, store.EpochChange{Device: device, Epoch: epoch})
		}
	}
	slices.SortFunc(out, func(a, b store.EpochChange) int { return cmp.Compare(a.Device, b.Device) })
	return out
}

// Newest are the changes as the greatest epoch of each device.
func Newest(changes []store.EpochChange) map[int64]int64 {
	newest := make(map[int64]int64, len(changes))
	for _, c := range changes {
		newest[c.Device] = max(newest[c.Device], c.Epoch)
	}
	return newest
}
