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
	"github.com/offlinepush/operator/dispatcher/simulator/honor"
	"github.com/offlinepush/operator/dispatcher/simulator/phone"
	"github.com/offlinepush/operator/dispatcher/simulator/traffic"
)

func honorBench(t *testing.T) bench {
	t.Helper()
	return honorApp(t, honor.App{Service: true})
}

// honorApp is a bench with an app of these properties.
func honorApp(t *testing.T, a honor.App) bench {
	t.Helper()
	s := simulated(t)
	sim := s.Client()
	a.AppID, a.ClientID = "104411", "honor-"+app
	var made honor.App
	must(t, sim.CreateApp(t.Context(), honor.Name, a, &made))
	row := func(secret string) *config.HonorChannel {
		return &config.HonorChannel{AppID: a.AppID, ClientID: a.ClientID, BadgeClass: "a.Main", ClientSecret: config.NewSecret(secret)}
	}
	return bench{
		vendor: honor.Name, app: a.AppID, account: a.AppID, sim: sim, quota: message.QuotaExhausted,
		row: config.Channel{
			Name: "honor", Vendor: string(Honor), AppType: 1,
			Endpoint: config.Endpoint{URL: s.URL + "/honor", AuthURL: s.URL + "/honor/auth/token", CABundle: string(s.CA)},
			Honor:    row(made.ClientSecret),
		},
		rotate: func(t *testing.T, c config.Channel) config.Channel {
			t.Helper()
			var rotated honor.App
			must(t, sim.RotateApp(t.Context(), honor.Name, a.AppID, "", &rotated))
			c.Honor = row(rotated.ClientSecret)
			return c
		},
	}
}

func TestHonorRefreshesExpiredTokens(t *testing.T) {
	t.Parallel()
	b := honorBench(t)
	p := b.provider(t)
	_, one := b.phone(t)
	_, two := b.phone(t)
	targets := []provider.Target{one, two}
	expect(t, p.Send(t.Context(), providertest.Notification(), targets), message.Accepted, message.Accepted)
	must(t, b.sim.ExpireTokens(t.Context(), b.vendor))
	expect(t, p.Send(t.Context(), providertest.Notification(), targets), message.Accepted, message.Accepted)
}

func TestHonorNamesTheFailed(t *testing.T) {
	t.Parallel()
	b := honorBench(t)
	_, one := b.phone(t)
	_, two := b.phone(t)
	targets := []provider.Target{one, {Token: "nobody"}, two}
	outcomes := b.provider(t).Send(t.Context(), providertest.Notification(), targets)
	expect(t, outcomes, message.Accepted, message.InvalidToken, message.Accepted)
	if o := outcomes[1]; o.Detail != "named in data.failTokens" || o.Code != "80100000" {
		t.Errorf("got %+v", o)
	}
}

func TestHonorWrongIdentifiers(t *testing.T) {
	t.Parallel()
	b := honorBench(t)
	_, target := b.phone(t)
	n, targets := providertest.Notification(), []provider.Target{target}
	good := *b.row.Honor
	for code, change := range map[string]func(*config.HonorChannel){
		"10205":               func(c *config.HonorChannel) { c.AppID = "9" },
		"invalid_client":      func(c *config.HonorChannel) { c.ClientID = "9" },
		"unauthorized_client": func(c *config.HonorChannel) { c.ClientSecret = config.NewSecret("other") },
		"80200020":            func(c *config.HonorChannel) { c.ReceiptID = "other" },
	} {
		b.row.Honor = new(good)
		change(b.row.Honor)
		if o := b.provider(t).Send(t.Context(), n, targets)[0]; o.Code != code || o.Class != message.CredentialRejected && code != "80200020" {
			t.Errorf("%s: got %+v", code, o)
		}
	}
}

// TestHonorWithAWrongClock keeps the pushes until the clock is right.
func TestHonorWithAWrongClock(t *testing.T) {
	t.Parallel()
	b := honorBench(t)
	_, target := b.phone(t)
	must(t, b.sim.SetFault(t.Context(), b.vendor, traffic.Fault{Code: "10207", Path: "sendMessage", Count: 1}))
	p := b.provider(t)
	expect(t, p.Send(t.Context(), providertest.Notification(), []provider.Target{target}), message.CredentialRejected)
	expect(t, p.Send(t.Context(), providertest.Notification(), []provider.Target{target}), message.Accepted)
}

