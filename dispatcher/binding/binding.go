// Package binding says which user a device belongs to. Every change is
// answered only after it is committed, the former user's session on the device
// has ended, and no vendor call from before the change is open any more, in this
// dispatcher and in every other one of the app. The store remembers which changes
// have come so far: a repeated request, which finds nothing left to change, is
// answered no earlier than the first would have been, also by another dispatcher,
// and at once when the first one is answered. Changes of one device or token wait
// for each other.
package binding

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// ErrSecret says that the device secret is not the device's.
var ErrSecret = errors.New("the device secret is wrong")

// settleTimeout is above the longest vendor call, and above the time until the
// lease of a dispatcher that does not answer has run out.
const settleTimeout = 20 * time.Second

// Store keeps the devices.
type Store interface {
	store.Devices
	store.Bulk
	store.Erasures
	Now() time.Time
}

// Fence knows the vendor calls that this process has open.
type Fence interface {
	// Quiesce returns once no vendor call is open that is older than the committed changes.
	Quiesce(ctx context.Context, changes []store.EpochChange) error
}

// Sessions knows the sessions that this process has open.
type Sessions interface {
	// Kick ends the devices' sessions that logged in before the changes, and returns once they send nothing more.
	Kick(changes []store.EpochChange, reason string)
}

// Peers are the other dispatchers of the app.
type Peers interface {
	// Fence returns once none of them sends to the former users of the committed changes any more.
	Fence(ctx context.Context, changes []store.EpochChange, reason string) error
}

// Events hears of changed bindings. Its methods never block.
type Events interface {
	// Login tells that the device is bound to its user.
	Login(message.Device)
	// Logout tells that the device, whose user is the former one, is not the user's any more.
	Logout(d message.Device, reason string)
}

// Deps is what a Service needs.
type Deps struct {
	Store    Store
	Fence    Fence
	Sessions Sessions
	// Peers is nil for a dispatcher that is alone.
	Peers Peers
	// Events hears of changed bindings; nil is nobody.
	Events Events
	// Vendors are the names of the vendors that devices may register for.
	Vendors []string
	// Token gives the one form of a vendor's token, or an error that quotes nothing of it; nil leaves tokens as they are.
	Token func(vendor, token string) (string, error)
}

// Service registers, binds and unbinds devices.
type Service struct {
	deps  Deps
	locks locks
}

// New makes a Service.
func New(d Deps) *Service {
	return &Service{deps: d, locks: locks{keys: map[string]*keyLock{}}}
}

// Registration is what a phone tells about itself.
type Registration struct {
	Selector message.Selector
	Platform string
	Token    string
	// VoIPToken is for calls, beside Token; empty when the phone has none.
	VoIPToken string
}

// Credentials are shown to the phone once.
type Credentials struct{ PushID, DeviceSecret string }

// Register makes a device. An installation that held the token before is retired.
func (s *Service) Register(ctx context.Context, r Registration) (Credentials, error) {
	selector, err := s.normalize(r.Selector, r.Token)
	if err != nil {
		return Credentials{}, err
	}
	tokens, err := s.checkTokens(r)
	if err := errors.Join(err, message.CheckText("platform", r.Platform, message.MaxID)); err != nil {
		return Credentials{}, err
	}
	release, err := s.locks.take(ctx, tokenKeys(tokens)...)
	if err != nil {
		return Credentials{}, err
	}
	defer release()
	c := Credentials{PushID: random(16), DeviceSecret: random(32)}
	done, err := s.deps.Store.Register(ctx, store.Registration{
		PushID:     c.PushID,
		SecretHash: sha256.Sum256([]byte(c.DeviceSecret)),
		Selector:   selector,
		Platform:   r.Platform,
		Tokens:     tokens,
	})
	if err != nil {
		return Credentials{}, fmt.Errorf("registering the device: %w", err)
	}
	err = s.settle(ctx, wire.KickedRebound, done.Retired, done.Unconfirmed)
	s.tell(store.Changed{Changes: done.Retired}, wire.KickedRebound)
	return c, err
}

// Find finds a device by its push id, with store.ErrNotFound.
func (s *Service) Find(ctx context.Context, pushID string) (message.Device, error) {
	if message.CheckID("pushID", pushID) != nil {
		return message.Device{}, store.ErrNotFound
	}
	return s.deps.Store.Device(ctx, pushID)
}

// Authenticate finds a device and checks its secret in constant time, with
// store.ErrNotFound or ErrSecret.
func (s *Service) Authenticate(ctx context.Context, pushID, secret string) (message.Device, error) {
	d, err := s.Find(ctx, pushID)
	if err != nil {
		return message.Device{}, err
	}
	hash := sha256.Sum256([]byte(secret))
	if subtle.ConstantTimeCompare(hash[:], d.SecretHash[:]) != 1 {
		return message.Device{}, ErrSecret
	}
	return d, nil
}

