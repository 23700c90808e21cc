package catalog

import (
	"fmt"
	"testing"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/provider/providertest"
	"github.com/offlinepush/operator/dispatcher/simulator/oppo"
	"github.com/offlinepush/operator/dispatcher/simulator/traffic"
)

func oppoBench(t *testing.T) bench {
	t.Helper()
	return oppoApp(t, oppo.App{Categories: []string{"IM"}})
}

// oppoApp is a bench with an app of these properties.
func oppoApp(t *testing.T, a oppo.App) bench {
	t.Helper()
	s := simulated(t)
	sim := s.Client()
	a.AppKey = "oppo-" + app
	var made oppo.App
	must(t, sim.CreateApp(t.Context(), oppo.Name, a, &made))
	row := func(secret string) *config.OPPOChannel {
		return &config.OPPOChannel{AppKey: a.AppKey, Region: "China", MasterSecret: config.NewSecret(secret)}
	}
	return bench{
		vendor: oppo.Name, app: a.AppKey, account: a.AppKey, sim: sim, quota: message.QuotaExhausted,
		row: config.Channel{
			Name: "oppo", Vendor: string(OPPO), AppType: 1,
			Endpoint: config.Endpoint{URL: s.URL + "/oppo", CABundle: string(s.CA)},
			OPPO:     row(made.MasterSecret),
		},
		rotate: func(t *testing.T, c config.Channel) config.Channel {
			t.Helper()
			var rotated oppo.App
			must(t, sim.RotateApp(t.Context(), oppo.Name, a.AppKey, "", &rotated))
			c.OPPO = row(rotated.MasterSecret)
			return c
		},
	}
}

func TestOPPORefreshesExpiredTokens(t *testing.T) {
	t.Parallel()
	b := oppoBench(t)
	p := b.provider(t)
	_, one := b.phone(t)
	_, two := b.phone(t)
	n, targets := providertest.Notification(), []provider.Target{one, two}
	expect(t, p.Send(t.Context(), n, targets), message.Accepted, message.Accepted)
	must(t, b.sim.ExpireTokens(t.Context(), b.vendor))
	n.DedupID = "another"
	for i, o := range p.Send(t.Context(), n, targets) {
		if o.Class != message.Accepted || o.Code != "0" || o.VendorMessageID == "" {
			t.Errorf("target %d: got %+v", i, o)
		}
	}
}

func TestOPPODeliversARepetitionOnce(t *testing.T) {
	t.Parallel()
	b := oppoBench(t)
	p := b.provider(t)
	id, target := b.phone(t)
	_, other := b.phone(t)
	n := providertest.Notification()
	must(t, b.sim.SetFault(t.Context(), b.vendor, traffic.Fault{DropResponseAfterAccept: true, Count: 1, Path: "unicast"}))
	expect(t, p.Send(t.Context(), n, []provider.Target{target}), message.Transient)
	for _, targets := range [][]provider.Target{{target}, {target, other}} {
		o := p.Send(t.Context(), n, targets)[0]
		if o.Class != message.Accepted || o.Code != "32" {
			t.Errorf("a repetition to %d phones: got %+v", len(targets), o)
		}
	}
	arrivals, err := b.sim.Notifications(t.Context(), id, 0, 0)
	must(t, err)
	if len(arrivals) != 1 {
		t.Errorf("%d notifications arrived, want 1", len(arrivals))
	}
}

