package catalog

import (
	"errors"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/provider/providertest"
	"github.com/offlinepush/operator/dispatcher/simulator/meizu"
	"github.com/offlinepush/operator/dispatcher/simulator/phone"
)

func meizuBench(t *testing.T) bench {
	t.Helper()
	return meizuApp(t, meizu.App{})
}

// meizuApp is a bench with an app of these properties.
func meizuApp(t *testing.T, a meizu.App) bench {
	t.Helper()
	s := simulated(t)
	sim := s.Client()
	a.AppID, a.ReceiptToken = "100999", "receipt-token"
	var made meizu.App
	must(t, sim.CreateApp(t.Context(), meizu.Name, a, &made))
	row := func(secret string) *config.MeizuChannel {
		return &config.MeizuChannel{
			AppID: a.AppID, Region: "China", AppSecret: config.NewSecret(secret), ReceiptToken: config.NewSecret(a.ReceiptToken),
		}
	}
	return bench{
		vendor: meizu.Name, app: a.AppID, account: a.AppID, sim: sim, quota: message.QuotaExhausted,
		row: config.Channel{
			Name: "meizu", Vendor: string(Meizu), AppType: 1,
			Endpoint: config.Endpoint{URL: s.URL + "/meizu", CABundle: string(s.CA)},
			Meizu:    row(made.AppSecret),
		},
		rotate: func(t *testing.T, c config.Channel) config.Channel {
			t.Helper()
			var rotated meizu.App
			must(t, sim.RotateApp(t.Context(), meizu.Name, a.AppID, "", &rotated))
			c.Meizu = row(rotated.AppSecret)
			return c
		},
	}
}

// TestMeizuNamesTheFailed has phones that fail for different reasons in one request.
func TestMeizuNamesTheFailed(t *testing.T) {
	t.Parallel()
	b := meizuApp(t, meizu.App{PublicPerPhone: 1})
	p := b.provider(t)
	_, good := b.phone(t)
	_, full := b.phone(t)
	muted, silent := b.phone(t)
	_, err := b.sim.SetState(t.Context(), muted, phone.Change{PushEnabled: new(false)})
	must(t, err)
	n := providertest.Notification()
	expect(t, p.Send(t.Context(), n, []provider.Target{full}), message.Accepted)
	n.Content = "Dinner?"
	outcomes := p.Send(t.Context(), n, []provider.Target{good, full, silent, {Token: "nobody"}})
	expect(t, outcomes, message.Accepted, message.QuotaExhausted, message.Rejected, message.InvalidToken)
	if o := outcomes[1]; !o.PhoneOnly || o.Code != "110011" || (o.RetryAfter-provider.UntilMidnight(time.Now())).Abs() > time.Minute {
		t.Errorf("over the phone's quota: %+v", o)
	}
	n.Setting.Meizu = &config.MeizuSetting{NoticeType: "Private"}
	expect(t, p.Send(t.Context(), n, []provider.Target{full}), message.Accepted)
}

func TestMeizuFoldsRepetitions(t *testing.T) {
	t.Parallel()
	b := meizuBench(t)
	p := b.provider(t)
	id, target := b.phone(t)
	for range 7 {
		expect(t, p.Send(t.Context(), providertest.Notification(), []provider.Target{target}), message.Accepted)
	}
	arrivals, err := b.sim.Notifications(t.Context(), id, 0, 0)
	must(t, err)
	if len(arrivals) != 5 {
		t.Errorf("%d notifications arrived, want 5", len(arrivals))
	}
}

