package http_test

import (
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/simulator"
	"github.com/offlinepush/operator/dispatcher/simulator/pushkit"
	"github.com/offlinepush/operator/dispatcher/wire"
	"github.com/offlinepush/operator/hack/e2e/process"
)

// quickstart are the accounts of the quickstart's simulator, one of each vendor.
const quickstart = "../../../config/samples/quickstart/vendorsim/accounts.json"

// meizuToken is what Meizu's receipts bear.
const meizuToken = "meizu-receipt-token"

// everyVendor is a world with a row for each vendor, whose receipts come through a proxy that ends TLS.
func everyVendor(t *testing.T, store storeKind) *world {
	t.Helper()
	kept := process.NewTranscript()
	w := &world{
		kept: kept, users: process.NewUsers(t), secrets: &secrets{},
		devicePlane: kept.Client("device plane"), serverPlane: kept.Client("server plane"),
	}
	w.doc = process.NewDocument(appID, w.users.Trust(t))
	w.doc.Store = store.open(t)
	proxy := httptest.NewTLSServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(must1(url.Parse(w.disp.DeviceURL))(t))
	}})
	t.Cleanup(proxy.Close)
	w.doc.ExternalURL = proxy.URL
	a := must1(simulator.ReadAccounts(quickstart))(t)
	a.Huawei.Apps[0].Receipts = []pushkit.ReceiptConfig{{ID: "r", URL: w.receipts("huawei"), User: "user", Key: "huawei-receipt-key"}}
	a.HarmonyOS.Apps[0].Receipts = []pushkit.ReceiptConfig{{ID: "r", URL: w.receipts("harmonyos"), User: "user", Key: "harmonyos-receipt-key"}}
	a.Honor.Apps[0].ReceiptURL = w.receipts("honor")
	a.Meizu.Apps[0].Callbacks, a.Meizu.Apps[0].ReceiptToken = []string{w.receipts("meizu")}, meizuToken
	dir := t.TempDir()
	accounts, ca := filepath.Join(dir, "accounts.json"), filepath.Join(dir, "ca.crt")
	must(t, os.WriteFile(accounts, must1(json.Marshal(a))(t), 0o600))
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: proxy.Certificate().Raw})
	must(t, os.WriteFile(ca, certificate, 0o600))
	w.sim = process.StartSimulator(t, binaries, kept, "--accounts", accounts, "--receipt-ca", ca)
	w.doc.Channels = w.rows(t, a)
	w.secrets.addDocument(w.doc)
	w.disp = process.NewDispatcher(t, binaries, kept, w.doc)
	w.all = []*process.Dispatcher{w.disp}
	t.Cleanup(func() { w.inspect(t) })
	w.disp.Start(t)
	return w
}

func (w *world) receipts(row string) string { return w.doc.ReceiptURL(row).Reveal() }

// rows are a channel for each account.
func (w *world) rows(t *testing.T, a simulator.Accounts) []config.Channel {
	t.Helper()
	huawei, harmony, oppo, vivo := a.Huawei.Apps[0], a.HarmonyOS.Apps[0], a.OPPO.Apps[0], a.Vivo.Apps[0]
	honor, meizu, apns, web := a.Honor.Apps[0], a.Meizu.Apps[0], a.APNs.Apps[0], a.WebPush.Apps[0]
	account := must1(os.ReadFile("../../../config/samples/quickstart/credentials/harmonyos-account.json"))(t)
	rows := []config.Channel{
		{FCM: &config.FCMChannel{ProjectID: a.FCM.ServiceAccounts[0].ProjectID, ServiceAccount: keyFile(t, a.FCM.ServiceAccounts[0])}},
		{Xiaomi: &config.XiaomiChannel{PackageName: a.Xiaomi.Apps[0].PackageName, Region: "China", AppSecret: config.NewSecret(a.Xiaomi.Apps[0].AppSecret)}},
		{Huawei: &config.HuaweiChannel{
			AppID: huawei.AppID, AppSecret: config.NewSecret(huawei.AppSecret),
			ReceiptUser: config.NewSecret("user"), ReceiptKey: config.NewSecret("huawei-receipt-key"),
		}},
		{HarmonyOS: &config.HarmonyOSChannel{
			ProjectID: harmony.ProjectID, ServiceAccount: config.NewSecret(string(account)),
			ReceiptUser: config.NewSecret("user"), ReceiptKey: config.NewSecret("harmonyos-receipt-key"),
		}},
		{OPPO: &config.OPPOChannel{AppKey: oppo.AppKey, Region: "China", MasterSecret: config.NewSecret(oppo.MasterSecret)}},
		{Vivo: &config.VivoChannel{AppID: vivo.AppID, AppKey: vivo.AppKey, AppSecret: config.NewSecret(vivo.AppSecret)}},
		{Honor: &config.HonorChannel{AppID: honor.AppID, ClientID: honor.ClientID, ClientSecret: config.NewSecret(honor.ClientSecret)}},
		{Meizu: &config.MeizuChannel{
			AppID: meizu.AppID, Region: "China", AppSecret: config.NewSecret(meizu.AppSecret), ReceiptToken: config.NewSecret(meizuToken),
		}},
		{APNs: &config.APNsChannel{
			BundleID: apns.BundleID, Environment: "Production", TeamID: apns.TeamID, KeyID: apns.KeyID, PrivateKey: config.NewSecret(apns.PrivateKey),
		}},
		{WebPush: &config.WebPushChannel{
			Subject: "mailto:push@example.com", PrivateKey: config.NewSecret(web.PrivateKey),
			AllowedHosts: []string{
				"fcm.googleapis.com", "updates.push.services.mozilla.com", "web.push.apple.com", "*.push.apple.com", "*.notify.windows.com",
			},
		}},
	}
	tokenPaths := map[string]string{"fcm": "/token", "huawei": "/oauth2/v3/token", "honor": "/auth/token"}
	for i, v := range everyModel() {
		rows[i].Name, rows[i].Vendor, rows[i].AppType = v.row, v.api, 1
		rows[i].Endpoint = config.Endpoint{URL: w.sim.URL + "/" + v.row, CABundle: w.sim.CA}
		if path, ok := tokenPaths[v.row]; ok {
			rows[i].Endpoint.AuthURL = rows[i].Endpoint.URL + path
		}
	}
	return rows
}

