package binding_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/binding"
	"github.com/offlinepush/operator/dispatcher/ingress/planetest"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
)

// lower is a vendor whose tokens mean the same in capitals, but for BAD.
func lower(_, token string) (string, error) {
	if token == "BAD" {
		return "", errors.New("must be good")
	}
	return strings.ToLower(token), nil
}

// tokensOf are the device's tokens by kind.
func tokensOf(t *testing.T, bed *planetest.Bed, device int64) map[message.TokenKind]string {
	t.Helper()
	out := map[message.TokenKind]string{}
	for _, kind := range []message.TokenKind{message.TokenAlert, message.TokenVoIP} {
		states, err := bed.Store.Fence(t.Context(), store.FenceQuery{Devices: []int64{device}, Kind: kind})
		if err != nil {
			t.Fatal(err)
		}
		if s := states.Devices[device]; s.TokenOK {
			out[kind] = s.Token.Value
		}
	}
	return out
}

func iphone(token, voip string) binding.Registration {
	return binding.Registration{Selector: message.Selector{Vendor: "APNs"}, Token: token, VoIPToken: voip}
}

func TestADeviceHasATokenOfEachKind(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	service := binding.New(binding.Deps{
		Store: bed.Store, Fence: bed.Fence, Sessions: bed.Hub, Vendors: []string{"APNs", "FCM"}, Token: lower,
	})
	register := func(r binding.Registration) message.Device {
		t.Helper()
		c, err := service.Register(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		d, err := service.Find(t.Context(), c.PushID)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	expect := func(d message.Device, want map[message.TokenKind]string) {
		t.Helper()
		if diff := cmp.Diff(want, tokensOf(t, bed, d.Key)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	first := register(iphone("A", "A")) // the kinds are apart, also where the values are not
	expect(first, map[message.TokenKind]string{message.TokenAlert: "a", message.TokenVoIP: "a"})
	if err := service.SetToken(t.Context(), first, message.TokenVoIP, "B"); err != nil {
		t.Fatal(err)
	}
	expect(first, map[message.TokenKind]string{message.TokenAlert: "a", message.TokenVoIP: "b"})
	second := register(iphone("c", "b")) // the phone of the first one, installed again
	expect(second, map[message.TokenKind]string{message.TokenAlert: "c", message.TokenVoIP: "b"})
	expect(first, map[message.TokenKind]string{message.TokenAlert: "a"})
	third := register(iphone("C", ""))
	expect(third, map[message.TokenKind]string{message.TokenAlert: "c"})
	expect(second, map[message.TokenKind]string{message.TokenVoIP: "b"})
}

func TestTokensThatNoPushCanGoTo(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	service := binding.New(binding.Deps{
		Store: bed.Store, Fence: bed.Fence, Sessions: bed.Hub, Vendors: []string{"APNs", "FCM"}, Token: lower,
	})
	android := message.Device{Key: 1, Selector: message.Selector{Vendor: "FCM", AppType: 1}}
	register := func(r binding.Registration) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := service.Register(ctx, r)
			return err
		}
	}
	set := func(kind message.TokenKind, token string) func(context.Context) error {
		return func(ctx context.Context) error { return service.SetToken(ctx, android, kind, token) }
	}
	withCalls := registration("FCM", "t")
	withCalls.VoIPToken = "v"
	for name, tt := range map[string]struct {
		do             func(context.Context) error
		field, problem string
	}{
		"calls of FCM":      {register(withCalls), "voipToken", "must be left out: FCM has no tokens for calls"},
		"the vendor's form": {register(iphone("BAD", "")), "token", "must be good"},
		"the form of calls": {register(iphone("t", "BAD")), "voipToken", "must be good"},
		"long calls":        {register(iphone("t", strings.Repeat("x", 4097))), "voipToken", "at most 4096 bytes"},
		"set calls of FCM":  {set(message.TokenVoIP, "t"), "kind", "must be left out"},
		"no such kind":      {set("fax", "t"), "kind", "must be alert or voip"},
		"set a bad one":     {set(message.TokenAlert, "BAD"), "token", "must be good"},
		"set none":          {set(message.TokenAlert, ""), "token", "must not be empty"},
	} {
		err := tt.do(t.Context())
		if e, ok := errors.AsType[*message.FieldError](err); !ok || e.Field != tt.field || !strings.Contains(e.Problem, tt.problem) {
			t.Errorf("%s: got %v, want %s: ...%s...", name, err, tt.field, tt.problem)
		}
	}
}

func TestOPPORegionIsReadOffTheToken(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	for token, want := range map[string]string{
		"0123456789abcdef":     "China",
		"CN_0123456789abcdef":  "China",
		"OPPO_CN_0123456789ab": "China",
		"IN_0123456789abcdef":  "Global",
		"OPPO_ID_0123456789ab": "Global",
		"OPPO_CN_1_2":          "Global",
		"_":                    "Global",
	} {
		c, err := bed.Bindings.Register(t.Context(), registration("OPPO", token))
		if err != nil {
			t.Fatal(err)
		}
		d, err := bed.Bindings.Find(t.Context(), c.PushID)
		if err != nil || d.Selector.Region != want {
			t.Errorf("%s: got %q, %v, want %s", token, d.Selector.Region, err, want)
		}
	}
}

func TestImportKeepsTokensInTheVendorsForm(t *testing.T) {
	t.Parallel()
	m := &mover{answers: map[string]store.Imported{}}
	service := binding.New(binding.Deps{Store: m, Vendors: []string{"FCM", "APNs", "OPPO"}, Token: lower})
	apns, oppo := record("apns"), record("oppo")
	apns.Device.Selector.Vendor, apns.Tokens = "APNs", map[message.TokenKind]string{message.TokenAlert: "A", message.TokenVoIP: "B"}
	oppo.Device.Selector.Vendor, oppo.Tokens = "OPPO", map[message.TokenKind]string{message.TokenAlert: "ID_1"}
	if _, err := service.Import(t.Context(), []store.Record{apns, oppo}, noon.Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	want := []map[message.TokenKind]string{{message.TokenAlert: "a", message.TokenVoIP: "b"}, {message.TokenAlert: "id_1"}}
	if len(m.got) != 2 {
		t.Fatalf("got %+v", m.got)
	}
	if diff := cmp.Diff(want, []map[message.TokenKind]string{m.got[0].Tokens, m.got[1].Tokens}); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if apns.Tokens[message.TokenAlert] != "A" {
		t.Error("the caller's record was changed")
	}
	if m.got[0].Device.Selector.Environment != "Production" || m.got[1].Device.Selector.Region != "Global" {
		t.Errorf("got %+v, %+v", m.got[0].Device.Selector, m.got[1].Device.Selector)
	}
}
