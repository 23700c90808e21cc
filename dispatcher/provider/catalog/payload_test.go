package catalog

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/client/payload"
	"github.com/offlinepush/operator/dispatcher/client/simphone"
	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/provider/providertest"
	"github.com/offlinepush/operator/dispatcher/simulator"
	"github.com/offlinepush/operator/dispatcher/simulator/honor"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// received sends the push to a new phone, and reads it as the app's reference client does.
func (b *bench) received(t *testing.T, n provider.Notification) payload.Payload {
	t.Helper()
	made, err := b.sim.CreatePhone(t.Context(), simulator.NewPhone{Vendor: b.vendor, App: b.app})
	must(t, err)
	target := provider.Target{Token: made.Token, UserHash: message.UserHash("chat", "bob")}
	if n.TokenKind() == message.TokenVoIP {
		target.Token = made.VoIPToken
	}
	expect(t, b.provider(t).Send(t.Context(), n, []provider.Target{target}), message.Accepted)
	arrivals, err := b.sim.Notifications(t.Context(), made.ID, 0, 10*time.Second)
	must(t, err)
	if len(arrivals) != 1 {
		t.Fatalf("got %+v", arrivals)
	}
	got, err := payload.Read(b.row.Vendor, simphone.Raw(arrivals[0].Content))
	must(t, err)
	return got
}

// expected is the push as an app wants to read it.
func expected(n provider.Notification) payload.Payload {
	p := payload.Payload{
		Title: n.Title, Content: n.Content, Payload: n.Payload,
		Envelope: payload.Envelope{Version: 1, MessageID: n.MessageID, User: message.UserHash("chat", "bob")},
	}
	if v := n.VoIP; v != nil {
		p.VoIP = &wire.VoIPConfig{HandleType: v.HandleType, HandleValue: v.HandleValue, HasVideo: v.HasVideo}
	}
	return p
}

// TestAppsReadPushes of every vendor, as what the vendor's client hands over is read by client/payload.
func TestAppsReadPushes(t *testing.T) {
	t.Parallel()
	for vendor, start := range benches() {
		t.Run(string(vendor), func(t *testing.T) {
			t.Parallel()
			b := start(t)
			n := providertest.Notification()
			n.Content = `Lunch <&> "dinner"? 午饭`
			got := b.received(t, n)
			if diff := cmp.Diff(expected(n), got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if e := got.Envelope; !e.For("chat", "bob") || e.For("chat", "eve") || e.For("other", "bob") || e.For("chat", "") {
				t.Error("the envelope does not tell bob of the app from others")
			}
		})
	}
}

// TestAppsReadDataMessages that show nothing, of the vendors that have them.
func TestAppsReadDataMessages(t *testing.T) {
	t.Parallel()
	for vendor, setting := range map[Vendor]config.Setting{
		FCM:       {FCM: &config.FCMSetting{MessageType: "Data"}},
		Huawei:    {Huawei: &config.HuaweiSetting{MessageType: "Data"}},
		Honor:     {Honor: &config.HonorSetting{MessageType: "Data"}},
		HarmonyOS: {HarmonyOS: &config.HarmonyOSSetting{PushType: "Background"}},
		APNs:      {APNs: &config.APNsSetting{PushType: "Background"}},
	} {
		t.Run(string(vendor), func(t *testing.T) {
			t.Parallel()
			b := benches()[vendor](t)
			if vendor == Honor {
				b = honorApp(t, honor.App{Data: true})
			}
			n := providertest.Notification()
			n.Setting = setting
			if diff := cmp.Diff(expected(n), b.received(t, n)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestAppsReadCalls, which PushKit hands over.
func TestAppsReadCalls(t *testing.T) {
	t.Parallel()
	b := apnsBench(t)
	n := providertest.Notification()
	n.Setting.APNs = &config.APNsSetting{PushType: "VoIP"}
	n.VoIP = &message.VoIP{HandleType: "Generic", HandleValue: "anna", HasVideo: true}
	if diff := cmp.Diff(expected(n), b.received(t, n)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
