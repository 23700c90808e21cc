package binding

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// clockSkew is how far the clocks of two stores may be apart.
const clockSkew = 5 * time.Minute

// Import stores devices that were registered elsewhere, and answers in order. A
// record that breaks a rule has an error of *message.FieldError and changes
// nothing; one seen before seenSince would be deleted at once and is refused.
// After any other error the same records may be imported again.
func (s *Service) Import(ctx context.Context, records []store.Record, seenSince time.Time) ([]store.Imported, error) {
	out := make([]store.Imported, len(records))
	var good []store.Record
	var places []int
	window := seenWindow{from: seenSince, to: s.deps.Store.Now().Add(clockSkew)}
	for i, r := range records {
		if r, out[i].Err = s.checkRecord(r, window); out[i].Err == nil {
			good, places = append(good, r), append(places, i)
		}
	}
	release, err := s.locks.take(ctx, importKeys(good)...)
	if err != nil {
		return nil, err
	}
	defer release()
	var changes, unconfirmed []store.EpochChange
	var errs []error
	for i, imported := range s.deps.Store.Import(ctx, good) {
		out[places[i]] = imported
		changes, unconfirmed = append(changes, imported.Changes...), append(unconfirmed, imported.Unconfirmed...)
		errs = append(errs, imported.Err)
	}
	if err := errors.Join(s.settle(ctx, wire.KickedRebound, changes, unconfirmed), errors.Join(errs...)); err != nil {
		return nil, fmt.Errorf("importing devices: %w", err)
	}
	return out, nil
}

// importKeys are distinct: a registration with one of the tokens waits until
// the import is settled, and so does the same import sent again.
func importKeys(records []store.Record) []string {
	keys := map[string]bool{}
	for _, r := range records {
		keys["import "+r.Device.PushID] = true
		for _, token := range r.Tokens {
			keys[tokenKey(token)] = true
		}
	}
	return slices.Collect(maps.Keys(keys))
}

// seenWindow is when a device must have been seen.
type seenWindow struct{ from, to time.Time }

func (s *Service) checkRecord(r store.Record, window seenWindow) (store.Record, error) {
	selector, err := s.normalize(r.Device.Selector, r.Tokens[message.TokenAlert])
	r.Device.Selector = selector
	tokens, tokensErr := s.checkMovedTokens(selector.Vendor, r.Tokens)
	r.Tokens = tokens
	errs := []error{
		message.CheckID("pushID", r.Device.PushID),
		err,
		tokensErr,
		message.CheckText("platform", r.Device.Platform, message.MaxID),
		window.check(r),
	}
	if r.Device.UserID != "" {
		errs = append(errs, message.CheckID("userID", r.Device.UserID))
	}
	return r, errors.Join(errs...)
}

func (w seenWindow) check(r store.Record) error {
	switch {
	case r.SeenAt.After(w.to):
		return &message.FieldError{Field: "seenAt", Problem: "is in the future; correct it, or the clock of its origin"}
	case r.Device.RegisteredAt.After(w.to):
		return &message.FieldError{Field: "registeredAt", Problem: "is in the future; correct it, or the clock of its origin"}
	case r.SeenAt.Before(w.from):
		return &message.FieldError{Field: "seenAt", Problem: "is before " + w.from.UTC().Format(time.RFC3339) +
			", the device would be deleted as inactive: raise retention.inactiveDevicesSeconds, or leave updatedAt out of a token table"}
	}
	return nil
}
