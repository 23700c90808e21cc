package rules

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
)

// NewRecord checks a record and leaves of it what an import stores.
func NewRecord(r store.Record) (store.Record, error) {
	var errs []error
	if r.Device.PushID == "" {
		errs = append(errs, errors.New("push id: must not be empty"))
	}
	for _, kind := range slices.Sorted(maps.Keys(r.Tokens)) {
		if r.Tokens[kind] == "" {
			errs = append(errs, fmt.Errorf("token %s: must not be empty", kind))
		}
	}
	return moved(r), errors.Join(errs...)
}

// moved is what of a record is the same in every store.
func moved(r store.Record) store.Record {
	r = Exported(r)
	r.Device.Key = 0
	r.Device.RegisteredAt, r.SeenAt = stored(r.Device.RegisteredAt), stored(r.SeenAt)
	return r
}

// Exported is what of a device moves, with its place in the export.
func Exported(r store.Record) store.Record {
	r.Device.Epoch, r.Device.Session, r.Device.GraceUntil, r.Device.Name = 0, 0, time.Time{}, ""
	return r
}

// Import decides about a record of NewRecord. Known is what the store has of the device, nil when
// it has none; claims are the Unix milliseconds at which the devices that hold one of the record's
// tokens were seen. Of two states as old as each other the store's own stays.
func Import(known *store.Record, r store.Record, claims []int64) store.ImportOutcome {
	seen := r.SeenAt.UnixMilli()
	claimed := len(claims) > 0 && slices.Max(claims) >= seen
	switch {
	case known != nil && same(*known, r):
		return store.ImportUnchanged
	case claimed, known != nil && known.SeenAt.UnixMilli() >= seen:
		return store.ImportOutdated
	case known == nil:
		return store.ImportCreated
	}
	return store.ImportUpdated
}

func same(known, r store.Record) bool {
	known = moved(known)
	return known.Device == r.Device && known.SeenAt.Equal(r.SeenAt) && maps.Equal(known.Tokens, r.Tokens)
}

// Moves reports whether an import takes a device away from its user or its vendor, so that no push
// that was meant for its former state may start any more.
func Moves(from, to message.Device) bool {
	return from.UserID != to.UserID || from.Selector != to.Selector
}
