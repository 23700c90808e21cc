package quickstart

import (
	"context"
	"fmt"

	"github.com/offlinepush/operator/dispatcher/client"
	"github.com/offlinepush/operator/dispatcher/simulator"
	"github.com/offlinepush/operator/dispatcher/simulator/phone"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// model is a kind of phone of the story.
type model struct {
	// name is for people, vendor the simulator's name, registration what the app tells the dispatcher.
	name, vendor, app string
	registration      wire.RegisterDevice
}

// handset is a simulated phone with the app on it.
type handset struct {
	model
	id     string // at the simulator
	device *client.Device
	seen   int64
}

// newPhone gets a token from the vendor and a PushID from the dispatcher.
func (w *World) newPhone(ctx context.Context, m model) (*handset, error) {
	p, err := w.vendors.CreatePhone(ctx, simulator.NewPhone{Vendor: m.vendor, App: m.app})
	if err != nil {
		return nil, fmt.Errorf("getting a token for the %s: %w", m.name, err)
	}
	m.registration.Token = p.Token
	device, err := client.Register(ctx, w.devicePlane, registrationKey, m.registration, nil)
	if err != nil {
		return nil, fmt.Errorf("registering the %s: %w", m.name, err)
	}
	w.Say("    %s: token %.12s…, PushID %s", m.name, p.Token, device.Credentials.PushID)
	return &handset{model: m, id: p.ID, device: device}, nil
}

// bind logs a user in at a phone.
func (w *World) bind(ctx context.Context, h *handset, userID string) error {
	token, err := w.login.token(userID)
	if err != nil {
		return err
	}
	if _, err := h.device.Bind(ctx, token); err != nil {
		return fmt.Errorf("binding the %s to %s: %w", h.name, userID, err)
	}
	w.Say("    %s: bound to %s", h.name, userID)
	return nil
}

// shows waits until the phone shows something new, and tells it.
func (w *World) shows(ctx context.Context, h *handset) (phone.Arrival, error) {
	arrivals, err := w.vendors.Notifications(ctx, h.id, h.seen, soon)
	if err != nil {
		return phone.Arrival{}, fmt.Errorf("looking at the %s: %w", h.name, err)
	}
	if len(arrivals) == 0 {
		return phone.Arrival{}, fmt.Errorf("the %s showed nothing within %s", h.name, soon)
	}
	a := arrivals[0]
	h.seen = a.Seq
	w.Say("    %s shows: %q, %q, payload %s", h.name, a.Title, a.Content.Content, a.Payload)
	return a, nil
}

// showedNothing fails if the phone has shown anything new.
func (w *World) showedNothing(ctx context.Context, h *handset) error {
	arrivals, err := w.vendors.Notifications(ctx, h.id, h.seen, 0)
	if err != nil {
		return fmt.Errorf("looking at the %s: %w", h.name, err)
	}
	if len(arrivals) > 0 {
		return fmt.Errorf("the %s showed %q, and should not have", h.name, arrivals[0].Title)
	}
	return nil
}
