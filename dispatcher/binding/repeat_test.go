package binding_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/offlinepush/operator/dispatcher/binding"
	"github.com/offlinepush/operator/dispatcher/ingress/planetest"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
)

// onePhone is a store in which only the first change of a token takes it from
// another device. It has no database, whose goroutines no bubble can hold.
type onePhone struct {
	binding.Store
	took chan struct{}
}

func (p onePhone) changes() []store.EpochChange {
	select {
	case <-p.took:
		return []store.EpochChange{{Device: 7, Epoch: 2, FormerUserID: "alice"}}
	default:
		return nil
	}
}

func (p onePhone) SetToken(context.Context, int64, message.TokenKind, string) (store.Changed, error) {
	return store.Changed{Changes: p.changes()}, nil
}

func (p onePhone) Register(context.Context, store.Registration) (store.Registered, error) {
	return store.Registered{Retired: p.changes()}, nil
}

func (p onePhone) Bind(_ context.Context, device int64, userID string) (store.Changed, error) {
	return store.Changed{Device: message.Device{Key: device, UserID: userID}}, nil
}

func (onePhone) Confirm(context.Context, []store.EpochChange) error { return nil }

func phoneOf(device int64) message.Device {
	return message.Device{Key: device, Selector: message.Selector{Vendor: "FCM", AppType: 1}}
}

// TestRepetitionWaitsForTheFirst: the caller of a change hangs up while the
// former user's vendor call is open, and tries again.
func TestRepetitionWaitsForTheFirst(t *testing.T) {
	t.Parallel()
	setToken := func(device int64, token string) func(context.Context, *binding.Service) error {
		return func(ctx context.Context, s *binding.Service) error {
			return s.SetToken(ctx, phoneOf(device), message.TokenAlert, token)
		}
	}
	register := func(token string) func(context.Context, *binding.Service) error {
		return func(ctx context.Context, s *binding.Service) error {
			_, err := s.Register(ctx, registration("FCM", token))
			return err
		}
	}
	tests := []struct {
		name         string
		first, again func(context.Context, *binding.Service) error
		wait         time.Duration
	}{
		{"the same token", setToken(1, "a"), setToken(1, "a"), 3 * time.Second},
		{"another token of the device", setToken(1, "a"), setToken(1, "b"), 3 * time.Second},
		{"the token on another device", setToken(1, "a"), setToken(2, "a"), 3 * time.Second},
		{"the token of a new device", setToken(1, "a"), register("a"), 3 * time.Second},
		{"the registration", register("a"), register("a"), 3 * time.Second},
		{"another device and token", setToken(1, "a"), setToken(2, "b"), 0},
		{"another registration", register("a"), register("b"), 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				service, fence := phoneService(t)
				time.AfterFunc(3*time.Second, fence.Hold())
				ctx, hangUp := context.WithCancel(t.Context())
				first := make(chan error, 1)
				go func() { first <- tt.first(ctx, service) }()
				synctest.Wait()
				hangUp()
				start := time.Now()
				if err := tt.again(t.Context(), service); err != nil || time.Since(start) != tt.wait {
					t.Errorf("answered %v after %v, want %v", err, time.Since(start), tt.wait)
				}
				if err := <-first; err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func phoneService(t *testing.T) (*binding.Service, *planetest.Fence) {
	t.Helper()
	p := onePhone{took: make(chan struct{}, 1)}
	p.took <- struct{}{}
	fence := &planetest.Fence{}
	return binding.New(binding.Deps{
		Store: p, Fence: fence, Sessions: &sessions{t: t, fence: fence}, Vendors: []string{"FCM"},
	}), fence
}

func TestWaitEndsWithTheContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service, fence := phoneService(t)
		release := fence.Hold()
		first := make(chan error, 1)
		go func() { first <- service.SetToken(t.Context(), phoneOf(1), message.TokenAlert, "a") }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		// The device's key is free; what it took must be free again.
		if err := service.SetToken(ctx, phoneOf(0), message.TokenAlert, "a"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		release()
		if err := <-first; err != nil {
			t.Error(err)
		}
		if _, err := service.Bind(t.Context(), 0, "bob"); err != nil {
			t.Error(err)
		}
	})
}
