package rules

import (
	"time"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/packed"
)

// FenceRow takes one row of a fence: device, push id, epoch, user, token, its generation and whether it works, when it was
// accepted (NULL if never), the cursor, when the token was set and until when grace lasts (0 if not), and whether the
// message is recalled.
type FenceRow struct {
	device     int64
	state      store.FenceState
	accepted   *int64
	set, grace int64
	recalled   bool
}

// Dest are the places to scan the row into.
func (r *FenceRow) Dest() []any {
	s := &r.state
	return []any{
		&r.device, &s.PushID, &s.Epoch, &s.UserID, &s.Token.Value, &s.Token.Gen, &s.TokenOK, &r.accepted, &s.Acked, &r.set, &r.grace, &r.recalled,
	}
}

// Add notes the device of a scanned row in the fence.
func (r *FenceRow) Add(f *store.Fence, kind message.TokenKind, replaced Replaced) {
	s := r.state
	s.Token.Kind, s.Replaced = kind, replaced[r.device]
	if r.accepted != nil {
		s.AcceptedAt = time.UnixMilli(*r.accepted).UTC()
	}
	if r.set > 0 {
		s.TokenSetAt = time.UnixMilli(r.set).UTC()
	}
	if r.grace > 0 {
		s.GraceUntil = time.UnixMilli(r.grace).UTC()
	}
	f.Recalled = r.recalled
	f.Devices[r.device] = s
}

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
