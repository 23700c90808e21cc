package catalog

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/provider/providertest"
	"github.com/offlinepush/operator/dispatcher/simulator"
	"github.com/offlinepush/operator/dispatcher/simulator/phone"
	"github.com/offlinepush/operator/dispatcher/simulator/traffic"
	"github.com/offlinepush/operator/dispatcher/simulator/vivo"
)

const vivoApp = 104711

func vivoBench(t *testing.T) bench {
	t.Helper()
	return vivoAppBench(t, vivo.App{})
}

// vivoAppBench is a bench with an app of these properties.
func vivoAppBench(t *testing.T, a vivo.App) bench {
	t.Helper()
	s := simulated(t)
	sim := s.Client()
	a.AppID, a.AppKey = vivoApp, "key-4711"
	var made vivo.App
	must(t, sim.CreateApp(t.Context(), vivo.Name, a, &made))
	id := strconv.Itoa(vivoApp)
	row := func(secret string) *config.VivoChannel {
		return &config.VivoChannel{AppID: a.AppID, AppKey: a.AppKey, AppSecret: config.NewSecret(secret)}
	}
	return bench{
		vendor: vivo.Name, app: id, account: id, sim: sim, quota: message.QuotaExhausted,
		row: config.Channel{
			Name: "vivo", Vendor: string(Vivo), AppType: 1,
			Endpoint: config.Endpoint{URL: s.URL + "/vivo", CABundle: string(s.CA)},
			Vivo:     row(made.AppSecret),
		},
		rotate: func(t *testing.T, c config.Channel) config.Channel {
			t.Helper()
			var rotated vivo.App
			must(t, sim.RotateApp(t.Context(), vivo.Name, id, "", &rotated))
			c.Vivo = row(rotated.AppSecret)
			return c
		},
	}
}

func TestVivoRefreshesExpiredTokens(t *testing.T) {
	t.Parallel()
	b := vivoBench(t)
	p := b.provider(t)
	_, one := b.phone(t)
	_, two := b.phone(t)
	n, targets := providertest.Notification(), []provider.Target{one, two}
	for _, event := range []string{"first", "second"} {
		n.DedupID = event
		expect(t, p.Send(t.Context(), n, targets), message.Accepted, message.Accepted)
		must(t, b.sim.ExpireTokens(t.Context(), b.vendor))
		expect(t, p.Send(t.Context(), n, targets[:1]), message.Accepted)
	}
}

// TestVivoDeliversARepetitionOnce has lists whose answers are lost.
func TestVivoDeliversARepetitionOnce(t *testing.T) {
	t.Parallel()
	b := vivoBench(t)
	p := b.provider(t)
	var ids []string
	var targets []provider.Target
	for range 3 {
		id, target := b.phone(t)
		ids, targets = append(ids, id), append(targets, target)
	}
	must(t, b.sim.Uninstall(t.Context(), ids[2]))
	n, lost := providertest.Notification(), traffic.Fault{DropResponseAfterAccept: true, Count: 1, Path: "pushToList"}
	must(t, b.sim.SetFault(t.Context(), b.vendor, lost))
	expect(t, p.Send(t.Context(), n, targets), message.Transient, message.Transient, message.Transient)
	expect(t, p.Send(t.Context(), n, targets), message.Accepted, message.Accepted, message.InvalidToken)
	for _, id := range ids[:2] {
		arrivals, err := b.sim.Notifications(t.Context(), id, 0, 0)
		must(t, err)
		if len(arrivals) != 1 {
			t.Errorf("%d notifications arrived, want 1", len(arrivals))
		}
	}
	expect(t, p.Send(t.Context(), n, targets[1:2]), message.Accepted) // a part of the list is another call
	arrivals, err := b.sim.Notifications(t.Context(), ids[1], 1, 10*time.Second)
	must(t, err)
	if len(arrivals) != 1 || arrivals[0].Replaces != 1 {
		t.Errorf("got %+v", arrivals)
	}
}

