package catalog

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/provider/providertest"
	"github.com/offlinepush/operator/dispatcher/simulator"
	"github.com/offlinepush/operator/dispatcher/simulator/huawei"
	"github.com/offlinepush/operator/dispatcher/simulator/pushkit"
)

// huaweiID is the app's: Huawei's ids are digits.
const huaweiID = "104711000"

func huaweiBench(t *testing.T) bench {
	t.Helper()
	return huaweiApp(t, huawei.App{Account: pushkit.Account{Categories: []string{"IM"}}})
}

// huaweiApp is a bench with an app of these properties.
func huaweiApp(t *testing.T, a huawei.App) bench {
	t.Helper()
	s := simulated(t)
	sim := s.Client()
	a.AppID = huaweiID
	var made huawei.App
	must(t, sim.CreateApp(t.Context(), huawei.Name, a, &made))
	row := func(secret string) *config.HuaweiChannel {
		return &config.HuaweiChannel{AppID: huaweiID, BadgeClass: "com.example.Main", AppSecret: config.NewSecret(secret)}
	}
	return bench{
		vendor: huawei.Name, app: huaweiID, account: huaweiID, sim: sim, quota: message.Throttled, unavailable: message.Throttled,
		row: config.Channel{
			Name: "huawei", Vendor: string(Huawei), AppType: 1,
			Endpoint: config.Endpoint{URL: s.URL + "/huawei", AuthURL: s.URL + "/huawei/oauth2/v3/token", CABundle: string(s.CA)},
			Huawei:   row(made.AppSecret),
		},
		rotate: func(t *testing.T, c config.Channel) config.Channel {
			t.Helper()
			var rotated huawei.App
			must(t, sim.RotateApp(t.Context(), huawei.Name, huaweiID, "", &rotated))
			c.Huawei = row(rotated.AppSecret)
			return c
		},
	}
}

// withHuawei is a push with Huawei's setting.
func withHuawei(s config.HuaweiSetting) provider.Notification {
	n := providertest.Notification()
	n.Setting.Huawei = &s
	return n
}

func TestHuaweiRefreshesExpiredTokens(t *testing.T) {
	t.Parallel()
	b := huaweiApp(t, huawei.App{Account: pushkit.Account{Categories: []string{"IM"}, MarketingPerDay: 9}})
	p := b.provider(t)
	_, one := b.phone(t)
	_, two := b.phone(t)
	targets := []provider.Target{one, two}
	expect(t, p.Send(t.Context(), providertest.Notification(), targets), message.Accepted, message.Accepted)
	must(t, b.sim.ExpireTokens(t.Context(), b.vendor))
	expect(t, p.Send(t.Context(), providertest.Notification(), targets), message.Accepted, message.Accepted)
}

func TestHuaweiFields(t *testing.T) {
	t.Parallel()
	b := huaweiBench(t)
	p := b.provider(t)
	id, target := b.phone(t)
	n := withHuawei(config.HuaweiSetting{
		Category: "IM", ChannelID: "chat", Sound: "/raw/ring", ClickAction: config.ClickAction{Type: config.OpenPage, URI: "intent://x"},
	})
	n.Image, n.BadgeIncrement = "https://example.com/a.png", 2
	for range 2 {
		expect(t, p.Send(t.Context(), n, []provider.Target{target}), message.Accepted)
	}
	arrivals, err := b.sim.Notifications(t.Context(), id, 1, 10*time.Second)
	must(t, err)
	got := arrivals[0]
	if got.Category != "IM" || got.Channel != "chat" || got.Sound != "/raw/ring" || got.Click != "intent://x" || got.Image != n.Image {
		t.Errorf("the phone shows %+v", got)
	}
	if got.Badge == nil || *got.Badge != 4 || got.Replaces != 1 {
		t.Errorf("the phone counts %+v", got)
	}
}

// TestHuaweiDataMessages: high priority needs a right.
func TestHuaweiDataMessages(t *testing.T) {
	t.Parallel()
	for right, want := range map[bool]message.Class{true: message.Accepted, false: message.Rejected} {
		b := huaweiApp(t, huawei.App{HighPriority: right})
		p := b.provider(t)
		id, target := b.phone(t)
		n := withHuawei(config.HuaweiSetting{MessageType: "Data"})
		n.Urgent = true
		expect(t, p.Send(t.Context(), n, []provider.Target{target}), want)
		if !right {
			continue
		}
		arrivals, err := b.sim.Notifications(t.Context(), id, 0, 10*time.Second)
		must(t, err)
		if got := arrivals[0]; got.Kind != "data" || got.Data["title"] != n.Title || got.Data["body"] != n.Content || got.Payload != n.Payload {
			t.Errorf("the app gets %+v", got)
		}
	}
}