// everyModel is a phone of each vendor, in the order of the rows.
func everyModel() []vendor {
	const vivo = 105000001
	return []vendor{
		{"fcm", "FCM", "quickstart-chat"},
		{"xiaomi", "Xiaomi", "io.offlinepush.quickstart"},
		{"huawei", "Huawei", "104000001"},
		{"harmonyos", "HarmonyOS", "388000000000000001"},
		{"oppo", "OPPO", "quickstartoppo01"},
		{"vivo", "Vivo", strconv.Itoa(vivo)},
		{"honor", "Honor", "104400001"},
		{"meizu", "Meizu", "100001"},
		{"apns", "APNs", "io.offlinepush.quickstart"},
		{"webpush", "WebPush", "quickstart-web"},
	}
}

// reports says that the vendor reports what became of pushes.
func (v vendor) reports() bool {
	switch v.row {
	case "fcm", "apns", "webpush":
		return false
	}
	return true
}

// One message reaches a user's ten phones, one of each vendor, as each vendor's client reads it, and the
// vendors' receipts find their way back to it.
func TestEveryVendor(t *testing.T) {
	t.Parallel()
	for _, store := range eachStore() {
		t.Run(store.name, func(t *testing.T) {
			t.Parallel()
			w := everyVendor(t, store)
			phones := map[string]*handset{}
			for _, v := range everyModel() {
				phones[v.row] = w.newPhone(t, v)
				phones[v.row].bind(t, "bob")
			}
			must(t, phones["apns"].device().SetBadge(t.Context(), 4))
			m := w.newMessage("alice", "bob")
			m.Push.ResourcesID, m.Push.EnableBadge, m.Push.BadgeIncrement = "", true, 2
			sent := w.send(t, m)
			for _, v := range everyModel() {
				got := phones[v.row].arrivals(t, 1)[0]
				if got.Title != m.Push.Title || got.Content.Content != m.Push.Content || got.Payload != m.Push.Payload {
					t.Errorf("%s shows %+v", v.row, got.Content)
				}
				if v.row == "apns" && (got.Badge == nil || *got.Badge != 6) {
					t.Errorf("the badge is %v, want 6", got.Badge)
				}
			}
			w.settled(t)
			w.reported(t, sent.MessageID)
		})
	}
}

// reported waits until every vendor that reports has said that its phone got the message.
func (w *world) reported(t *testing.T, messageID string) {
	t.Helper()
	reporting := map[string]bool{}
	for _, v := range everyModel() {
		reporting[v.row] = v.reports()
	}
	until(t, "the receipts are there", func() error {
		var missing []error
		for _, d := range must1(w.server().Trace(t.Context(), messageID))(t).Devices {
			if d.State != "Handed" {
				t.Fatalf("%s: %s %s %s %s", d.Channel, d.State, d.Reason, d.Code, d.Detail)
			}
			if reporting[d.Channel] && !delivered1(d.Receipts) {
				missing = append(missing, fmt.Errorf("%s reported %+v", d.Channel, d.Receipts))
			}
		}
		return errors.Join(missing...)
	})
}

func delivered1(receipts []wire.Receipt) bool {
	for _, r := range receipts {
		if r.Event == "Delivered" {
			return true
		}
	}
	return false
}
