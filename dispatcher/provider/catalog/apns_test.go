package catalog

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/provider/providertest"
	"github.com/offlinepush/operator/dispatcher/simulator"
	"github.com/offlinepush/operator/dispatcher/simulator/apns"
	"github.com/offlinepush/operator/dispatcher/simulator/phone"
	"github.com/offlinepush/operator/dispatcher/simulator/traffic"
)

const bundleID = "io.example.chat"

func apnsBench(t *testing.T) bench {
	t.Helper()
	return apnsApp(t, apns.App{})
}

// apnsApp is a bench with an app of these properties.
func apnsApp(t *testing.T, a apns.App) bench {
	t.Helper()
	s := simulated(t)
	sim := s.Client()
	a.BundleID = bundleID
	var made apns.App
	must(t, sim.CreateApp(t.Context(), apns.Name, a, &made))
	return bench{
		vendor: apns.Name, app: bundleID, account: bundleID, sim: sim, quota: message.Throttled,
		row: config.Channel{
			Name: "apns", Vendor: string(APNs), AppType: 1,
			Endpoint: config.Endpoint{URL: s.URL + "/apns", CABundle: string(s.CA)},
			APNs:     apnsChannel(made),
		},
		rotate: func(t *testing.T, c config.Channel) config.Channel {
			t.Helper()
			var rotated apns.App
			must(t, sim.RotateApp(t.Context(), apns.Name, bundleID, "", &rotated))
			c.APNs = apnsChannel(rotated)
			return c
		},
	}
}

func apnsChannel(a apns.App) *config.APNsChannel {
	return &config.APNsChannel{
		BundleID: bundleID, Environment: "Production", TeamID: a.TeamID, KeyID: a.KeyID,
		PrivateKey: config.NewSecret(a.PrivateKey), Certificate: config.NewSecret(a.Certificate),
	}
}

// apnsPhone is a phone with both of its tokens.
func apnsPhone(t *testing.T, b bench) phone.Phone {
	t.Helper()
	p, err := b.sim.CreatePhone(t.Context(), simulator.NewPhone{Vendor: b.vendor, App: b.app})
	must(t, err)
	return p
}

func arrived(t *testing.T, b bench, id string, after int64) phone.Content {
	t.Helper()
	arrivals, err := b.sim.Notifications(t.Context(), id, after, 10*time.Second)
	must(t, err)
	if len(arrivals) != 1 {
		t.Fatalf("got %+v", arrivals)
	}
	c := arrivals[0].Content
	delete(c.Data, "offlinepush")
	c.MessageID, c.DedupID, c.MessageContent = "", "", ""
	return c
}

func TestAPNsCertificate(t *testing.T) {
	t.Parallel()
	b := apnsApp(t, apns.App{Auth: "Certificate", CertificateDays: 30})
	p := b.provider(t)
	_, target := b.phone(t)
	expect(t, []message.Outcome{p.Probe(t.Context())}, message.Accepted)
	expect(t, p.Send(t.Context(), providertest.Notification(), []provider.Target{target}), message.Accepted)
	expiring, ok := p.(provider.Expiring)
	if !ok || time.Until(expiring.CredentialExpires()) < 29*24*time.Hour || time.Until(expiring.CredentialExpires()) > 30*24*time.Hour {
		t.Errorf("does not tell when the certificate runs out: %T", p)
	}
	rotated := b.rotate(t, b.row)
	for _, o := range append(p.Send(t.Context(), providertest.Notification(), []provider.Target{target}), p.Probe(t.Context())) {
		if o.Class != message.CredentialRejected || o.Code != "BadCertificate" {
			t.Errorf("the old certificate: got %+v", o)
		}
	}
	b.row = rotated
	expect(t, b.provider(t).Send(t.Context(), providertest.Notification(), []provider.Target{target}), message.Accepted)
}

