package binding_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/binding"
	"github.com/offlinepush/operator/dispatcher/ingress/planetest"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
)

func registration(vendor, token string) binding.Registration {
	return binding.Registration{Selector: message.Selector{Vendor: vendor}, Token: token}
}

func TestRegisterFillsInTheSelector(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	tests := []struct {
		name     string
		in, want message.Selector
		field    string
	}{
		{name: "FCM", in: message.Selector{Vendor: "FCM"}, want: message.Selector{Vendor: "FCM", AppType: 1}},
		{name: "second app", in: message.Selector{Vendor: "FCM", AppType: 9}, want: message.Selector{Vendor: "FCM", AppType: 9}},
		{name: "Xiaomi at home", in: message.Selector{Vendor: "Xiaomi"}, want: message.Selector{Vendor: "Xiaomi", AppType: 1, Region: "China"}},
		{name: "Xiaomi abroad", in: message.Selector{Vendor: "Xiaomi", Region: "India"}, want: message.Selector{Vendor: "Xiaomi", AppType: 1, Region: "India"}},
		{name: "APNs", in: message.Selector{Vendor: "APNs"}, want: message.Selector{Vendor: "APNs", AppType: 1, Environment: "Production"}},
		{name: "a build of a developer", in: message.Selector{Vendor: "APNs", Environment: "Sandbox"}, want: message.Selector{Vendor: "APNs", AppType: 1, Environment: "Sandbox"}},
		{name: "Meizu", in: message.Selector{Vendor: "Meizu"}, want: message.Selector{Vendor: "Meizu", AppType: 1, Region: "China"}},
		{name: "Meizu abroad", in: message.Selector{Vendor: "Meizu", Region: "India"}, want: message.Selector{Vendor: "Meizu", AppType: 1, Region: "India"}},
		{name: "OPPO says where", in: message.Selector{Vendor: "OPPO", Region: "Global"}, want: message.Selector{Vendor: "OPPO", AppType: 1, Region: "Global"}},
		{name: "OPPO says nothing", in: message.Selector{Vendor: "OPPO"}, want: message.Selector{Vendor: "OPPO", AppType: 1, Region: "China"}},
		{name: "unknown environment", in: message.Selector{Vendor: "APNs", Environment: "production"}, field: "environment"},
		{name: "region of APNs", in: message.Selector{Vendor: "APNs", Region: "China"}, field: "region"},
		{name: "Meizu elsewhere", in: message.Selector{Vendor: "Meizu", Region: "Russia"}, field: "region"},
		{name: "unknown vendor", in: message.Selector{Vendor: "fcm"}, field: "vendor"},
		{name: "app type", in: message.Selector{Vendor: "FCM", AppType: 10}, field: "appType"},
		{name: "region without regions", in: message.Selector{Vendor: "FCM", Region: "China"}, field: "region"},
		{name: "unknown region", in: message.Selector{Vendor: "Xiaomi", Region: "china"}, field: "region"},
		{name: "environment", in: message.Selector{Vendor: "FCM", Environment: "Production"}, field: "environment"},
	}
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, err := bed.Bindings.Register(t.Context(), binding.Registration{Selector: tt.in, Token: fmt.Sprint("token ", i)})
			if tt.field != "" {
				if e, ok := errors.AsType[*message.FieldError](err); !ok || e.Field != tt.field {
					t.Errorf("got %v, want an error of %s", err, tt.field)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			d, err := bed.Bindings.Find(t.Context(), c.PushID)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, d.Selector); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRegisterRefusesTokens(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	for _, token := range []string{"", strings.Repeat("x", 4097), "a\x00b", "\xff"} {
		_, err := bed.Bindings.Register(t.Context(), registration("FCM", token))
		if e, ok := errors.AsType[*message.FieldError](err); !ok || e.Field != "token" {
			t.Errorf("%.8q: got %v", token, err)
		} else if token != "" && strings.Contains(err.Error(), token) {
			t.Error("the error quotes the token")
		}
	}
}

func TestCredentials(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	c, d := bed.Phone(t, "FCM", "")
	for name, want := range map[string]int{c.PushID: 16, c.DeviceSecret: 32} {
		if b, err := base64.RawURLEncoding.DecodeString(name); err != nil || len(b) != want {
			t.Errorf("%d random bytes, want %d (%v)", len(b), want, err)
		}
	}
	if d.SecretHash != sha256.Sum256([]byte(c.DeviceSecret)) {
		t.Error("what is stored is not the hash of the secret")
	}
	if got, err := bed.Bindings.Authenticate(t.Context(), c.PushID, c.DeviceSecret); err != nil || got.Key != d.Key {
		t.Errorf("the right secret: %+v, %v", got, err)
	}
	for _, wrong := range []string{"", c.DeviceSecret[1:], c.DeviceSecret + "x", c.PushID} {
		if _, err := bed.Bindings.Authenticate(t.Context(), c.PushID, wrong); !errors.Is(err, binding.ErrSecret) {
			t.Errorf("a wrong secret: %v", err)
		}
	}
	for _, wrong := range []string{"", "nobody", "\x00", strings.Repeat("x", 65)} {
		if _, err := bed.Bindings.Authenticate(t.Context(), wrong, c.DeviceSecret); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("a wrong push id: %v", err)
		}
	}
}

// sessions records who is kicked, and checks that it comes before the fence is asked.
type sessions struct {
	t      *testing.T
	fence  *planetest.Fence
	kicked []string
}

func (s *sessions) Kick(changes []store.EpochChange, reason string) {
	for _, c := range changes {
		if slices.ContainsFunc(s.fence.Asked(), func(a store.EpochChange) bool { return a.Device == c.Device && a.Epoch == c.Epoch }) {
			s.t.Errorf("device %d: the fence was asked before the session ended", c.Device)
		}
		s.kicked = append(s.kicked, fmt.Sprintf("%d below %d %s", c.Device, c.Epoch, reason))
	}
}

func TestChangesEndSessionsAndAskTheFence(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	fence := &planetest.Fence{}
	hub := &sessions{t: t, fence: fence}
	service := binding.New(binding.Deps{Store: bed.Store, Fence: fence, Sessions: hub, Vendors: []string{"FCM"}})
	ctx := t.Context()
	check := func(step string, want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, hub.kicked); diff != "" {
			t.Errorf("%s: %s", step, diff)
		}
		if len(fence.Asked()) != len(hub.kicked) {
			t.Errorf("%s: fence %v, sessions %v", step, fence.Asked(), hub.kicked)
		}
	}
	c, err := service.Register(ctx, registration("FCM", "token"))
	if err != nil {
		t.Fatal(err)
	}
	check("a new phone")
	d, err := service.Find(ctx, c.PushID)
	if err != nil {
		t.Fatal(err)
	}
	alice, err := service.Bind(ctx, d.Key, "alice")
	if err != nil {
		t.Fatal(err)
	}
	hub.kicked, *fence = nil, planetest.Fence{}
	if _, err := service.Bind(ctx, d.Key, "alice"); err != nil {
		t.Fatal(err)
	}
	check("the same user again")
	bob, err := service.Bind(ctx, d.Key, "bob")
	if err != nil || bob.Epoch <= alice.Epoch || bob.UserID != "bob" {
		t.Fatalf("takeover: %+v, %v", bob, err)
	}
	check("takeover", fmt.Sprintf("%d below %d rebound", d.Key, bob.Epoch))
	if err := service.Logout(ctx, d.Key); err != nil {
		t.Fatal(err)
	}
	logout := fmt.Sprintf("%d below %d logged_out", d.Key, bob.Epoch+1)
	check("logout", hub.kicked[0], logout)
	if err := service.Logout(ctx, d.Key); err != nil {
		t.Fatal(err)
	}
	check("logout again", hub.kicked[0], logout)
}