func TestVivoClasses(t *testing.T) {
	t.Parallel()
	b := vivoAppBench(t, vivo.App{OperationQuota: 1})
	p := b.provider(t)
	id, target := b.phone(t)
	_, other := b.phone(t)
	page := config.ClickAction{Type: config.OpenPage, URI: "intent://chat/detail#Intent;scheme=x;end"}
	for i, tt := range []struct {
		setting config.VivoSetting
		want    message.Class
		code    string
	}{
		{config.VivoSetting{}, message.Accepted, "0"},
		{config.VivoSetting{}, message.QuotaExhausted, "10070"},
		{config.VivoSetting{Category: "IM", ClickAction: page}, message.Accepted, "0"},
		{config.VivoSetting{Category: "IM", Classification: "System"}, message.Accepted, "0"},
		{config.VivoSetting{Category: "IM", Classification: "Operation"}, message.Rejected, "10097"},
		{config.VivoSetting{Category: "CHAT"}, message.Rejected, "10096"},
		{config.VivoSetting{Category: "NEWS", Classification: "Operation"}, message.QuotaExhausted, "10070"},
	} {
		n := providertest.Notification()
		n.Setting.Vivo, n.BadgeIncrement = &tt.setting, 1
		for kind, targets := range map[string][]provider.Target{"single": {target}, "list": {target, other}} {
			n.DedupID = strconv.Itoa(i) + kind
			if kind == "list" && i == 0 {
				continue // would use up the quota
			}
			for _, o := range p.Send(t.Context(), n, targets) {
				if o.Class != tt.want || o.Code != tt.code {
					t.Errorf("%d, %s: got %+v, want %s by %s", i, kind, o, tt.want, tt.code)
				}
			}
		}
	}
	arrivals, err := b.sim.Notifications(t.Context(), id, 1, 10*time.Second)
	must(t, err)
	got := arrivals[0]
	const extra = "intent://chat/detail#Intent;scheme=x;S.payload=%7B%22conversation%22:%22anna%22%7D;S.offlinepush="
	if got.Category != "IM" || !strings.HasPrefix(got.Click, extra) || got.Badge == nil || *got.Badge < 2 {
		t.Errorf("the phone shows %+v", got)
	}
}

func TestVivoTestMessages(t *testing.T) {
	t.Parallel()
	b := vivoAppBench(t, vivo.App{UnderReview: true, TestPhones: []string{"tester"}})
	p := b.provider(t)
	_, ordinary := b.phone(t)
	_, err := b.sim.CreatePhone(t.Context(), simulator.NewPhone{Vendor: b.vendor, App: b.app, Token: "tester"})
	must(t, err)
	n, targets := providertest.Notification(), []provider.Target{{Token: "tester"}, ordinary}
	expect(t, p.Send(t.Context(), n, targets), message.CredentialRejected, message.CredentialRejected)
	n.Setting.Vivo = &config.VivoSetting{Test: true}
	outcomes := p.Send(t.Context(), n, targets)
	expect(t, outcomes, message.Accepted, message.Rejected)
	if outcomes[1].Code != "status 4" {
		t.Errorf("got %+v", outcomes[1])
	}
	expect(t, p.Send(t.Context(), n, targets[1:]), message.Rejected)
}

func TestVivoReceipts(t *testing.T) {
	t.Parallel()
	b := vivoBench(t)
	receipts := b.listen(t)
	p := b.provider(t)
	_, single := b.phone(t)
	n := providertest.Notification()
	expect(t, p.Send(t.Context(), n, []provider.Target{single}), message.Accepted)
	expectReceipts(t, receipts, n.MessageID, reported{single.Token, provider.Delivered, "0"})
}

// TestVivoReceiptsByID has a URL that is registered in the console, which hears of lists and of failures too.
func TestVivoReceiptsByID(t *testing.T) {
	t.Parallel()
	url := bench{row: config.Channel{Vendor: string(Vivo)}}
	receipts := url.listen(t)
	b := vivoAppBench(t, vivo.App{Receipts: map[string]string{"7": url.receipts.Reveal()}})
	b.receipts, b.row.Vivo.ReceiptID = url.receipts, "7"
	p := b.provider(t)
	_, one := b.phone(t)
	quiet, two := b.phone(t)
	_, err := b.sim.SetState(t.Context(), quiet, phone.Change{PushEnabled: new(false)})
	must(t, err)
	n := providertest.Notification()
	outcomes := p.Send(t.Context(), n, []provider.Target{one, two})
	expect(t, outcomes, message.Accepted, message.Accepted)
	expectReceipts(t, receipts, n.MessageID, reported{one.Token, provider.Delivered, "0"}, reported{two.Token, provider.Dropped, "104"})
	if diff := cmp.Diff(outcomes[0], outcomes[1]); diff != "" {
		t.Errorf("one list, two outcomes:\n%s", diff)
	}
	o := p.Send(t.Context(), n, []provider.Target{two})[0]
	if o.Class != message.Rejected || o.Code != "10311" {
		t.Errorf("single: got %+v", o)
	}
}
