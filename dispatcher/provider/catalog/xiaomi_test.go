package catalog

import (
	"strings"
	"testing"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/provider/providertest"
	"github.com/offlinepush/operator/dispatcher/simulator/phone"
	"github.com/offlinepush/operator/dispatcher/simulator/xiaomi"
)

func xiaomiBench(t *testing.T) bench {
	t.Helper()
	s := simulated(t)
	sim := s.Client()
	made, err := sim.CreateXiaomiApp(t.Context(), xiaomi.App{PackageName: "com." + app, Channels: []xiaomi.Channel{{ID: "im", Private: true}}})
	must(t, err)
	return bench{
		vendor: xiaomi.Name, app: made.PackageName, account: made.PackageName, sim: sim, quota: message.QuotaExhausted,
		rotate: func(t *testing.T, row config.Channel) config.Channel {
			t.Helper()
			rotated, err := sim.RotateXiaomiApp(t.Context(), made.PackageName, "")
			must(t, err)
			row.Xiaomi = &config.XiaomiChannel{PackageName: made.PackageName, Region: "China", AppSecret: config.NewSecret(rotated.AppSecret)}
			return row
		},
		row: config.Channel{
			Name: "xiaomi", Vendor: string(Xiaomi), AppType: 1,
			Endpoint: config.Endpoint{URL: s.URL + "/xiaomi", CABundle: string(s.CA)},
			Xiaomi:   &config.XiaomiChannel{PackageName: made.PackageName, Region: "China", AppSecret: config.NewSecret(made.AppSecret)},
		},
	}
}

func TestXiaomiRefusesACategory(t *testing.T) {
	t.Parallel()
	b := xiaomiBench(t)
	p := b.provider(t)
	_, target := b.phone(t)
	n := providertest.Notification()
	for channel, want := range map[string]message.Class{"im": message.Accepted, "unknown": message.Rejected} {
		n.Setting.Xiaomi = &config.XiaomiSetting{ChannelID: channel}
		expect(t, p.Send(t.Context(), n, []provider.Target{target}), want)
	}
	n.Payload = strings.Repeat("好", 800)
	n.Setting.Xiaomi = nil
	expect(t, p.Send(t.Context(), n, []provider.Target{target}), message.Accepted)
	b.row.Xiaomi.PackageName = "com.example.wrong"
	expect(t, b.provider(t).Send(t.Context(), n, []provider.Target{target}), message.CredentialRejected)
}

func TestXiaomiReceipts(t *testing.T) {
	t.Parallel()
	b := xiaomiBench(t)
	receipts := b.listen(t)
	p := b.provider(t)
	id, shown := b.phone(t)
	quiet, disabled := b.phone(t)
	gone, dead := b.phone(t)
	must(t, b.sim.Uninstall(t.Context(), gone))
	_, err := b.sim.SetState(t.Context(), quiet, phone.Change{PushEnabled: new(false)})
	must(t, err)
	n := providertest.Notification()
	outcomes := p.Send(t.Context(), n, []provider.Target{shown, disabled, dead})
	expect(t, outcomes, message.Accepted, message.Accepted, message.InvalidToken)
	expectReceipts(t, receipts, n.MessageID,
		reported{shown.Token, provider.Delivered, "1"}, reported{disabled.Token, provider.Dropped, "32"},
		reported{dead.Token, provider.TokenInvalid, "16"})
	must(t, b.sim.Click(t.Context(), id, 1))
	expectReceipts(t, receipts, n.MessageID, reported{shown.Token, provider.Clicked, "2"})
}

func TestXiaomiTemplates(t *testing.T) {
	t.Parallel()
	b := xiaomiBench(t)
	var made xiaomi.App
	must(t, b.sim.CreateApp(t.Context(), b.vendor, xiaomi.App{
		PackageName: b.app, AppSecret: b.row.Xiaomi.AppSecret.Reveal(),
		Channels: []xiaomi.Channel{{ID: "im", Private: true, Templates: []xiaomi.Template{{ID: "P1", Parameters: []string{"from", "about"}}}}},
	}, &made))
	p := b.provider(t)
	_, target := b.phone(t)
	for _, tt := range []struct {
		setting config.XiaomiSetting
		tpl     *message.Template
		want    message.Class
	}{
		{config.XiaomiSetting{ChannelID: "im", TemplateID: "P1"}, &message.Template{TitleParameters: `{"from":"Anna"}`, ContentParameters: `{"about":"lunch"}`}, message.Accepted},
		{config.XiaomiSetting{ChannelID: "im", TemplateID: "P1"}, &message.Template{TitleParameters: `{"from":"Anna"}`}, message.Rejected},
		{config.XiaomiSetting{ChannelID: "im", TemplateID: "P1"}, nil, message.Rejected},
		{config.XiaomiSetting{ChannelID: "im"}, nil, message.Rejected},
		{config.XiaomiSetting{}, nil, message.Accepted},
	} {
		n := providertest.Notification()
		n.Setting.Xiaomi, n.Template = &tt.setting, tt.tpl
		expect(t, p.Send(t.Context(), n, []provider.Target{target}), tt.want)
	}
}
