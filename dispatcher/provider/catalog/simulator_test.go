package catalog

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/provider/providertest"
	"github.com/offlinepush/operator/dispatcher/simulator"
	"github.com/offlinepush/operator/dispatcher/simulator/fcm"
	"github.com/offlinepush/operator/dispatcher/simulator/phone"
	"github.com/offlinepush/operator/dispatcher/simulator/traffic"
	"github.com/offlinepush/operator/dispatcher/simulator/xiaomi"
)

const app = "chat-4711" // FCM's project; Xiaomi's package is com. and this

// bench is a simulator with one app and its channel row.
type bench struct {
	vendor, app string
	account     string // what Revoke names
	sim         *simulator.Client
	row         config.Channel
	// rotate gives the app another credential, and the row with it.
	rotate func(*testing.T, config.Channel) config.Channel
	// quota is the class of a used up quota.
	quota message.Class
	// unavailable is the class of HTTP 503; empty means Transient.
	unavailable message.Class
	// receipts is the URL to ask for receipts at, if any.
	receipts config.Secret
}

func simulated(t *testing.T) *simulator.Server {
	t.Helper()
	s, err := simulator.Start(simulator.Options{ReceiptInterval: 10 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func fcmBench(t *testing.T) bench {
	t.Helper()
	s := simulated(t)
	sim := s.Client()
	must(t, sim.CreateProject(t.Context(), fcm.Project{ProjectID: app}))
	account, err := sim.CreateServiceAccount(t.Context(), fcm.NewAccount{ProjectID: app})
	must(t, err)
	b := bench{vendor: fcm.Name, app: app, account: account.ClientEmail, sim: sim, quota: message.Throttled}
	b.rotate = func(t *testing.T, row config.Channel) config.Channel {
		rotated, err := sim.RotateServiceAccount(t.Context(), account.ClientEmail)
		must(t, err)
		row.FCM = &config.FCMChannel{ServiceAccount: serviceAccount(t, rotated)}
		return row
	}
	b.row = config.Channel{
		Name: "fcm", Vendor: string(FCM), AppType: 1,
		Endpoint: config.Endpoint{URL: s.URL + "/fcm", CABundle: string(s.CA)},
		FCM:      &config.FCMChannel{ProjectID: app, ServiceAccount: serviceAccount(t, account)},
	}
	return b
}

func serviceAccount(t *testing.T, a fcm.ServiceAccount) config.Secret {
	t.Helper()
	key, err := json.Marshal(a)
	must(t, err)
	return config.NewSecret(string(key))
}

func xiaomiBench(t *testing.T) bench {
	t.Helper()
	s := simulated(t)
	sim := s.Client()
	made, err := sim.CreateXiaomiApp(t.Context(), xiaomi.App{PackageName: "com." + app, Channels: []xiaomi.Channel{{ID: "im", Private: true}}})
	must(t, err)
	return bench{
		vendor: xiaomi.Name, app: made.PackageName, account: made.PackageName, sim: sim, quota: message.QuotaExhausted,
		rotate: func(t *testing.T, row config.Channel) config.Channel {
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

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// benches makes a bench for every vendor.
func benches() map[Vendor]func(*testing.T) bench {
	return map[Vendor]func(*testing.T) bench{
		FCM: fcmBench, Xiaomi: xiaomiBench, Huawei: huaweiBench, HarmonyOS: harmonyosBench, OPPO: oppoBench, Honor: honorBench,
		Meizu: meizuBench, WebPush: webPushBench,
	}
}

func (b bench) provider(t *testing.T) provider.Provider {
	t.Helper()
	deps := providertest.Deps()
	deps.ReceiptURL = b.receipts
	p, err := New(b.row, deps)
	must(t, err)
	t.Cleanup(p.Close)
	return p
}

// listen is a server for receipts, which it reads as a dispatcher does. Providers of the bench ask for them from now on.
func (b *bench) listen(t *testing.T) <-chan provider.Receipt {
	t.Helper()
	row, read := b.row, make(chan provider.Receipt, 100)
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		receipts, err := Receipts(row, provider.Callback{Header: r.Header, Body: body, Now: time.Now()})
		if err != nil {
			t.Errorf("%s: %v", body, err)
		}
		for _, one := range receipts {
			read <- one
		}
	}))
	t.Cleanup(s.Close)
	b.receipts = config.NewSecret(s.URL + "/v1/receipts/" + strings.Repeat("x", 22))
	return read
}

// reported is what is left of a receipt without the times and the vendor's words.
type reported struct {
	token string
	event provider.Event
	code  string
}

// expectReceipts waits for one receipt of each, in any order, all of the message and with a time of now.
func expectReceipts(t *testing.T, got <-chan provider.Receipt, messageID string, want ...reported) {
	t.Helper()
	missing := map[reported]bool{}
	for _, w := range want {
		missing[w] = true
	}
	for len(missing) > 0 {
		select {
		case r := <-got:
			one := reported{r.Token, r.Event, r.Code}
			if !missing[one] || r.MessageID != messageID || r.VendorMessageID == "" || r.Reason == "" || time.Since(r.At).Abs() > time.Minute {
				t.Fatalf("got %+v, want one of %v", r, missing)
			}
			delete(missing, one)
		case <-time.After(10 * time.Second):
			t.Fatalf("missing %v", missing)
		}
	}
}

func (b bench) when503() message.Class {
	if b.unavailable == "" {
		return message.Transient
	}
	return b.unavailable
}

func (b bench) phone(t *testing.T) (id string, target provider.Target) {
	t.Helper()
	p, err := b.sim.CreatePhone(t.Context(), simulator.NewPhone{Vendor: b.vendor, App: b.app})
	must(t, err)
	return p.ID, provider.Target{Token: p.Token, UserHash: "u"}
}

func expect(t *testing.T, outcomes []message.Outcome, want ...message.Class) {
	t.Helper()
	got := make([]message.Class, len(outcomes))
	for i, o := range outcomes {
		got[i] = o.Class
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("%+v (-want +got):\n%s", outcomes, diff)
	}
}

func TestPhonesShowPushes(t *testing.T) {
	t.Parallel()
	for vendor, start := range benches() {
		t.Run(string(vendor), func(t *testing.T) {
			t.Parallel()
			b := start(t)
			p := b.provider(t)
			id, target := b.phone(t)
			gone, dead := b.phone(t)
			must(t, b.sim.Uninstall(t.Context(), gone))
			n := providertest.Notification()
			expect(t, p.Send(t.Context(), n, []provider.Target{target, dead}), message.Accepted, message.InvalidToken)
			n.Content, n.DedupID = "Dinner?", "another"
			outcomes := p.Send(t.Context(), n, []provider.Target{target})
			expect(t, outcomes, message.Accepted)
			arrivals, err := b.sim.Notifications(t.Context(), id, 1, 10*time.Second)
			must(t, err)
			if len(arrivals) != 1 {
				t.Fatalf("got %+v", arrivals)
			}
			got := arrivals[0]
			if got.Title != n.Title || got.Content.Content != "Dinner?" || got.Payload != n.Payload || got.Replaces != 1 || got.DuplicateOf != 0 {
				t.Errorf("the phone shows %+v", got)
			}
			if got.MessageID != outcomes[0].VendorMessageID {
				t.Errorf("the phone has message %q, the outcome %q", got.MessageID, outcomes[0].VendorMessageID)
			}
			if want := fmt.Sprintf(`{"version":1,"messageID":%q,"user":"u"}`, n.MessageID); got.Data["offlinepush"] != want {
				t.Errorf("the envelope is %q", got.Data["offlinepush"])
			}
		})
	}
}

func TestOnlyDeadPhones(t *testing.T) {
	t.Parallel()
	for vendor, start := range benches() {
		t.Run(string(vendor), func(t *testing.T) {
			t.Parallel()
			b := start(t)
			var targets []provider.Target
			for range 3 {
				id, target := b.phone(t)
				must(t, b.sim.Uninstall(t.Context(), id))
				targets = append(targets, target)
			}
			dead := message.InvalidToken
			expect(t, b.provider(t).Send(t.Context(), providertest.Notification(), targets), dead, dead, dead)
		})
	}
}

func TestCredentialIsRevokedAndRotated(t *testing.T) {
	t.Parallel()
	for vendor, start := range benches() {
		if vendor == WebPush {
			continue // the key's owner is nobody's customer; see TestWebPushKeys
		}
		t.Run(string(vendor), func(t *testing.T) {
			t.Parallel()
			b := start(t)
			p := b.provider(t)
			_, target := b.phone(t)
			expect(t, []message.Outcome{p.Probe(t.Context())}, message.Accepted)
			expect(t, p.Send(t.Context(), providertest.Notification(), []provider.Target{target}), message.Accepted)
			b.row = b.rotate(t, b.row)
			for _, o := range append(p.Send(t.Context(), providertest.Notification(), []provider.Target{target}), p.Probe(t.Context())) {
				if o.Class != message.CredentialRejected || o.Code == "" || o.Detail == "" {
					t.Errorf("the old credential: got %+v", o)
				}
			}
			p = b.provider(t)
			expect(t, p.Send(t.Context(), providertest.Notification(), []provider.Target{target}), message.Accepted)
			must(t, b.sim.Revoke(t.Context(), b.vendor, b.account))
			if o := p.Send(t.Context(), providertest.Notification(), []provider.Target{target})[0]; o.Class != message.CredentialRejected || o.Detail == "" {
				t.Errorf("a revoked credential: got %+v", o)
			}
		})
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	for vendor, start := range benches() {
		t.Run(string(vendor), func(t *testing.T) {
			t.Parallel()
			b := start(t)
			p := b.provider(t)
			_, target := b.phone(t)
			expect(t, p.Send(t.Context(), providertest.Notification(), []provider.Target{target}), message.Accepted)
			for name, tt := range map[string]struct {
				fault traffic.Fault
				want  message.Class
			}{
				"too fast":    {traffic.Fault{Throttle: true}, message.Throttled},
				"quota":       {traffic.Fault{Quota: true}, b.quota},
				"unavailable": {traffic.Fault{Status: 503}, b.when503()},
				"reset":       {traffic.Fault{ResetConnection: true}, message.Transient},
				"lost answer": {traffic.Fault{DropResponseAfterAccept: true}, message.Transient},
			} {
				must(t, b.sim.SetFault(t.Context(), b.vendor, tt.fault))
				o := p.Send(t.Context(), providertest.Notification(), []provider.Target{target})[0]
				if o.Class != tt.want || o.Class != message.Transient && o.RetryAfter == 0 {
					t.Errorf("%s: got %+v, want %s", name, o, tt.want)
				}
			}
			must(t, b.sim.ClearFault(t.Context(), b.vendor))
			expect(t, p.Send(t.Context(), providertest.Notification(), []provider.Target{target}), message.Accepted)
		})
	}
}

func TestFCMRefreshesExpiredTokens(t *testing.T) {
	t.Parallel()
	b := fcmBench(t)
	p := b.provider(t)
	var targets []provider.Target
	var want []message.Class
	for range 20 {
		_, target := b.phone(t)
		targets, want = append(targets, target), append(want, message.Accepted)
	}
	expect(t, p.Send(t.Context(), providertest.Notification(), targets), want...)
	must(t, b.sim.ExpireTokens(t.Context(), b.vendor))
	expect(t, p.Send(t.Context(), providertest.Notification(), targets), want...)
}

func TestFCMInstallationID(t *testing.T) {
	t.Parallel()
	b := fcmBench(t)
	b.row.FCM.Target = "InstallationID"
	made, err := b.sim.CreatePhone(t.Context(), simulator.NewPhone{Vendor: b.vendor, App: b.app})
	must(t, err)
	targets := []provider.Target{{Token: made.InstallationID}, {Token: made.Token}}
	expect(t, b.provider(t).Send(t.Context(), providertest.Notification(), targets), message.Accepted, message.InvalidToken)
}

func TestFCMForeignProject(t *testing.T) {
	t.Parallel()
	b := fcmBench(t)
	must(t, b.sim.CreateProject(t.Context(), fcm.Project{ProjectID: "other-1"}))
	foreign, err := b.sim.CreatePhone(t.Context(), simulator.NewPhone{Vendor: b.vendor, App: "other-1"})
	must(t, err)
	p := b.provider(t)
	n, targets := providertest.Notification(), []provider.Target{{Token: foreign.Token}}
	expect(t, p.Send(t.Context(), n, targets), message.CredentialRejected)
	_, good := b.phone(t)
	expect(t, p.Send(t.Context(), n, append(targets, good)), message.InvalidToken, message.Accepted)
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