func TestHuaweiRefusals(t *testing.T) {
	t.Parallel()
	b := huaweiApp(t, huawei.App{Account: pushkit.Account{Sensitive: []string{"lottery"}}})
	p := b.provider(t)
	_, target := b.phone(t)
	sensitive := providertest.Notification()
	sensitive.Content = "Win the lottery"
	for code, n := range map[string]provider.Notification{
		"80100001": withHuawei(config.HuaweiSetting{Category: "GOSSIP"}),
		"80100003": withHuawei(config.HuaweiSetting{ClickAction: config.ClickAction{Type: config.OpenURL, URI: "http://example.com"}}),
		"80100016": sensitive,
	} {
		o := p.Send(t.Context(), n, []provider.Target{target})[0]
		if o.Class != message.Rejected || o.Code != code || o.Detail == "" {
			t.Errorf("got %+v, want %s", o, code)
		}
	}
	b.row.Huawei.ReceiptID = "missing"
	if o := b.provider(t).Send(t.Context(), providertest.Notification(), []provider.Target{target})[0]; o.Code != "80300013" {
		t.Errorf("got %+v, want 80300013", o)
	}
	b.row.Huawei.AppID = "999"
	if o := b.provider(t).Probe(t.Context()); o.Class != message.CredentialRejected || o.Code != "1101/20003" {
		t.Errorf("another app: got %+v", o)
	}
	b.row.Huawei.AppID = "app"
	if o := b.provider(t).Probe(t.Context()); o.Class != message.CredentialRejected || o.Code != "1101/20002" {
		t.Errorf("no id: got %+v", o)
	}
}

// TestHuaweiForeignToken: Push Kit refuses the whole request for the token of another app.
func TestHuaweiForeignToken(t *testing.T) {
	t.Parallel()
	b := huaweiBench(t)
	var other huawei.App
	must(t, b.sim.CreateApp(t.Context(), huawei.Name, huawei.App{AppID: "999"}, &other))
	made, err := b.sim.CreatePhone(t.Context(), simulator.NewPhone{Vendor: b.vendor, App: "999"})
	must(t, err)
	foreign := provider.Target{Token: made.Token, UserHash: "u"}
	p := b.provider(t)
	_, good := b.phone(t)
	n := withHuawei(config.HuaweiSetting{Category: "IM"})
	expect(t, p.Send(t.Context(), n, []provider.Target{foreign}), message.CredentialRejected)
	expect(t, p.Send(t.Context(), n, []provider.Target{foreign, good}), message.Rejected, message.Accepted)
}

func TestHuaweiReceipts(t *testing.T) {
	t.Parallel()
	a := huawei.App{AppID: huaweiID, AppSecret: "secret", Account: pushkit.Account{Categories: []string{"IM"}}}
	b := huaweiApp(t, a)
	b.row.Huawei.ReceiptUser, b.row.Huawei.ReceiptKey = config.NewSecret("user"), config.NewSecret("key")
	b.row.Huawei.ReceiptID = "signed"
	receipts := b.listen(t)
	a.Receipts = []pushkit.ReceiptConfig{
		{ID: "elsewhere", URL: "https://localhost:1/"},
		{ID: "signed", URL: b.receipts.Reveal(), User: "user", Key: "key"},
	}
	must(t, b.sim.CreateApp(t.Context(), huawei.Name, a, &a))
	p := b.provider(t)
	checkReceipts(t, b, p, receipts, withHuawei(config.HuaweiSetting{Category: "IM"}))
}

// checkReceipts pushes to a phone that shows it and one that does not, then over the day's limit of marketing.
func checkReceipts(t *testing.T, b bench, p provider.Provider, receipts <-chan provider.Receipt, classified provider.Notification) {
	t.Helper()
	_, shown := b.phone(t)
	id, hidden := b.phone(t)
	_, err := b.sim.SetState(t.Context(), id, pushDisabled())
	must(t, err)
	expect(t, p.Send(t.Context(), classified, []provider.Target{shown, hidden}), message.Accepted, message.Accepted)
	expectReceipts(t, receipts, classified.MessageID,
		reported{shown.Token, provider.Delivered, "0"}, reported{hidden.Token, provider.Dropped, "6"})
	marketing := providertest.Notification()
	var events []provider.Event
	for range 3 {
		expect(t, p.Send(t.Context(), marketing, []provider.Target{shown}), message.Accepted)
		select {
		case r := <-receipts:
			events = append(events, r.Event)
		case <-time.After(time.Minute):
			t.Fatal("no receipt")
		}
	}
	if diff := cmp.Diff([]provider.Event{provider.Delivered, provider.Delivered, provider.Dropped}, events); diff != "" {
		t.Errorf("two marketing pushes a day (-want +got):\n%s", diff)
	}
}
