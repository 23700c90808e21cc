// Package rules holds what every store decides alike, without a database: which
// requests are consistent, what a settlement leaves of a delivery, and how the
// account adds up.
package rules

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/packed"
)

// Accept is a request that is known to be consistent. Its Recipients are sorted, each there once.
type Accept struct {
	store.AcceptRequest
	ID uuid.UUID
	// Push and Detail are the message's in JSON; nil without one.
	Push, Detail *string
	// Call is the call that changes, in JSON; nil without one.
	Call *string
	// Audience is the expansion's in JSON; empty without one.
	Audience string
	// Targets counts the targets of all deliveries.
	Targets int64
	// Recalls is the message that is taken back, Edits the one that is changed; zero means none.
	Recalls, Edits uuid.UUID
}

// NewAccept checks beforehand what would make the account wrong or a commit fail.
func NewAccept(r store.AcceptRequest) (*Accept, error) {
	id, err := uuid.Parse(r.Message.ID)
	if err != nil {
		return nil, fmt.Errorf("message id %q: must be a UUIDv7: %w", r.Message.ID, err)
	}
	if id.Version() != 7 {
		return nil, fmt.Errorf("message id %q: must be a UUIDv7, which begins with its time", r.Message.ID)
	}
	a := &Accept{AcceptRequest: r, ID: id}
	if a.Message.Kind == "" {
		a.Message.Kind = message.KindChat
	}
	if a.Recalls, err = known(r.Also.Recall); err != nil {
		return nil, err
	}
	if a.Edits, err = known(r.Also.Edit); err != nil {
		return nil, err
	}
	a.Recipients = slices.Compact(slices.Sorted(slices.Values(r.Recipients)))
	return a, errors.Join(a.encode(), a.prepareExpansion(), a.checkDecisions(), a.checkRule())
}

// encode writes as JSON what the store keeps in that form.
func (a *Accept) encode() (err error) {
	if push := a.Message.Push; push != nil {
		a.Push, err = text(push)
	}
	if detail := a.Message.Detail; err == nil && !reflect.ValueOf(detail).IsZero() {
		a.Detail, err = text(detail)
	}
	if call := a.Also.Call; err == nil && call != nil {
		a.Call, err = text(call)
	}
	return err
}

func text(v any) (*string, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encoding a part of the message: %w", err)
	}
	return new(string(b)), nil
}

// known is the key of a message that there may be; zero when none is named.
func known(messageID string) (uuid.UUID, error) {
	if messageID == "" {
		return uuid.Nil, nil
	}
	id, err := uuid.Parse(messageID)
	if err != nil {
		return uuid.Nil, store.ErrNotFound // we gave out no such id
	}
	return id, nil
}

// Changes is the message that must be there, and not be taken back; zero means none.
func (a *Accept) Changes() uuid.UUID {
	if a.Recalls != uuid.Nil {
		return a.Recalls
	}
	return a.Edits
}

// InInbox reports whether the message gets a place in the inboxes of its recipients.
func (a *Accept) InInbox() bool { return a.Message.Kind != message.KindPush }

func (a *Accept) checkDecisions() error {
	devices := map[int64]bool{}
	check := func(userID string, device int64) error {
		if _, ok := slices.BinarySearch(a.Recipients, userID); !ok && userID != "" && !a.outside(userID) {
			return fmt.Errorf("message %s: a decision names user %q, who is no recipient", a.Message.ID, userID)
		}
		if device != 0 && devices[device] {
			return fmt.Errorf("message %s: device %d has two decisions", a.Message.ID, device)
		}
		devices[device] = true
		return nil
	}
	var errs []error
	for _, d := range a.Deliveries {
		a.Targets += int64(len(d.Targets))
		for _, t := range d.Targets {
			errs = append(errs, check(t.UserID, t.Device))
		}
	}
	for _, s := range a.Suppressed {
		errs = append(errs, check(s.UserID, s.Device))
	}
	return errors.Join(errs...)
}

// outside reports whether a step has the user, but not the user's inbox.
func (a *Accept) outside(userID string) bool {
	if a.Step == nil {
		return false
	}
	_, ok := a.Step.Outside[userID]
	return ok
}

// Capped reports whether it depends on what is pending if the request fits.
func (a *Accept) Capped() bool { return a.MaxBacklog > 0 && a.Targets > 0 }

// Fits applies the cap on what is pending; 0 means that there is none.
func (a *Accept) Fits(pending int64) error {
	if a.Capped() && pending+a.Targets > a.MaxBacklog {
		return store.ErrBacklogFull
	}
	return nil
}

// Admitted counts the (message, user, device) that the request adds to the account.
func (a *Accept) Admitted() int64 { return a.Targets + int64(len(a.Suppressed)) }

// Place is where the message is in one user's inbox, by the store's key of the user.
type Place struct{ User, Seq int64 }

// Chunk is a delivery row before it has an id.
type Chunk struct {
	Channel  string
	Rule     string
	Priority message.Priority
	DueAt    time.Time
	Targets  []packed.Target
}

// Raise is by how much the badges of the targets grow; 0 when they do not.
func (a *Accept) Raise() int32 {
	if a.Message.Push == nil || a.Targets == 0 {
		return 0
	}
	return a.Message.Push.BadgeIncrement
}

// Raised is a badge that grew.
func Raised(badge, by int32) int32 { return min(badge+by, message.MaxBadge) }

// Chunks cuts the deliveries into rows, with the places of their targets and the badges of those that have one.
func (a *Accept) Chunks(places map[string]Place, badges map[int64]int32) (out []Chunk) {
	for _, d := range a.Deliveries {
		for targets := range slices.Chunk(d.Targets, message.MaxTargets) {
			out = append(out, Chunk{
				Channel: d.Channel, Rule: d.Rule, Priority: d.Priority, DueAt: d.DueAt, Targets: pack(targets, places, badges),
			})
		}
	}
	return out
}

func pack(targets []store.NewTarget, places map[string]Place, badges map[int64]int32) []packed.Target {
	out := make([]packed.Target, len(targets))
	for i, t := range targets {
		p := places[t.UserID]
		out[i] = packed.Target{User: p.User, Target: message.Target{
			Device: t.Device, Epoch: t.Epoch, Seq: p.Seq, Badge: badges[t.Device],
		}}
	}
	return out
}

// Delivery is a chunk as the store reads it back later.
func (a *Accept) Delivery(id int64, c Chunk) message.Delivery {
	return message.Delivery{
		ID: id, MessageID: a.ID.String(), Channel: c.Channel, Targets: packed.Plain(c.Targets), Priority: c.Priority,
		DueAt: stored(c.DueAt), ExpiresAt: stored(a.Message.PushExpiresAt),
	}
}

func stored(t time.Time) time.Time { return time.UnixMilli(t.UnixMilli()).UTC() }

// Seqs is the answer's view of the places; those in no inbox are absent.
func Seqs(places map[string]Place) map[string]int64 {
	out := make(map[string]int64, len(places))
	for userID, p := range places {
		if p.Seq > 0 {
			out[userID] = p.Seq
		}
	}
	return out
}
