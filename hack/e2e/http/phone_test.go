package http_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/offlinepush/operator/dispatcher/client"
	"github.com/offlinepush/operator/dispatcher/simulator"
	"github.com/offlinepush/operator/dispatcher/simulator/phone"
	"github.com/offlinepush/operator/dispatcher/wire"
	"github.com/offlinepush/operator/hack/e2e/process"
)

// vendor is a vendor under its names.
type vendor struct {
	// row is its name in the configuration and at the simulator, api its name in the API, app what phones install.
	row, api, app string
}

func vendors() []vendor {
	return []vendor{{row: "fcm", api: "FCM", app: project}, {row: "xiaomi", api: "Xiaomi", app: packageName}}
}

// handset is a phone with the app, which is registered.
type handset struct {
	world *world
	vendor
	id, token   string
	credentials wire.RegisteredDevice
}

// buyPhone buys a phone and installs the app.
func (w *world) buyPhone(t *testing.T, v vendor) *handset {
	t.Helper()
	p := must1(w.sim.Client.CreatePhone(t.Context(), simulator.NewPhone{Vendor: v.row, App: v.app}))(t)
	w.secrets.add("a vendor token", p.Token, atVendors, inStore)
	return &handset{world: w, vendor: v, id: p.ID, token: p.Token}
}

// newPhone buys a phone, installs the app and registers it.
func (w *world) newPhone(t *testing.T, v vendor) *handset {
	t.Helper()
	h := w.buyPhone(t, v)
	h.credentials = must1(h.register(t.Context()))(t)
	return h
}

// register makes a new installation with the phone's token.
func (h *handset) register(ctx context.Context) (wire.RegisteredDevice, error) {
	key := h.world.doc.Auth.RegistrationKeys[0].Reveal()
	d, err := client.Register(ctx, h.world.disp.DeviceURL, key, wire.RegisterDevice{Vendor: h.api, Token: h.token}, h.world.devicePlane)
	if err != nil {
		return wire.RegisteredDevice{}, err
	}
	h.world.secrets.add("a device secret", d.Credentials.DeviceSecret, registration)
	return d.Credentials, nil
}

// device is the installation at the dispatcher that runs now.
func (h *handset) device() *client.Device { return h.deviceAt(h.world.disp) }

func (h *handset) deviceAt(d *process.Dispatcher) *client.Device {
	return client.Restore(d.DeviceURL, h.credentials, h.world.devicePlane)
}

// userToken proves a user, and is a secret.
func (w *world) userToken(t *testing.T, userID string) string {
	t.Helper()
	token := must1(w.users.Token(userID))(t)
	w.secrets.add("a user token", token)
	return token
}

// bind logs the user in on the phone.
func (h *handset) bind(t *testing.T, userID string) {
	t.Helper()
	if got := must1(h.device().Bind(t.Context(), h.world.userToken(t, userID)))(t); got != userID {
		t.Fatalf("bound to %q, want %q", got, userID)
	}
}

// open opens a session that gives its messages to the channel.
func (h *handset) open(t *testing.T, userID string) (*client.Session, <-chan wire.Message) {
	t.Helper()
	return h.openAt(t, h.world.disp, userID)
}

func (h *handset) openAt(t *testing.T, d *process.Dispatcher, userID string) (*client.Session, <-chan wire.Message) {
	t.Helper()
	messages := make(chan wire.Message, 1000)
	s := must1(h.deviceAt(d).Open(t.Context(), client.Login{
		UserToken: h.world.userToken(t, userID),
		OnMessage: func(m wire.Message) error { messages <- m; return nil },
	}))(t)
	t.Cleanup(s.Close)
	return s, messages
}

// kicked waits until the dispatcher has ended a session, which it must for this reason.
func kicked(t *testing.T, s *client.Session, reason string) {
	t.Helper()
	ended := make(chan error, 1)
	go func() { ended <- s.Wait() }() // until Close at the latest
	select {
	case err := <-ended:
		if k, ok := errors.AsType[*client.KickedError](err); !ok || k.Reason != reason {
			t.Errorf("the session ended with %v, want kicked: %s", err, reason)
		}
	case <-time.After(patience):
		t.Errorf("the session did not end in %s, want kicked: %s", patience, reason)
	}
}

// arrivals waits until the phone has at least n.
func (h *handset) arrivals(t *testing.T, n int) []phone.Arrival {
	t.Helper()
	var all []phone.Arrival
	until(t, fmt.Sprintf("%s %s has %d arrivals", h.row, h.id, n), func() error {
		var last int64
		if len(all) > 0 {
			last = all[len(all)-1].Seq
		}
		all = append(all, must1(h.world.sim.Client.Notifications(t.Context(), h.id, last, time.Second))(t)...)
		if len(all) < n {
			return fmt.Errorf("it has %d", len(all))
		}
		return nil
	})
	return all
}

// silent checks that nothing more arrived than n.
func (h *handset) silent(t *testing.T, n int) {
	t.Helper()
	if all := must1(h.world.sim.Client.Notifications(t.Context(), h.id, 0, 0))(t); len(all) != n {
		t.Errorf("%s %s has %d arrivals, want %d: %+v", h.row, h.id, len(all), n, all)
	}
}
