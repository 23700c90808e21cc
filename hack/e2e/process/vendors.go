package process

import (
	"encoding/json"
	"os"
	"strconv"
	"testing"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/simulator"
	"github.com/offlinepush/operator/dispatcher/simulator/fcm"
)

// quickstart is where the quickstart's files are, from the packages that run programs.
const quickstart = "../../../config/samples/quickstart/"

// Accounts are those of the quickstart's simulator, one of each vendor.
const Accounts = quickstart + "vendorsim/accounts.json"

// What the vendors' receipts prove themselves with.
const (
	MeizuToken  = "meizu-receipt-token"
	ReceiptUser = "user"
	ReceiptKey  = "receipt-key"
)

// Vendor is a vendor under its names.
type Vendor struct {
	// Row is its name in the configuration and at the simulator, API its name in the API, App what phones install.
	Row, API, App string
}

// KeyFile is a service account of FCM as it lies in the channel's Secret.
func KeyFile(tb testing.TB, a fcm.ServiceAccount) config.Secret {
	tb.Helper()
	b, err := json.Marshal(a) //nolint:gosec // it becomes a Secret at once
	if err != nil {
		tb.Fatal(err)
	}
	return config.NewSecret(string(b))
}

// Rows are a channel row for each of Vendors, with the quickstart's accounts, which lead to the simulator.
func Rows(tb testing.TB, sim *Simulator, a simulator.Accounts) []config.Channel {
	tb.Helper()
	huawei, harmony, oppo, vivo := a.Huawei.Apps[0], a.HarmonyOS.Apps[0], a.OPPO.Apps[0], a.Vivo.Apps[0]
	honor, meizu, apns, web := a.Honor.Apps[0], a.Meizu.Apps[0], a.APNs.Apps[0], a.WebPush.Apps[0]
	account, err := os.ReadFile(quickstart + "credentials/harmonyos-account.json")
	if err != nil {
		tb.Fatal(err)
	}
	rows := []config.Channel{
		{FCM: &config.FCMChannel{ProjectID: a.FCM.ServiceAccounts[0].ProjectID, ServiceAccount: KeyFile(tb, a.FCM.ServiceAccounts[0])}},
		{Xiaomi: &config.XiaomiChannel{PackageName: a.Xiaomi.Apps[0].PackageName, Region: "China", AppSecret: config.NewSecret(a.Xiaomi.Apps[0].AppSecret)}},
		{Huawei: &config.HuaweiChannel{
			AppID: huawei.AppID, AppSecret: config.NewSecret(huawei.AppSecret),
			ReceiptUser: config.NewSecret(ReceiptUser), ReceiptKey: config.NewSecret(ReceiptKey),
		}},
		{HarmonyOS: &config.HarmonyOSChannel{
			ProjectID: harmony.ProjectID, ServiceAccount: config.NewSecret(string(account)),
			ReceiptUser: config.NewSecret(ReceiptUser), ReceiptKey: config.NewSecret(ReceiptKey),
		}},
		{OPPO: &config.OPPOChannel{AppKey: oppo.AppKey, Region: "China", MasterSecret: config.NewSecret(oppo.MasterSecret)}},
		{Vivo: &config.VivoChannel{AppID: vivo.AppID, AppKey: vivo.AppKey, AppSecret: config.NewSecret(vivo.AppSecret)}},
		{Honor: &config.HonorChannel{AppID: honor.AppID, ClientID: honor.ClientID, ClientSecret: config.NewSecret(honor.ClientSecret)}},
		{Meizu: &config.MeizuChannel{
			AppID: meizu.AppID, Region: "China", AppSecret: config.NewSecret(meizu.AppSecret), ReceiptToken: config.NewSecret(MeizuToken),
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
	for i, v := range Vendors() {
		rows[i].Name, rows[i].Vendor, rows[i].AppType = v.Row, v.API, 1
		rows[i].Endpoint = config.Endpoint{URL: sim.URL + "/" + v.Row, CABundle: sim.CA}
		if path, ok := tokenPaths[v.Row]; ok {
			rows[i].Endpoint.AuthURL = rows[i].Endpoint.URL + path
		}
	}
	return rows
}

// Vendors are the quickstart's apps, in the order of Rows.
func Vendors() []Vendor {
	const vivo = 105000001
	return []Vendor{
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