// SetToken replaces the device's token of one kind.
func (s *Service) SetToken(ctx context.Context, device message.Device, kind message.TokenKind, token string) error {
	if err := checkKind("kind", device.Selector.Vendor, kind); err != nil {
		return err
	}
	token, err := s.checkToken("token", device.Selector.Vendor, token)
	if err != nil {
		return err
	}
	release, err := s.locks.take(ctx, deviceKey(device.Key), tokenKey(token))
	if err != nil {
		return err
	}
	defer release()
	done, err := s.deps.Store.SetToken(ctx, device.Key, kind, token)
	if err != nil {
		return fmt.Errorf("setting the token: %w", err)
	}
	err = s.settle(ctx, wire.KickedRebound, done.Changes, done.Unconfirmed)
	s.tell(done, wire.KickedRebound)
	return err
}

// Bind binds the device to the user and gives it back as it is then. Where that is one device too many for
// the user, the one that was bound or logged in longest ago is unbound.
func (s *Service) Bind(ctx context.Context, device int64, userID string) (message.Device, error) {
	if err := message.CheckID("userID", userID); err != nil {
		return message.Device{}, err
	}
	release, err := s.locks.take(ctx, deviceKey(device))
	if err != nil {
		return message.Device{}, err
	}
	defer release()
	done, err := s.deps.Store.Bind(ctx, device, userID)
	if err != nil {
		return message.Device{}, fmt.Errorf("binding the device: %w", err)
	}
	err = s.settle(ctx, wire.KickedRebound, done.Changes, done.Unconfirmed)
	s.tell(done, wire.KickedRebound)
	return done.Device, err
}

// Describe notes what a device says of itself; an empty text changes nothing.
func (s *Service) Describe(ctx context.Context, d message.Device, platform, name string) error {
	if (platform == "" || platform == d.Platform) && (name == "" || name == d.Name) {
		return nil
	}
	if err := s.deps.Store.Describe(ctx, d.Key, platform, name); err != nil {
		return fmt.Errorf("describing the device: %w", err)
	}
	return nil
}

// Logout unbinds the device.
func (s *Service) Logout(ctx context.Context, device int64) error {
	release, err := s.locks.take(ctx, deviceKey(device))
	if err != nil {
		return err
	}
	defer release()
	return s.unbind(ctx, device, wire.KickedLoggedOut)
}

// unbind takes the device, whose lock is held, from its user.
func (s *Service) unbind(ctx context.Context, device int64, reason string) error {
	done, err := s.deps.Store.Unbind(ctx, device)
	if err != nil {
		return fmt.Errorf("unbinding the device: %w", err)
	}
	err = s.settle(ctx, reason, done.Changes, done.Unconfirmed)
	s.tell(done, reason)
	return err
}

// Unregister unbinds the device, and deletes it with its tokens once nothing of its
// user is open any more: whoever registers one of the tokens, or repeats the request,
// until then finds the device and waits too. It goes on when the caller hangs up.
func (s *Service) Unregister(ctx context.Context, device int64) error {
	release, err := s.locks.take(ctx, deviceKey(device))
	if err != nil {
		return err
	}
	defer release()
	if err := s.unbind(ctx, device, wire.KickedUnregistered); err != nil {
		return err
	}
	// What is open to the device from now on is nobody's.
	_, err = s.deps.Store.Unregister(context.WithoutCancel(ctx), device)
	if err != nil && !errors.Is(err, store.ErrNotFound) { // a repeated request at another dispatcher may have been faster
		return fmt.Errorf("unregistering the device: %w", err)
	}
	return nil
}

// settle lets committed changes take effect, and earlier ones that may be waiting
// at another dispatcher. It goes on when the caller hangs up, because the next
// caller relies on it.
func (s *Service) settle(ctx context.Context, reason string, own, unconfirmed []store.EpochChange) error {
	changes := slices.Concat(own, unconfirmed)
	if len(changes) == 0 {
		return nil
	}
	evicted, rest := sorted(changes)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
	defer cancel()
	var everywhere errgroup.Group
	everywhere.Go(func() error {
		s.deps.Sessions.Kick(rest, reason)
		s.deps.Sessions.Kick(evicted, wire.KickedDeviceLimit)
		return s.deps.Fence.Quiesce(ctx, changes)
	})
	if s.deps.Peers != nil {
		everywhere.Go(func() error { return s.fence(ctx, rest, reason) })
		everywhere.Go(func() error { return s.fence(ctx, evicted, wire.KickedDeviceLimit) })
	}
	if err := everywhere.Wait(); err != nil {
		return err
	}
	_ = s.deps.Store.Confirm(ctx, changes) // It only spares the next caller the wait.
	return nil
}

// fence asks the other dispatchers, if there is anything to ask.
func (s *Service) fence(ctx context.Context, changes []store.EpochChange, reason string) error {
	if len(changes) == 0 {
		return nil
	}
	return s.deps.Peers.Fence(ctx, changes, reason)
}

// sorted parts the changes of devices that were one too many from the rest.
func sorted(changes []store.EpochChange) (evicted, rest []store.EpochChange) {
	for _, c := range changes {
		if c.Evicted {
			evicted = append(evicted, c)
		} else {
			rest = append(rest, c)
		}
	}
	return evicted, rest
}

// random is n random bytes as base64url.
func random(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // It never fails (crypto/rand).
	return base64.RawURLEncoding.EncodeToString(b)
}