// TestAPNsClock has a dispatcher whose clock is ahead, and one that needs a new JWT on a connection that is young by the
// clock of APNs, which is what another server with the same key causes.
func TestAPNsClock(t *testing.T) {
	t.Parallel()
	b := apnsBench(t)
	_, target := b.phone(t)
	var off time.Duration
	deps := providertest.Deps()
	deps.Now = func() time.Time { return time.Now().Add(off) }
	for _, tt := range []struct {
		offs []time.Duration
		want message.Class
		code string
	}{
		{[]time.Duration{10 * time.Minute}, message.CredentialRejected, "InvalidProviderToken"},
		{[]time.Duration{-55 * time.Minute, -6 * time.Minute}, message.Accepted, ""},
	} {
		deps.Tokens = &providertest.TokenStore{}
		p, err := New(b.row, deps)
		must(t, err)
		for _, off = range tt.offs {
			if o := p.Send(t.Context(), providertest.Notification(), []provider.Target{target})[0]; o.Class != tt.want || o.Code != tt.code {
				t.Errorf("%s off: got %+v", off, o)
			}
		}
		p.Close()
	}
	requests, err := b.sim.Requests(t.Context(), apns.Name, 0, 0)
	must(t, err)
	var statuses []int
	for _, r := range requests {
		statuses = append(statuses, r.Status)
	}
	if diff := cmp.Diff([]int{403, 200, 429, 200}, statuses); diff != "" {
		t.Errorf("the second JWT came too early and the first went on (-want +got):\n%s", diff)
	}
}

func TestAPNsEnvironments(t *testing.T) {
	t.Parallel()
	b := apnsBench(t)
	made, err := b.sim.CreatePhone(t.Context(), simulator.NewPhone{Vendor: apns.SandboxName, App: bundleID})
	must(t, err)
	targets := []provider.Target{{Token: made.Token}}
	o := b.provider(t).Send(t.Context(), providertest.Notification(), targets)[0]
	if o.Class != message.InvalidToken || o.Code != "BadDeviceToken" {
		t.Errorf("a sandbox token in production: got %+v", o)
	}
	b.row.Endpoint.URL += "-sandbox"
	expect(t, b.provider(t).Send(t.Context(), providertest.Notification(), targets), message.Accepted)
}

// TestAPNsRemoved has the time since when the token is dead.
func TestAPNsRemoved(t *testing.T) {
	t.Parallel()
	b := apnsBench(t)
	before := time.Now().Truncate(time.Millisecond)
	id, target := b.phone(t)
	must(t, b.sim.Uninstall(t.Context(), id))
	o := b.provider(t).Send(t.Context(), providertest.Notification(), []provider.Target{target})[0]
	if o.Code != "Unregistered" || o.InvalidSince.Before(before) || o.InvalidSince.After(time.Now()) {
		t.Errorf("got %+v", o)
	}
}

func TestAPNsCall(t *testing.T) {
	t.Parallel()
	b := apnsBench(t)
	p, ringing := b.provider(t), apnsPhone(t, b)
	n := providertest.Notification()
	n.VoIP = &message.VoIP{HandleType: "Generic", HandleValue: "anna"}
	n.Setting.APNs = &config.APNsSetting{PushType: "VoIP"}
	n.Content = strings.Repeat("x", 4900) // an alert would be cut
	outcomes := p.Send(t.Context(), n, []provider.Target{{Token: ringing.VoIPToken}})
	expect(t, outcomes, message.Accepted)
	want := phone.Content{
		Kind: phone.Data, Title: n.Title, Content: n.Content, Payload: n.Payload, ReplaceID: n.ReplaceID,
		Data: map[string]string{"payload": n.Payload, "voip": `{"handleType":"Generic","handleValue":"anna"}`},
	}
	if diff := cmp.Diff(want, arrived(t, b, ringing.ID, 0)); diff != "" || outcomes[0].Detail != "" {
		t.Errorf("%+v (-want +got):\n%s", outcomes, diff)
	}
	if o := p.Send(t.Context(), n, []provider.Target{{Token: ringing.Token}})[0]; o.Class != message.InvalidToken || o.Code != "DeviceTokenNotForTopic" {
		t.Errorf("a call to the alert token: got %+v", o)
	}
}

