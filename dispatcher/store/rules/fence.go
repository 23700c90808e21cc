package rules

import (
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/packed"
)

// Replaced is what became of a message's push, by device. Devices without one are absent.
type Replaced map[int64]store.Replaced

// Note takes a device that the push was handed to, or the targets of a delivery that is open, which count more.
func (r Replaced) Note(device int64, targets []byte) error {
	if targets == nil {
		if r[device] == store.ReplacedNone {
			r[device] = store.ReplacedHanded
		}
		return nil
	}
	open, err := packed.Decode(targets)
	for _, t := range open {
		r[t.Device] = store.ReplacedPending
	}
	return err
}
