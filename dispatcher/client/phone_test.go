package client_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/client"
	"github.com/offlinepush/operator/dispatcher/ingress/planetest"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// xiaomi is an app with Xiaomi's client.
func xiaomi(region string) client.PushConfig {
	return client.PushConfig{Vendors: []client.VendorConfig{client.XiaomiConfig{AppID: "1", AppKey: "2", Region: region}}}
}

// app starts an app at the bed.
func app(t *testing.T, bed *planetest.Bed, c client.PushConfig, o client.Options) *client.Phone {
	t.Helper()
	o.BaseURL, o.RegistrationKey, o.AppID, o.HTTP = bed.Device.URL, planetest.RegistrationKey, "app-1", bed.Device.Client()
	if o.Sources == nil {
		o.Sources = map[string]client.TokenSource{}
		for _, v := range c.Vendors {
			o.Sources[v.Vendor()] = source{Alert: "token of " + t.Name()}
		}
	}
	p, err := client.NewPhone(o)
	if err == nil {
		err = p.SetPushConfig(c)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// registered is an app that was registered.
func registered(t *testing.T, bed *planetest.Bed, o client.Options) *client.Phone {
	t.Helper()
	p := app(t, bed, xiaomi(""), o)
	if _, err := p.Register(t.Context()); err != nil {
		t.Fatal(err)
	}
	return p
}

// TestPhoneLives through the calls that a phone has, against a dispatcher.
func TestPhoneLives(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	ctx, told := t.Context(), make(events, 100)
	p := registered(t, bed, client.Options{Callbacks: told.callbacks(), Platform: "Android"})
	server := client.NewServer(bed.Server.URL, planetest.ServerKey, bed.Server.Client())
	say := func(id, to string) string {
		t.Helper()
		sent, err := server.Send(ctx, wire.SendMessage{ClientID: id, From: "alice", To: []string{to}, Body: id, Push: &wire.Push{Title: "t"}})
		if err != nil {
			t.Fatal(err)
		}
		return "received " + sent.MessageID
	}
	expect := func(want ...string) {
		t.Helper()
		got := make([]string, len(want))
		for i := range want {
			got[i] = <-told
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	stored := say("stored", "bob")
	ok(p.Login(ctx, bed.UserToken(t, "bob")))
	expect("Connected", stored, say("live", "bob"))
	if p.UserID() != "bob" || !errors.Is(p.Login(ctx, bed.UserToken(t, "bob")), client.ErrLoggedIn) {
		t.Errorf("%q is logged in", p.UserID())
	}
	ok(p.SetBadge(ctx, 3))
	ok(p.UpdateToken(ctx, client.Tokens{Alert: "another token"}))
	ok(p.SwitchUser(ctx, bed.UserToken(t, "eve")))
	expect("Disconnected", "Connected")
	say("for bob", "bob")
	expect(say("for eve", "eve"))
	ok(p.Logout(ctx))
	expect("Disconnected")
	for _, user := range []string{"bob", "eve"} {
		if devices, err := server.Devices(ctx, user); err != nil || len(devices) > 0 || p.UserID() != "" {
			t.Errorf("%s has %+v after the logout, %v", user, devices, err)
		}
	}
	ok(p.Login(ctx, bed.UserToken(t, "eve")))
	expect("Connected")
	ok(server.Unbind(ctx, p.PushID()))
	expect("Disconnected", "kicked logged_out")
	former := p.PushID()
	ok(p.Unregister(ctx))
	if err := server.Bind(ctx, former, "bob"); client.CodeOf(err) != wire.CodeNotFound || p.PushID() != "" {
		t.Errorf("an unregistered phone: %v, PushID %q", err, p.PushID())
	}
	for what, err := range map[string]error{
		"login": p.Login(ctx, "x"), "bind": p.Bind(ctx, "x"), "logout": p.Logout(ctx), "switch": p.SwitchUser(ctx, "x"),
		"badge": p.SetBadge(ctx, 1), "token": p.UpdateToken(ctx, client.Tokens{}), "unregister": p.Unregister(ctx),
	} {
		if !errors.Is(err, client.ErrNotRegistered) {
			t.Errorf("%s without a registration: %v", what, err)
		}
	}
	p.Close()
	if _, err := p.Register(ctx); !errors.Is(err, client.ErrClosed) {
		t.Errorf("a registration of a closed phone: %v", err)
	}
}

// TestRestartedApp keeps its installation and its user.
func TestRestartedApp(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	ctx, kept := t.Context(), &shelf{}
	first := registered(t, bed, client.Options{Storage: kept})
	if err := first.Login(ctx, bed.UserToken(t, "bob")); err != nil {
		t.Fatal(err)
	}
	pushID := first.PushID()
	first.Close()
	second := registered(t, bed, client.Options{Storage: kept})
	if second.PushID() != pushID || second.UserID() != "bob" {
		t.Errorf("PushID %s of %q, want %s of bob", second.PushID(), second.UserID(), pushID)
	}
	moved := app(t, bed, xiaomi("Europe"), client.Options{Storage: kept})
	if got, err := moved.Register(ctx); err != nil || got == pushID || moved.UserID() != "" || kept.Registration.Region != "Europe" {
		t.Errorf("after a move to another region: %s, %v, %+v", got, err, kept)
	}
	if err := client.Restore(bed.Device.URL, kept.Credentials, bed.Device.Client()).Unregister(ctx); err != nil {
		t.Fatal(err)
	}
	anew := app(t, bed, xiaomi("Europe"), client.Options{Storage: kept})
	if got, err := anew.Register(ctx); err != nil || got != kept.Credentials.PushID || got == moved.PushID() {
		t.Errorf("after the dispatcher forgot it: %s, %v", got, err)
	}
}

// TestBoundByTheApp itself, without a session.
func TestBoundByTheApp(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	p := registered(t, bed, client.Options{})
	if err := p.Bind(t.Context(), bed.UserToken(t, "bob")); err != nil || p.UserID() != "bob" || bed.Online(t, "bob") {
		t.Errorf("bound to %q, %v", p.UserID(), err)
	}
	if err := p.BoundTo("eve"); err != nil || p.UserID() != "eve" {
		t.Errorf("bound to %q, %v", p.UserID(), err)
	}
}

// TestFailedLogout leaves the phone without a user, so that what is still pushed is stray.
func TestFailedLogout(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	p := registered(t, bed, client.Options{})
	if err := p.Login(t.Context(), bed.UserToken(t, "bob")); err != nil {
		t.Fatal(err)
	}
	late, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.Logout(late); !errors.Is(err, context.Canceled) || p.UserID() != "" {
		t.Errorf("%v, and %q is logged in", err, p.UserID())
	}
	if err := p.SwitchUser(late, "x"); !errors.Is(err, context.Canceled) {
		t.Errorf("a switch without a logout: %v", err)
	}
	if err := p.Login(t.Context(), bed.UserToken(t, "eve")); err != nil {
		t.Errorf("the next login: %v", err)
	}
}

// TestChoiceOfVendor by what the app brings and where it runs.
func TestChoiceOfVendor(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	fcm, oppo, meizu := client.FCMConfig{}, client.OPPOConfig{AppKey: "k", AppSecret: "s"}, client.MeizuConfig{AppID: "1", AppKey: "2"}
	apns := client.APNsConfig{VoIP: true}
	for name, tt := range map[string]struct {
		vendors []client.VendorConfig
		sources map[string]client.TokenSource
		want    string
		refusal string
	}{
		"the first":                {[]client.VendorConfig{oppo, meizu}, nil, "OPPO", ""},
		"the phone's own":          {[]client.VendorConfig{oppo, meizu}, map[string]client.TokenSource{"OPPO": elsewhere{}, "Meizu": source{Alert: "m"}}, "Meizu", ""},
		"FCM only":                 {[]client.VendorConfig{oppo, fcm}, nil, "FCM", ""},
		"none":                     {[]client.VendorConfig{oppo}, map[string]client.TokenSource{"OPPO": elsewhere{}}, "", "not on this phone"},
		"no client":                {[]client.VendorConfig{oppo}, map[string]client.TokenSource{}, "", "OPPO: the app has no client"},
		"no token":                 {[]client.VendorConfig{oppo}, map[string]client.TokenSource{"OPPO": source{}}, "", "token"},
		"iPhone with two tokens":   {[]client.VendorConfig{apns}, map[string]client.TokenSource{"APNs": source{Alert: "a", VoIP: "v"}}, "APNs", ""},
		"a token for calls, alone": {[]client.VendorConfig{oppo}, map[string]client.TokenSource{"OPPO": source{Alert: "o", VoIP: "v"}}, "", "voipToken"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var told client.Registered
			p := app(t, bed, client.PushConfig{Vendors: tt.vendors}, client.Options{
				Sources: tt.sources, Callbacks: client.Callbacks{Registered: func(r client.Registered) { told = r }},
			})
			pushID, err := p.Register(t.Context())
			if tt.refusal != "" {
				if err == nil || !strings.Contains(err.Error(), tt.refusal) || told.Err == nil || told.PushID != "" {
					t.Errorf("got %v, told %+v, want %q", err, told, tt.refusal)
				}
				return
			}
			if err != nil || told.Vendor != tt.want || told.PushID != pushID || pushID == "" || told.Tokens.Alert == "" {
				t.Errorf("%v, told %+v", err, told)
			}
			if _, err := p.Register(t.Context()); err != nil || told.PushID != pushID {
				t.Errorf("the next start: %v, told %+v", err, told)
			}
			if tokens := told.Tokens; tokens.VoIP != "" {
				d, err := bed.Bindings.Find(t.Context(), pushID)
				if err != nil {
					t.Fatal(err)
				}
				if states, err := bed.Store.Fence(t.Context(), store.FenceQuery{Devices: []int64{d.Key}, Kind: message.TokenVoIP}); err != nil || states.Devices[d.Key].Token.Value != tokens.VoIP {
					t.Errorf("the token for calls: %+v, %v", states, err)
				}
			}
		})
	}
}

func TestPushConfigsThatAreNone(t *testing.T) {
	t.Parallel()
	p, err := client.NewPhone(client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if _, err := p.Register(t.Context()); !errors.Is(err, client.ErrNotConfigured) {
		t.Errorf("without one: %v", err)
	}
	for want, c := range map[string]client.PushConfig{
		"vendors: must name":     {},
		"appType: is 10":         {AppType: 10, Vendors: []client.VendorConfig{client.FCMConfig{}}},
		"FCM: must be there":     {Vendors: []client.VendorConfig{client.FCMConfig{}, client.FCMConfig{}}},
		"Xiaomi.appKey: must be": {Vendors: []client.VendorConfig{client.XiaomiConfig{AppID: "1"}}},
		"Huawei.appID":           {Vendors: []client.VendorConfig{client.HuaweiConfig{}}},
		"OPPO.appSecret":         {Vendors: []client.VendorConfig{client.OPPOConfig{AppKey: "k"}}},
		"Vivo.appID":             {Vendors: []client.VendorConfig{client.VivoConfig{AppKey: "k"}}},
		"Honor.appID":            {Vendors: []client.VendorConfig{client.HonorConfig{}}},
		"Meizu.appKey":           {Vendors: []client.VendorConfig{client.MeizuConfig{AppID: "1"}}},
		"WebPush.application":    {Vendors: []client.VendorConfig{client.WebPushConfig{}}},
	} {
		if err := p.SetPushConfig(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	if err := p.SetPushConfig(client.PushConfig{Vendors: []client.VendorConfig{client.HarmonyOSConfig{}, client.APNsConfig{}}}); err != nil {
		t.Errorf("vendors that need nothing: %v", err)
	}
}
