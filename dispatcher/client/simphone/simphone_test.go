package simphone_test

import (
	"context"
	"errors"
	"testing"

	"github.com/offlinepush/operator/dispatcher/client"
	"github.com/offlinepush/operator/dispatcher/client/simphone"
	"github.com/offlinepush/operator/dispatcher/provider/catalog"
	"github.com/offlinepush/operator/dispatcher/simulator"
)

// bought is a phone of one of the quickstart's apps.
func bought(t *testing.T, vendor, app string) simphone.Handset {
	t.Helper()
	accounts, err := simulator.ReadAccounts("../../../config/samples/quickstart/vendorsim/accounts.json")
	if err != nil {
		t.Fatal(err)
	}
	s, err := simulator.Start(simulator.Options{Accounts: accounts})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	p, err := s.Client().CreatePhone(t.Context(), simulator.NewPhone{Vendor: vendor, App: app})
	if err != nil {
		t.Fatal(err)
	}
	return simphone.Handset{Simulator: s.Client(), ID: p.ID}
}

// TestTokens are those of the phone, and of its own vendor only.
func TestTokens(t *testing.T) {
	t.Parallel()
	h := bought(t, "apns", "io.offlinepush.quickstart")
	p, err := h.Simulator.Phone(t.Context(), h.ID)
	if err != nil {
		t.Fatal(err)
	}
	for c, want := range map[client.VendorConfig]client.Tokens{
		client.APNsConfig{VoIP: true}: {Alert: p.Token, VoIP: p.VoIPToken}, client.APNsConfig{}: {Alert: p.Token},
	} {
		if got, err := h.Tokens(t.Context(), c); err != nil || got != want || got.Alert == "" {
			t.Errorf("%+v: got %+v, %v", c, got, err)
		}
	}
	if _, err := h.Tokens(t.Context(), client.FCMConfig{}); !errors.Is(err, client.ErrOtherPhone) {
		t.Errorf("of another vendor: %v", err)
	}
	h.ID = "none"
	if _, err := h.Tokens(t.Context(), client.APNsConfig{}); err == nil {
		t.Error("a phone that does not exist has tokens")
	}
	if err := h.Follow(context.Background(), nil, 0); err == nil {
		t.Error("a phone that does not exist is followed")
	}
}

// TestEveryVendorHasAConfig that an app can register with.
func TestEveryVendorHasAConfig(t *testing.T) {
	t.Parallel()
	p, err := client.NewPhone(client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for _, v := range catalog.Vendors() {
		c := simphone.Config(string(v))
		if err := p.SetPushConfig(c); err != nil || c.Vendors[0].Vendor() != string(v) {
			t.Errorf("%s: %+v, %v", v, c, err)
		}
	}
	if c := simphone.Config("Nokia"); len(c.Vendors) > 0 {
		t.Errorf("got %+v", c)
	}
}