func TestHonorClasses(t *testing.T) {
	t.Parallel()
	b := honorApp(t, honor.App{TestQuota: 1, SensitiveWords: []string{"forbidden"}})
	p := b.provider(t)
	_, target := b.phone(t)
	for i, tt := range []struct {
		title   string
		setting config.HonorSetting
		code    string
		want    message.Class
	}{
		{"Anna", config.HonorSetting{}, "200", message.Accepted},
		{"Anna", config.HonorSetting{Importance: "Low"}, "200", message.Accepted},
		{"Anna", config.HonorSetting{Importance: "Normal"}, "80200022", message.Rejected},
		{"Anna", config.HonorSetting{MessageType: "Data"}, "80200022", message.Rejected},
		{"Anna", config.HonorSetting{Test: true}, "200", message.Accepted},
		{"Anna", config.HonorSetting{Test: true}, "80200047", message.QuotaExhausted},
		{"forbidden", config.HonorSetting{}, "80200056", message.Rejected},
		{strings.Repeat("好", 41), config.HonorSetting{}, "200", message.Accepted},
	} {
		n := providertest.Notification()
		n.Title, n.Setting.Honor = tt.title, &tt.setting
		if o := p.Send(t.Context(), n, []provider.Target{target})[0]; o.Class != tt.want || o.Code != tt.code {
			t.Errorf("%d: got %+v, want %s by %s", i, o, tt.want, tt.code)
		}
	}
}

// TestHonorShowsEverything has all that a phone can read of a push, and the largest one.
func TestHonorShowsEverything(t *testing.T) {
	t.Parallel()
	b := honorApp(t, honor.App{Service: true, Data: true})
	p := b.provider(t)
	id, target := b.phone(t)
	n := providertest.Notification()
	n.Image, n.BadgeIncrement = "https://x.example/p.png", 2
	n.Setting.Honor = &config.HonorSetting{Importance: "Normal", ClickAction: config.ClickAction{Type: config.OpenPage, URI: "intent://x#Intent;end"}}
	expect(t, p.Send(t.Context(), n, []provider.Target{target}), message.Accepted)
	n.Payload = strings.Repeat("<", 3400)
	n.Setting.Honor = &config.HonorSetting{MessageType: "Data"}
	expect(t, p.Send(t.Context(), n, []provider.Target{target}), message.Accepted)
	n.Payload = strings.Repeat("<", 4000)
	expect(t, p.Send(t.Context(), n, []provider.Target{target}), message.Rejected)
	arrivals, err := b.sim.Notifications(t.Context(), id, 0, 0)
	must(t, err)
	if len(arrivals) != 2 {
		t.Fatalf("got %+v", arrivals)
	}
	got := arrivals[0]
	want := [4]string{"NORMAL", "https://x.example/p.png", "intent://x#Intent;end", "931695261"}
	if diff := cmp.Diff(want, [4]string{got.Category, got.Image, got.Click, got.ReplaceID}); diff != "" || got.Badge == nil || *got.Badge != 2 {
		t.Errorf("badge %v (-want +got):\n%s", got.Badge, diff)
	}
	if got := arrivals[1]; got.Kind != phone.Data || got.Data["title"] != "Anna" || got.Data["body"] != "Lunch?" || len(got.Payload) != 3400 {
		t.Errorf("the app gets %+v", got)
	}
}

func TestHonorReceipts(t *testing.T) {
	t.Parallel()
	b := honorApp(t, honor.App{})
	receipts := b.listen(t)
	a := honor.App{ // with the URL, which its console has, not a push
		AppID: b.app, ClientID: b.row.Honor.ClientID, ClientSecret: b.row.Honor.ClientSecret.Reveal(), Data: true,
		MarketingPerPhone: 1, ReceiptURL: b.receipts.Reveal(), ReceiptIDs: []string{"r"},
	}
	must(t, b.sim.CreateApp(t.Context(), honor.Name, a, &a))
	b.row.Honor.ReceiptID = "r"
	p := b.provider(t)
	id, target := b.phone(t)
	n, targets := providertest.Notification(), []provider.Target{target}
	expect(t, p.Send(t.Context(), n, targets), message.Accepted)
	expectReceipts(t, receipts, n.MessageID, reported{target.Token, provider.Delivered, "40000002"})
	expect(t, p.Send(t.Context(), n, targets), message.Accepted)
	expectReceipts(t, receipts, n.MessageID, reported{target.Token, provider.Dropped, "40000009"})
	n.Setting.Honor = &config.HonorSetting{MessageType: "Data"}
	expect(t, p.Send(t.Context(), n, targets), message.Accepted)
	expectReceipts(t, receipts, n.MessageID, reported{target.Token, provider.Delivered, "40000001"})
	_, err := b.sim.SetState(t.Context(), id, phone.Change{PushEnabled: new(false)})
	must(t, err)
	n.Setting.Honor = &config.HonorSetting{Test: true}
	expect(t, p.Send(t.Context(), n, targets), message.Accepted)
	expectReceipts(t, receipts, n.MessageID, reported{target.Token, provider.Dropped, "40000006"})
}

func TestHonorWaitsForMidnight(t *testing.T) {
	t.Parallel()
	b := honorBench(t)
	p := b.provider(t)
	_, target := b.phone(t)
	must(t, b.sim.SetFault(t.Context(), b.vendor, traffic.Fault{Quota: true, Path: "sendMessage"}))
	o := p.Send(t.Context(), providertest.Notification(), []provider.Target{target})[0]
	if left := provider.UntilMidnight(time.Now()); o.Class != message.QuotaExhausted || (o.RetryAfter-left).Abs() > time.Minute {
		t.Errorf("got %+v, midnight is in %s", o, left)
	}
}
