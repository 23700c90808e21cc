package catalog

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/provider/providertest"
	"github.com/offlinepush/operator/dispatcher/simulator"
	"github.com/offlinepush/operator/dispatcher/simulator/harmonyos"
	"github.com/offlinepush/operator/dispatcher/simulator/phone"
	"github.com/offlinepush/operator/dispatcher/simulator/pushkit"
)

func harmonyosBench(t *testing.T) bench {
	t.Helper()
	return harmonyosProject(t, harmonyos.Project{Account: pushkit.Account{Categories: []string{"IM"}}})
}

// harmonyosProject is a bench with a project of these properties.
func harmonyosProject(t *testing.T, project harmonyos.Project) bench {
	t.Helper()
	s := simulated(t)
	sim := s.Client()
	project.ProjectID = app
	var made harmonyos.Project
	must(t, sim.CreateApp(t.Context(), harmonyos.Name, project, &made))
	return bench{
		vendor: harmonyos.Name, app: app, account: app, sim: sim, quota: message.Throttled, unavailable: message.Throttled,
		row: config.Channel{
			Name: "harmonyos", Vendor: string(HarmonyOS), AppType: 1,
			Endpoint:  config.Endpoint{URL: s.URL + "/harmonyos", CABundle: string(s.CA)},
			HarmonyOS: harmonyosRow(t, made),
		},
		rotate: func(t *testing.T, c config.Channel) config.Channel {
			t.Helper()
			var rotated harmonyos.Project
			must(t, sim.RotateApp(t.Context(), harmonyos.Name, app, "", &rotated))
			c.HarmonyOS = harmonyosRow(t, rotated)
			return c
		},
	}
}

func harmonyosRow(t *testing.T, p harmonyos.Project) *config.HarmonyOSChannel {
	t.Helper()
	key, err := json.Marshal(p.ServiceAccount())
	must(t, err)
	return &config.HarmonyOSChannel{ProjectID: p.ProjectID, ServiceAccount: config.NewSecret(string(key))}
}

// withHarmonyOS is a push with HarmonyOS' setting.
func withHarmonyOS(s config.HarmonyOSSetting) provider.Notification {
	n := providertest.Notification()
	n.Setting.HarmonyOS = &s
	return n
}

func pushDisabled() phone.Change { return phone.Change{PushEnabled: new(false)} }

func TestHarmonyOSFields(t *testing.T) {
	t.Parallel()
	const image = "https://example.com/a.png"
	b := harmonyosProject(t, harmonyos.Project{Images: []string{image}, Account: pushkit.Account{Categories: []string{"IM"}}})
	p := b.provider(t)
	id, target := b.phone(t)
	n := withHarmonyOS(config.HarmonyOSSetting{
		Category: "IM", Sound: "ring.mp3", ClickAction: config.ClickAction{Type: config.OpenPage, URI: "chat://detail"},
	})
	n.Image, n.BadgeIncrement = image, 2
	for range 2 {
		expect(t, p.Send(t.Context(), n, []provider.Target{target}), message.Accepted)
	}
	arrivals, err := b.sim.Notifications(t.Context(), id, 1, 10*time.Second)
	must(t, err)
	got := arrivals[0]
	if got.Category != "IM" || got.Sound != "ring.mp3" || got.Click != "chat://detail" || got.Image != image {
		t.Errorf("the phone shows %+v", got)
	}
	if got.Badge == nil || *got.Badge != 4 || got.Replaces != 1 {
		t.Errorf("the phone counts %+v", got)
	}
	n.Image = "https://example.com/unchecked.png"
	if o := p.Send(t.Context(), n, []provider.Target{target})[0]; o.Class != message.Rejected || o.Code != "80100022" {
		t.Errorf("got %+v, want 80100022", o)
	}
}

func TestHarmonyOSPushTypes(t *testing.T) {
	t.Parallel()
	b := harmonyosProject(t, harmonyos.Project{Calls: true})
	p := b.provider(t)
	id, target := b.phone(t)
	for i, kind := range []string{"Background", "VoIP"} {
		n := withHarmonyOS(config.HarmonyOSSetting{PushType: kind, Test: true})
		expect(t, p.Send(t.Context(), n, []provider.Target{target}), message.Accepted)
		arrivals, err := b.sim.Notifications(t.Context(), id, int64(i), 10*time.Second)
		must(t, err)
		if got := arrivals[0]; got.Kind != phone.Data || got.Data["title"] != n.Title || got.Data["body"] != n.Content || got.Payload != n.Payload {
			t.Errorf("%s: the app gets %+v", kind, got)
		}
	}
}

// TestHarmonyOSNeedsARightForCalls: it concerns the push type only, so the channel stays healthy.
func TestHarmonyOSNeedsARightForCalls(t *testing.T) {
	t.Parallel()
	b := harmonyosBench(t)
	p := b.provider(t)
	_, one := b.phone(t)
	_, two := b.phone(t)
	for _, o := range p.Send(t.Context(), withHarmonyOS(config.HarmonyOSSetting{PushType: "VoIP"}), []provider.Target{one, two}) {
		if o.Class != message.Rejected || o.Code != "noPushTypeRight" {
			t.Errorf("got %+v", o)
		}
	}
}

func TestHarmonyOSForeignToken(t *testing.T) {
	t.Parallel()
	b := harmonyosBench(t)
	var other harmonyos.Project
	must(t, b.sim.CreateApp(t.Context(), harmonyos.Name, harmonyos.Project{ProjectID: "other"}, &other))
	made, err := b.sim.CreatePhone(t.Context(), simulator.NewPhone{Vendor: b.vendor, App: "other"})
	must(t, err)
	foreign := provider.Target{Token: made.Token, UserHash: "u"}
	p := b.provider(t)
	id, dead := b.phone(t)
	must(t, b.sim.Uninstall(t.Context(), id))
	n := providertest.Notification()
	expect(t, p.Send(t.Context(), n, []provider.Target{foreign}), message.CredentialRejected)
	_, good := b.phone(t)
	expect(t, p.Send(t.Context(), n, []provider.Target{foreign, dead, good}), message.Rejected, message.InvalidToken, message.Accepted)
}

func TestHarmonyOSTestMessages(t *testing.T) {
	t.Parallel()
	b := harmonyosBench(t)
	p := b.provider(t)
	var targets []provider.Target
	var want []message.Class
	for range 12 { // Huawei takes ten at a time
		_, target := b.phone(t)
		targets, want = append(targets, target), append(want, message.Accepted)
	}
	expect(t, p.Send(t.Context(), withHarmonyOS(config.HarmonyOSSetting{Test: true}), targets), want...)
}

func TestHarmonyOSReceipts(t *testing.T) {
	t.Parallel()
	b := harmonyosBench(t)
	receipts := b.listen(t)
	project := harmonyos.Project{ProjectID: app, Account: pushkit.Account{
		Categories: []string{"IM"}, Receipts: []pushkit.ReceiptConfig{{ID: "RCP1", URL: b.receipts.Reveal()}},
	}}
	must(t, b.sim.CreateApp(t.Context(), harmonyos.Name, project, &project))
	b.row.HarmonyOS = harmonyosRow(t, project)
	checkReceipts(t, b, b.provider(t), receipts, withHarmonyOS(config.HarmonyOSSetting{Category: "IM"}))
}