func TestMeizuShowsEverything(t *testing.T) {
	t.Parallel()
	b := meizuBench(t)
	p := b.provider(t)
	id, target := b.phone(t)
	for i, click := range []config.ClickAction{
		{Type: config.OpenApp}, {Type: config.OpenURL, URI: "https://chat.example/?a=1&b=2"}, {Type: config.OpenPage, URI: "com.example.chat.Detail"},
	} {
		n := providertest.Notification()
		n.Setting.Meizu = &config.MeizuSetting{NoticeType: "Private", ClickAction: click}
		expect(t, p.Send(t.Context(), n, []provider.Target{target}), message.Accepted)
		arrivals, err := b.sim.Notifications(t.Context(), id, int64(i), 0)
		must(t, err)
		if got := arrivals[0]; got.Click != click.URI || got.Category != "private" || got.ReplaceID != "fepgnx" {
			t.Errorf("%+v: the phone shows %+v", click, got)
		}
	}
}

func TestMeizuWrongApp(t *testing.T) {
	t.Parallel()
	b := meizuBench(t)
	_, target := b.phone(t)
	b.row.Meizu.AppID = "9"
	p := b.provider(t)
	for _, o := range append(p.Send(t.Context(), providertest.Notification(), []provider.Target{target}), p.Probe(t.Context())) {
		if o.Class != message.CredentialRejected || o.Code != "110000" {
			t.Errorf("got %+v", o)
		}
	}
}

func TestMeizuReceipts(t *testing.T) {
	t.Parallel()
	b := meizuBench(t)
	receipts := b.listen(t)
	a := meizu.App{
		AppID: b.app, AppSecret: b.row.Meizu.AppSecret.Reveal(), ReceiptToken: "receipt-token", Callbacks: []string{b.receipts.Reveal()},
	}
	must(t, b.sim.CreateApp(t.Context(), meizu.Name, a, &a))
	p := b.provider(t)
	id, target := b.phone(t)
	n := providertest.Notification()
	outcomes := p.Send(t.Context(), n, []provider.Target{target})
	expect(t, outcomes, message.Accepted)
	next := func(want provider.Receipt) {
		t.Helper()
		want.MessageID, want.VendorMessageID, want.Token = n.MessageID, outcomes[0].VendorMessageID, target.Token
		select {
		case got := <-receipts: // Meizu tells no time
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		case <-time.After(time.Minute):
			t.Fatal("no receipt")
		}
	}
	next(provider.Receipt{Event: provider.Delivered, Code: "1", Reason: "The notification reached the phone."})
	must(t, b.sim.Click(t.Context(), id, 1))
	next(provider.Receipt{Event: provider.Clicked, Code: "2", Reason: "The user tapped on the notification."})
}

// TestMeizuReceiptsNeedTheToken posts what a stranger could, who knows the URL only.
func TestMeizuReceiptsNeedTheToken(t *testing.T) {
	t.Parallel()
	row := config.Channel{Vendor: string(Meizu), Meizu: &config.MeizuChannel{ReceiptToken: config.NewSecret("receipt-token")}}
	form := url.Values{"cb": {`{"m-1":{"type":1,"targets":["t"]}}`}, "access_token": {"guess"}}
	if _, err := Receipts(row, provider.Callback{Body: []byte(form.Encode())}); !errors.Is(err, provider.ErrReceiptRefused) {
		t.Errorf("got %v", err)
	}
	form.Set("access_token", "receipt-token")
	got, err := Receipts(row, provider.Callback{Body: []byte(form.Encode())})
	if err != nil || !slices.ContainsFunc(got, func(r provider.Receipt) bool { return r.Token == "t" }) {
		t.Errorf("got %v, %v", got, err)
	}
}

// TestMeizuWithoutARegisteredURL shows what a URL costs that Meizu's console does not have.
func TestMeizuWithoutARegisteredURL(t *testing.T) {
	t.Parallel()
	b := meizuBench(t)
	b.receipts = config.NewSecret("https://push.example.com/v1/receipts/x")
	_, target := b.phone(t)
	o := b.provider(t).Send(t.Context(), providertest.Notification(), []provider.Target{target})[0]
	if o.Class != message.Rejected || o.Code != "1005" || o.Detail != "callback: is not registered" {
		t.Errorf("got %+v", o)
	}
}
