package postgres

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
)

// change is one write of devices. A batch of them loads and locks what
// all name, applies them one after the other in memory, and writes what is left.
type change struct {
	// devices and pushIDs are what it changes or looks for.
	devices []int64
	pushIDs []string
	// tokens are what it gives to a device: who holds one of them may be retired.
	tokens []string
	// users are whom it binds to.
	users []string
	// makes says that it may make a device.
	makes bool
	// apply sets its results anew each time. It answers with an error before it changes anything.
	apply func(*work) error
	// refused is the truth about the change, which is no trouble of the store.
	refused error
}

// write commits one change with those of others.
func (s *Store) write(ctx context.Context, c *change) error {
	if err := s.changes.Do(ctx, c); err != nil {
		return explain(err)
	}
	return c.refused
}

func commitChanges(ctx context.Context, t *tx, batch []*change) error {
	w, err := t.load(ctx, batch)
	if err != nil {
		return err
	}
	for _, c := range batch {
		c.refused = c.apply(w)
	}
	if err := w.write(ctx, t); code(err) == "23505" { // Another process has stored a token or a push id since they were read.
		return fmt.Errorf("%w: %w", errAgain, err)
	} else if err != nil {
		return err
	}
	return nil
}

// work is what a batch sees of the store, as its changes so far have made it.
type work struct {
	now     int64
	devices map[int64]*deviceState
	pushIDs map[string]*deviceState
	holders map[tokenKey]*deviceState
	users   map[string]int64
	losses  losses
	// keys are free for devices to be made.
	keys []int64
	// What the tables need besides the devices' states.
	cursors []deviceUser
	renewed []renewal
}

type (
	deviceUser struct{ device, user int64 }
	// renewal says that the phone still had a token at that time.
	renewal struct {
		device int64
		kind   message.TokenKind
		at     int64
	}
)

// deviceState is a device as the batch has made it.
type deviceState struct {
	message.Device
	user                      *int64
	tokenGen, seen, confirmed int64
	// login is when its user was bound or logged in last.
	login  int64
	tokens map[message.TokenKind]token
	// taken are the tokens that it has from another device whose loss is unconfirmed.
	taken []tokenHash
	// lost is the hash of the token that another device took from it in this batch.
	lost []byte
	// How the row differs from the table's.
	made, moved, replaced, rebound, gone bool
	changedTokens                        map[message.TokenKind]bool
}

type token struct {
	value      string
	gen, setAt int64
}

// tokenKey is the scope in which a token belongs to one device.
type tokenKey struct {
	hash        tokenHash
	vendor      string
	appType     int32
	environment string
	kind        message.TokenKind
}

func keyOf(s message.Selector, kind message.TokenKind, value string) tokenKey {
	return tokenKey{sha256.Sum256([]byte(value)), s.Vendor, s.AppType, s.Environment, kind}
}

func (w *work) device(key int64) (*deviceState, error) {
	if d, ok := w.devices[key]; ok && !d.gone {
		return d, nil
	}
	return nil, store.ErrNotFound
}

// add takes a device that was loaded or is made into account.
func (w *work) add(d *deviceState) {
	d.tokens, d.changedTokens = map[message.TokenKind]token{}, map[message.TokenKind]bool{}
	w.devices[d.Key], w.pushIDs[d.PushID] = d, d
}

// make adds a device that is not bound.
func (w *work) make(d message.Device, seen int64) *deviceState {
	d.Key, w.keys = w.keys[0], w.keys[1:]
	d.UserID, d.Epoch, d.Session = "", 1, 0
	made := &deviceState{Device: d, seen: seen, confirmed: d.Epoch, made: true}
	w.add(made)
	return made
}

// rebind binds a device to a user, or to nobody, and ends its session.
func (w *work) rebind(d *deviceState, userID string, seen int64) store.EpochChange {
	change := store.EpochChange{Device: d.Key, Epoch: d.Epoch + 1, FormerUserID: d.UserID}
	d.Epoch, d.Session, d.GraceUntil, d.seen, d.moved, d.rebound = change.Epoch, 0, time.Time{}, seen, true, true
	w.bind(d, userID)
	return change
}

func (w *work) bind(d *deviceState, userID string) {
	d.UserID, d.user, d.login = userID, nil, d.seen
	if userID != "" {
		d.user = new(w.users[userID])
		w.cursors = append(w.cursors, deviceUser{d.Key, *d.user})
	}
}

// evict unbinds the devices of a user that are too many, but for the one to keep: those that were bound or
// logged in longest ago.
func (w *work) evict(userID string, keep *deviceState) (changes []store.EpochChange) {
	var bound []*deviceState
	room := store.MaxDevices
	for _, d := range w.devices {
		switch {
		case d.gone, d.UserID != userID:
		case d == keep:
			room--
		default:
			bound = append(bound, d)
		}
	}
	slices.SortFunc(bound, func(x, y *deviceState) int { return cmp.Or(cmp.Compare(x.login, y.login), byKey(x, y)) })
	for _, d := range bound[:max(0, len(bound)-room)] {
		change := w.rebind(d, "", d.seen)
		change.Evicted = true
		changes = append(changes, change)
	}
	return changes
}

// How exactly it is known when a device was last seen without a change, in
// milliseconds: what a phone says of itself must win over an import of what it was before.
const (
	minute = 60 * 1000
	day    = 24 * 60 * minute
)

// see notes that a device was seen, unless that is known exactly enough.
func (w *work) see(d *deviceState) {
	if d.seen < w.now-minute {
		d.seen, d.moved = w.now, true
	}
}

// loggedIn notes that the user of a device logged in again, unless that is known exactly enough.
func (w *work) loggedIn(d *deviceState) {
	if d.login < w.now-minute {
		d.login, d.moved = w.now, true
	}
}

// remove deletes a device with all that is its own.
func (w *work) remove(d *deviceState) {
	d.gone = true
	for kind, t := range d.tokens {
		delete(w.holders, keyOf(d.Selector, kind, t.value))
	}
	delete(w.pushIDs, d.PushID)
}

func byKey(x, y *deviceState) int { return cmp.Compare(x.Key, y.Key) }