func TestReinstallRetiresTheFormerInstallation(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	former, err := bed.Bindings.Register(t.Context(), registration("FCM", "same token"))
	if err != nil {
		t.Fatal(err)
	}
	d, err := bed.Bindings.Find(t.Context(), former.PushID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bed.Bindings.Bind(t.Context(), d.Key, "alice"); err != nil {
		t.Fatal(err)
	}
	if _, err := bed.Bindings.Register(t.Context(), registration("FCM", "same token")); err != nil {
		t.Fatal(err)
	}
	devices, err := bed.Store.DevicesOf(t.Context(), []string{"alice"})
	if err != nil || len(devices["alice"]) != 0 {
		t.Errorf("alice is still bound: %v, %v", devices, err)
	}
	asked := bed.Fence.Asked()
	if last := asked[len(asked)-1]; last.Device != d.Key || last.FormerUserID != "alice" {
		t.Errorf("the fence was asked for %+v", asked)
	}
}

func TestAnswersOnlyAfterOpenCallsEnd(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	_, d := bed.Phone(t, "FCM", "alice")
	release := bed.Fence.Hold()
	done := make(chan error, 1)
	before := len(bed.Fence.Asked())
	go func() { done <- bed.Bindings.Logout(t.Context(), d.Key) }()
	for len(bed.Fence.Asked()) == before {
		select {
		case err := <-done:
			t.Fatalf("answered without asking the fence: %v", err)
		default:
		}
	}
	select {
	case err := <-done:
		t.Fatalf("answered while a vendor call was open: %v", err)
	default:
	}
	release()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestStuckVendorCallIsAnError(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fence := &planetest.Fence{}
		fence.Hold()
		service := binding.New(binding.Deps{Store: unbinder{}, Fence: fence, Sessions: &sessions{t: t, fence: fence}})
		if err := service.Logout(t.Context(), 1); err == nil {
			t.Error("answered although a vendor call is open")
		}
	})
}

func TestCallerWhoHangsUpChangesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fence := &planetest.Fence{}
		time.AfterFunc(time.Second, fence.Hold())
		service := binding.New(binding.Deps{Store: unbinder{}, Fence: fence, Sessions: &sessions{t: t, fence: fence}})
		ctx, hangUp := context.WithCancel(t.Context())
		hangUp()
		start := time.Now()
		if err := service.Logout(ctx, 1); err != nil || time.Since(start) != time.Second {
			t.Errorf("got %v after %v, want the end of the vendor call", err, time.Since(start))
		}
	})
}

// unbinder unbinds without a database, whose goroutines no bubble can hold.
type unbinder struct{ binding.Store }

func (unbinder) Unbind(context.Context, int64) (store.Changed, error) {
	return store.Changed{Changes: []store.EpochChange{{Device: 1, Epoch: 2}}}, nil
}

func (unbinder) Confirm(context.Context, []store.EpochChange) error { return nil }