func TestOPPOClasses(t *testing.T) {
	t.Parallel()
	b := oppoApp(t, oppo.App{Categories: []string{"IM"}, DayQuota: 1, Templates: []oppo.Template{{ID: "t", Title: []string{"from"}}}})
	p := b.provider(t)
	id, target := b.phone(t)
	for i, tt := range []struct {
		setting config.OPPOSetting
		tpl     *message.Template
		want    message.Class
		code    string
	}{
		{config.OPPOSetting{Category: "NEWS", Marketing: true, TemplateID: "t"}, nil, message.Accepted, "0"},
		{config.OPPOSetting{}, nil, message.QuotaExhausted, "33"},
		{config.OPPOSetting{Category: "IM", NotifyLevel: 2, ChannelID: "chat"}, nil, message.Accepted, "0"},
		{config.OPPOSetting{Category: "IM", NotifyLevel: 16}, nil, message.Rejected, "67"},
		{config.OPPOSetting{Category: "ORDER"}, nil, message.Rejected, "67"},
		{config.OPPOSetting{Category: "IM", TemplateID: "t"}, nil, message.Rejected, "41"},
		{config.OPPOSetting{Category: "IM", TemplateID: "t"}, &message.Template{TitleParameters: `{"from":"Anna"}`}, message.Accepted, "0"},
		{config.OPPOSetting{Category: "IM"}, &message.Template{ID: "other", TitleParameters: `{"from":"Anna"}`}, message.Rejected, "41"},
	} {
		n := providertest.Notification()
		n.DedupID, n.Setting.OPPO, n.Template = fmt.Sprint(i), &tt.setting, tt.tpl
		if o := p.Send(t.Context(), n, []provider.Target{target})[0]; o.Class != tt.want || o.Code != tt.code {
			t.Errorf("%d: got %+v, want %s by %s", i, o, tt.want, tt.code)
		}
	}
	arrivals, err := b.sim.Notifications(t.Context(), id, 1, 0)
	must(t, err)
	if got := arrivals[0]; got.Category != "IM" || got.Channel != "chat" {
		t.Errorf("the phone shows %+v", got)
	}
}

func TestOPPOPages(t *testing.T) {
	t.Parallel()
	b := oppoBench(t)
	p := b.provider(t)
	id, target := b.phone(t)
	for i, click := range []config.ClickAction{
		{Type: config.OpenApp},
		{Type: config.OpenURL, URI: "https://chat.example/news"},
		{Type: config.OpenPage, URI: "com.example.chat.DetailActivity"},
		{Type: config.OpenPage, URI: "com.example.chat.detail"},
		{Type: config.OpenPage, URI: "intent://chat#Intent;scheme=x;end"},
	} {
		n := providertest.Notification()
		n.DedupID, n.Setting.OPPO, n.BadgeIncrement = fmt.Sprint(i), &config.OPPOSetting{ClickAction: click}, 2
		expect(t, p.Send(t.Context(), n, []provider.Target{target}), message.Accepted)
		arrivals, err := b.sim.Notifications(t.Context(), id, int64(i), 0)
		must(t, err)
		if got := arrivals[0]; got.Click != click.URI || got.Badge == nil || *got.Badge != int32(2*i+2) {
			t.Errorf("%+v: the phone shows %+v", click, got)
		}
	}
}

func TestOPPOReceipts(t *testing.T) {
	t.Parallel()
	b := oppoApp(t, oppo.App{PhoneQuota: 1})
	receipts := b.listen(t)
	p := b.provider(t)
	_, shown := b.phone(t)
	gone, dead := b.phone(t)
	must(t, b.sim.Uninstall(t.Context(), gone))
	n := providertest.Notification()
	expect(t, p.Send(t.Context(), n, []provider.Target{shown}), message.Accepted)
	expectReceipts(t, receipts, n.MessageID, reported{shown.Token, provider.Delivered, "push_arrive"})
	n.DedupID = "another"
	expect(t, p.Send(t.Context(), n, []provider.Target{shown}), message.Accepted)
	expectReceipts(t, receipts, n.MessageID, reported{shown.Token, provider.Dropped, "user_daily_limit"})
	n.DedupID = "third"
	expect(t, p.Send(t.Context(), n, []provider.Target{dead}), message.InvalidToken)
	expectReceipts(t, receipts, n.MessageID, reported{dead.Token, provider.TokenInvalid, "regid_invalid"})
}
