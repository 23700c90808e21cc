package binding_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/binding"
	"github.com/offlinepush/operator/dispatcher/ingress/planetest"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
)

// heard notes events as a line each.
type heard struct {
	mu    sync.Mutex
	lines []string
}

func (h *heard) note(line string, d message.Device) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lines = append(h.lines, strings.TrimSpace(fmt.Sprintf("%s %s %s", line, d.UserID, d.PushID)))
}

func (h *heard) Login(d message.Device) { h.note("login", d) }

func (h *heard) Logout(d message.Device, reason string) { h.note("logout "+reason, d) }

func (h *heard) take() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	lines := h.lines
	h.lines = nil
	return lines
}

func TestChangesOfBindingsAreTold(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	events := &heard{}
	s := binding.New(binding.Deps{Store: bed.Store, Fence: bed.Fence, Sessions: noSessions{}, Events: events, Vendors: []string{"FCM"}})
	phone := func(token string) (string, int64) {
		t.Helper()
		c, err := s.Register(t.Context(), registration("FCM", token))
		if err != nil {
			t.Fatal(err)
		}
		d, err := s.Find(t.Context(), c.PushID)
		if err != nil {
			t.Fatal(err)
		}
		return c.PushID, d.Key
	}
	bind := func(device int64, user string) {
		t.Helper()
		if _, err := s.Bind(t.Context(), device, user); err != nil {
			t.Fatal(err)
		}
	}
	expect := func(what string, want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, events.take()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	id, device := phone("a")
	expect("a registration")
	bind(device, "bob")
	expect("a first login", "login bob "+id)
	bind(device, "bob")
	expect("the same user")
	bind(device, "eve")
	expect("a takeover", "logout rebound bob "+id, "login eve "+id)
	if err := s.Logout(t.Context(), device); err != nil {
		t.Fatal(err)
	}
	expect("a logout", "logout logged_out eve "+id)
	bind(device, "eve")
	events.take()
	_, device = phone("a")
	expect("a reinstall", "logout rebound eve")
	bind(device, "bob")
	events.take()
	for i := range store.MaxDevices {
		id, other := phone(fmt.Sprint("more ", i))
		bind(other, "bob")
		want := []string{"login bob " + id}
		if i == store.MaxDevices-1 {
			want = []string{"logout device_limit bob", want[0]}
		}
		expect("one more", want...)
	}
	if err := s.Unregister(t.Context(), device); err != nil {
		t.Fatal(err)
	}
	expect("a device of nobody")
}
