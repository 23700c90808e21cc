// Package simphone puts the SDK on phones of the simulator, for tests, demos
// and load: it plays the vendors' clients that give tokens and hand over pushes.
package simphone

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/offlinepush/operator/dispatcher/client"
	"github.com/offlinepush/operator/dispatcher/client/payload"
	"github.com/offlinepush/operator/dispatcher/simulator"
	"github.com/offlinepush/operator/dispatcher/simulator/phone"
)

// Handset is a phone of the simulator.
type Handset struct {
	Simulator *simulator.Client
	ID        string
}

// Tokens implements client.TokenSource.
func (h Handset) Tokens(ctx context.Context, c client.VendorConfig) (client.Tokens, error) {
	p, err := h.Simulator.Phone(ctx, h.ID)
	if err != nil {
		return client.Tokens{}, err
	}
	if vendor, _, _ := strings.Cut(p.Vendor, "-"); vendor != strings.ToLower(c.Vendor()) {
		return client.Tokens{}, client.ErrOtherPhone
	}
	t := client.Tokens{Alert: p.Token}
	if apns, ok := c.(client.APNsConfig); ok && apns.VoIP {
		t.VoIP = p.VoIPToken
	}
	return t, nil
}

// Follow hands what arrives after that arrival to the app, as the vendor's client does while the app runs, until ctx
// ends: what shows nothing, and of notifications only Xiaomi's.
func (h Handset) Follow(ctx context.Context, app *client.Phone, after int64) error {
	p, err := h.Simulator.Phone(ctx, h.ID)
	if err != nil {
		return err
	}
	for a, err := range h.Simulator.Stream(ctx, h.ID, after) {
		switch {
		case err != nil:
			return fmt.Errorf("following phone %s: %w", h.ID, err)
		case a.DuplicateOf > 0:
			// The phone drops it.
		case a.Kind == phone.Data:
			app.Handle(client.PushThrough, Raw(a.Content))
		case p.Vendor == "xiaomi":
			app.Handle(client.PushArrived, Raw(a.Content))
		}
	}
	return nil
}

// Click is the user's tap on a notification.
func (h Handset) Click(ctx context.Context, app *client.Phone, a phone.Arrival) error {
	if err := h.Simulator.Click(ctx, h.ID, a.Seq); err != nil {
		return err
	}
	app.Handle(client.PushClicked, Raw(a.Content))
	return nil
}

// Raw is what the vendor's client on the phone hands to the app.
func Raw(c phone.Content) payload.Raw {
	return payload.Raw{Title: c.Title, Content: c.Content, Values: c.Data, Text: c.MessageContent}
}

// configs are those of an app that brings every vendor's client. The simulator checks none of the values.
func configs() []client.VendorConfig {
	return []client.VendorConfig{
		client.FCMConfig{},
		client.XiaomiConfig{AppID: "2882303761517000000", AppKey: "5801700000000"},
		client.HuaweiConfig{AppID: "104000001"},
		client.HarmonyOSConfig{},
		client.OPPOConfig{AppKey: "app key", AppSecret: "app secret"},
		client.VivoConfig{AppID: "105000001", AppKey: "app key"},
		client.HonorConfig{AppID: "104400001"},
		client.MeizuConfig{AppID: "100001", AppKey: "app key"},
		client.APNsConfig{VoIP: true},
		client.WebPushConfig{ApplicationServerKey: "public key"},
	}
}

// Config is that of an app for one vendor, by its name in the API.
func Config(vendor string) client.PushConfig {
	all := configs()
	i := slices.IndexFunc(all, func(c client.VendorConfig) bool { return c.Vendor() == vendor })
	if i < 0 {
		return client.PushConfig{}
	}
	return client.PushConfig{Vendors: all[i : i+1]}
}