func TestAPNsProfile(t *testing.T) {
	t.Parallel()
	b := apnsBench(t)
	p, made := b.provider(t), apnsPhone(t, b)
	n, target := providertest.Notification(), provider.Target{Token: strings.ToUpper(made.Token), Badge: new(int32(5))}
	n.ThreadID, n.Image = "anna", "https://example.test/a.png"
	n.Setting.APNs = &config.APNsSetting{Sound: "ring.caf", Category: "CHAT", InterruptionLevel: "TimeSensitive"}
	expect(t, p.Send(t.Context(), n, []provider.Target{target}), message.Accepted)
	want := phone.Content{
		Kind: phone.Notification, Title: n.Title, Content: n.Content, Payload: n.Payload, ReplaceID: n.ReplaceID,
		Sound: "ring.caf", Category: "CHAT", Thread: "anna", Image: n.Image, Badge: new(int32(5)),
		Data: map[string]string{"payload": n.Payload, "image": n.Image},
	}
	if diff := cmp.Diff(want, arrived(t, b, made.ID, 0)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	n.DedupID, n.Setting.APNs = "another", &config.APNsSetting{PushType: "Background"}
	expect(t, p.Send(t.Context(), n, []provider.Target{target}), message.Accepted)
	want = phone.Content{
		Kind: phone.Data, Payload: n.Payload, ReplaceID: n.ReplaceID,
		Data: map[string]string{"payload": n.Payload, "title": n.Title, "body": n.Content},
	}
	if diff := cmp.Diff(want, arrived(t, b, made.ID, 1)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestAPNsRepeats sends a push again whose answer was lost: the phone has one.
func TestAPNsRepeats(t *testing.T) {
	t.Parallel()
	b := apnsBench(t)
	p := b.provider(t)
	id, target := b.phone(t)
	must(t, b.sim.SetFault(t.Context(), b.vendor, traffic.Fault{DropResponseAfterAccept: true, Count: 1}))
	for _, want := range []message.Class{message.Transient, message.Accepted} {
		expect(t, p.Send(t.Context(), providertest.Notification(), []provider.Target{target}), want)
	}
	shown, err := b.sim.Phone(t.Context(), id)
	must(t, err)
	if len(shown.Tray) != 1 {
		t.Errorf("the phone shows %+v", shown.Tray)
	}
}

func TestAPNsOnePhoneIsTooFast(t *testing.T) {
	t.Parallel()
	b := apnsApp(t, apns.App{PushesPerSecond: 1})
	p := b.provider(t)
	_, noisy := b.phone(t)
	outcomes := p.Send(t.Context(), providertest.Notification(), []provider.Target{noisy})
	for n := 0; n < 20 && outcomes[0].Class == message.Accepted; n++ { // Those of a slow machine are not in one second.
		_, other := b.phone(t)
		outcomes = p.Send(t.Context(), providertest.Notification(), []provider.Target{noisy, other})
	}
	expect(t, outcomes, message.Throttled, message.Accepted)
	if !outcomes[0].PhoneOnly {
		t.Errorf("got %+v", outcomes[0])
	}
}

func TestAPNsTopics(t *testing.T) {
	t.Parallel()
	b := apnsBench(t)
	_, target := b.phone(t)
	var other apns.App
	must(t, b.sim.CreateApp(t.Context(), apns.Name, apns.App{BundleID: "io.example.other"}, &other))
	for bundle, want := range map[string]string{"io.example.other": "TopicDisallowed", "io.example.none": "BadTopic"} {
		row := b.row
		row.APNs = new(*b.row.APNs)
		row.APNs.BundleID = bundle
		p, err := New(row, providertest.Deps())
		must(t, err)
		if o := p.Send(t.Context(), providertest.Notification(), []provider.Target{target})[0]; o.Class != message.CredentialRejected || o.Code != want {
			t.Errorf("%s: got %+v", bundle, o)
		}
		p.Close()
	}
}
