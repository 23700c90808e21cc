package config_test

import (
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/render"
	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/provider/catalog"
	"github.com/offlinepush/operator/dispatcher/simulator"
)

// vendors are those of the CRD.
func vendors(t *testing.T) []pushv1.Vendor {
	t.Helper()
	var all []pushv1.Vendor
	channel := schemas(t)["PushChannel"].Properties["spec"]
	for _, vendor := range channel.Properties["vendor"].Enum {
		all = append(all, pushv1.Vendor(unquote(vendor.Raw)))
	}
	return all
}

// sample is the channel of a vendor, and its Secret, as config/samples has them.
func sample(t *testing.T, vendor pushv1.Vendor) (channel, corev1.Secret) {
	t.Helper()
	b, err := os.ReadFile("samples/pushchannel_" + strings.ToLower(string(vendor)) + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	first, second, _ := strings.Cut(string(b), "---\n")
	var secret corev1.Secret
	c := &pushv1.PushChannel{}
	for text, into := range map[string]any{first: &secret, second: c} {
		if err := yaml.UnmarshalStrict([]byte(text), into); err != nil {
			t.Fatal(err)
		}
	}
	return c, secret
}

// TestEveryVendorIsWhole fails when a vendor of the CRD lacks a provider, a place in the configuration, a simulator or a page.
// That it has its members and a sample, the other tests of this package show.
func TestEveryVendorIsWhole(t *testing.T) {
	t.Parallel()
	simulators := map[string]bool{}
	for f := range reflect.TypeFor[simulator.Accounts]().Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		simulators[name] = true
	}
	all := vendors(t)
	if len(all) != len(catalog.Vendors()) || len(all) != len(simulators) {
		t.Errorf("the CRD has %d vendors, the catalogue %d, the simulator %d", len(all), len(catalog.Vendors()), len(simulators))
	}
	for _, vendor := range all {
		file := strings.ToLower(string(vendor))
		if !slices.Contains(catalog.Vendors(), catalog.Vendor(vendor)) {
			t.Errorf("%s has no line in the catalogue", vendor)
		}
		for _, union := range []reflect.Type{reflect.TypeFor[config.Channel](), reflect.TypeFor[config.Setting]()} {
			if _, ok := union.FieldByName(string(vendor)); !ok {
				t.Errorf("%s has no member of %s", vendor, union)
			}
		}
		if !simulators[file] {
			t.Errorf("%s has no simulator", vendor)
		}
		page, err := os.ReadFile("../docs/vendors/" + file + ".md")
		if err != nil || !strings.Contains(string(page), "vendor: "+string(vendor)+"\n") {
			t.Errorf("%s has no page that shows its channel: %v", vendor, err)
		}
	}
}

// TestEveryVendorHasASample holds the sample to the vendor's own keys; that it applies is tested with kubectl.
func TestEveryVendorHasASample(t *testing.T) {
	t.Parallel()
	for _, vendor := range vendors(t) {
		c, secret := sample(t, vendor)
		if c.Spec.Vendor != vendor || string(c.Spec.Credentials.SecretRef.Name) != secret.Name {
			t.Errorf("%s: the sample is of vendor %s and names the Secret %s", vendor, c.Spec.Vendor, c.Spec.Credentials.SecretRef.Name)
		}
		for _, key := range render.CredentialKeys(c.Spec) {
			if _, ok := secret.StringData[key.Name]; !ok && !key.Optional {
				t.Errorf("%s: the sample's Secret lacks %s", vendor, key.Name)
			}
		}
	}
}

// TestVendorMembers has what the CRD refuses of each vendor's member.
func TestVendorMembers(t *testing.T) {
	t.Parallel()
	for vendor, changes := range map[pushv1.Vendor][]change[channel]{
		pushv1.VendorHuawei: {
			{name: "no app", edit: func(c channel) { c.Spec.Huawei.AppID = "" }, want: []string{"spec.huawei.appID: Required value"}},
			{name: "bad badge class", edit: func(c channel) { c.Spec.Huawei.BadgeClass = "MainActivity" }, want: []string{"spec.huawei.badgeClass"}},
			{name: "token address", edit: func(c channel) { c.Spec.Endpoint = &pushv1.ChannelEndpoint{AuthURL: "https://sim.example.com/token"} }},
		},
		pushv1.VendorHarmonyOS: {
			{name: "project of the account", edit: func(c channel) { c.Spec.HarmonyOS.ProjectID = "" }},
			{name: "bad project", edit: func(c channel) { c.Spec.HarmonyOS.ProjectID = "chat" }, want: []string{"spec.harmonyOS.projectID"}},
			{name: "token address", edit: func(c channel) {
				c.Spec.Endpoint = &pushv1.ChannelEndpoint{AuthURL: "https://sim.example.com/token"}
			}, want: []string{"`endpoint.authURL` must be unset"}},
		},
		pushv1.VendorOPPO: {
			{name: "no key", edit: func(c channel) { c.Spec.OPPO.AppKey = "" }, want: []string{"spec.oppo.appKey: Required value"}},
			{name: "no region", edit: func(c channel) { c.Spec.OPPO.Region = "" }, want: []string{"spec.oppo.region: Required value"}},
			{name: "unknown region", edit: func(c channel) { c.Spec.OPPO.Region = "Europe" }, want: []string{"spec.oppo.region", `"China", "Global"`}},
		},
		pushv1.VendorVivo: {
			{name: "no app", edit: func(c channel) { c.Spec.Vivo.AppID = 0 }, want: []string{"spec.vivo.appID"}},
			{name: "no key", edit: func(c channel) { c.Spec.Vivo.AppKey = "" }, want: []string{"spec.vivo.appKey: Required value"}},
		},
		pushv1.VendorHonor: {
			{name: "no client", edit: func(c channel) { c.Spec.Honor.ClientID = "" }, want: []string{"spec.honor.clientID: Required value"}},
			{name: "bad app", edit: func(c channel) { c.Spec.Honor.AppID = "a/b" }, want: []string{"spec.honor.appID"}},
		},
		pushv1.VendorMeizu: {
			{name: "unknown region", edit: func(c channel) { c.Spec.Meizu.Region = "Mars" }, want: []string{"spec.meizu.region", `"China", "India"`}},
			{name: "no app", edit: func(c channel) { c.Spec.Meizu.AppID = "" }, want: []string{"spec.meizu.appID: Required value"}},
		},
		pushv1.VendorAPNs: {
			{name: "certificate", edit: func(c channel) { c.Spec.APNs.TeamID, c.Spec.APNs.KeyID = "", "" }},
			{name: "half a key", edit: func(c channel) { c.Spec.APNs.KeyID = "" }, want: []string{"`teamID` and `keyID` must be set together"}},
			{name: "short team", edit: func(c channel) { c.Spec.APNs.TeamID = "ABC" }, want: []string{"spec.apns.teamID"}},
			{name: "no bundle", edit: func(c channel) { c.Spec.APNs.BundleID = "" }, want: []string{"spec.apns.bundleID: Required value"}},
			{name: "unknown environment", edit: func(c channel) { c.Spec.APNs.Environment = "Test" }, want: []string{"spec.apns.environment", `"Production", "Sandbox"`}},
		},
		pushv1.VendorWebPush: {
			{name: "no subject", edit: func(c channel) { c.Spec.WebPush.Subject = "" }, want: []string{"spec.webPush.subject: Required value"}},
			{name: "bare subject", edit: func(c channel) { c.Spec.WebPush.Subject = "push@example.com" }, want: []string{"`subject` must start with 'mailto:' or 'https://'"}},
			{name: "everything", edit: func(c channel) { c.Spec.WebPush.AllowedHosts = []pushv1.HostPattern{"*"} }, want: []string{"spec.webPush.allowedHosts"}},
			{name: "own service", edit: func(c channel) { c.Spec.WebPush.AllowedHosts = []pushv1.HostPattern{"*.push.example.com"} }},
		},
	} {
		t.Run(string(vendor), func(t *testing.T) {
			t.Parallel()
			build := func(namespace string) channel {
				c, _ := sample(t, vendor)
				c.Namespace = namespace
				return c
			}
			checkCreate(t, build, append(changes, change[channel]{name: "as the sample", edit: func(channel) {}}))
		})
	}
}

// TestVendorProfiles has what the CRD refuses of each vendor's push profile.
func TestVendorProfiles(t *testing.T) {
	t.Parallel()
	page := pushv1.PageClickAction{Type: pushv1.ClickActionOpenPage, Page: "com.example.chat.Detail"}
	var changes []change[app]
	for _, tt := range []struct {
		name     string
		settings pushv1.ProfileSettings
		want     []string
	}{
		{name: "Huawei", settings: pushv1.ProfileSettings{Vendor: pushv1.VendorHuawei, Huawei: &pushv1.HuaweiProfile{Category: "IM", Test: new(true)}}},
		{
			name: "Huawei data with sound", settings: pushv1.ProfileSettings{
				Vendor: pushv1.VendorHuawei, Huawei: &pushv1.HuaweiProfile{Type: pushv1.MessageTypeData, Sound: "/raw/ding"},
			}, want: []string{"`sound` and `channelID` must be unset when `type` is 'Data'"},
		},
		{
			name: "Huawei category", settings: pushv1.ProfileSettings{Vendor: pushv1.VendorHuawei, Huawei: &pushv1.HuaweiProfile{Category: "im"}},
			want: []string{"huawei.category"},
		},
		{name: "HarmonyOS", settings: pushv1.ProfileSettings{Vendor: pushv1.VendorHarmonyOS, HarmonyOS: &pushv1.HarmonyOSProfile{ClickAction: page}}},
		{
			name: "HarmonyOS web page", settings: pushv1.ProfileSettings{
				Vendor: pushv1.VendorHarmonyOS,
				HarmonyOS: &pushv1.HarmonyOSProfile{
					ClickAction: pushv1.PageClickAction{Type: pushv1.ClickActionOpenURL, URL: "https://example.com"},
				},
			}, want: []string{"HarmonyOS opens no web pages"},
		},
		{name: "OPPO", settings: pushv1.ProfileSettings{Vendor: pushv1.VendorOPPO, OPPO: &pushv1.OPPOProfile{Category: "IM", NotifyLevel: 16, ClickAction: page}}},
		{
			name: "OPPO level", settings: pushv1.ProfileSettings{Vendor: pushv1.VendorOPPO, OPPO: &pushv1.OPPOProfile{Category: "IM", NotifyLevel: 3}},
			want: []string{"oppo.notifyLevel"},
		},
		{
			name: "OPPO level without category", settings: pushv1.ProfileSettings{Vendor: pushv1.VendorOPPO, OPPO: &pushv1.OPPOProfile{NotifyLevel: 2}},
			want: []string{"`notifyLevel` needs a `category`"},
		},
		{
			name: "vivo classification", settings: pushv1.ProfileSettings{Vendor: pushv1.VendorVivo, Vivo: &pushv1.VivoProfile{Classification: "Ads"}},
			want: []string{"vivo.classification", `"Operation", "System"`},
		},
		{name: "Honor", settings: pushv1.ProfileSettings{Vendor: pushv1.VendorHonor, Honor: &pushv1.HonorProfile{Importance: pushv1.ImportanceLow}}},
		{
			name: "Meizu page missing", settings: pushv1.ProfileSettings{
				Vendor: pushv1.VendorMeizu, Meizu: &pushv1.MeizuProfile{ClickAction: pushv1.PageClickAction{Type: pushv1.ClickActionOpenPage}},
			}, want: []string{"`page` must be set when `type` is 'OpenPage', and only then"},
		},
		{name: "APNs VoIP", settings: pushv1.ProfileSettings{Vendor: pushv1.VendorAPNs, APNs: &pushv1.APNsProfile{PushType: pushv1.APNsPushTypeVoIP}}},
		{
			name: "APNs background with sound", settings: pushv1.ProfileSettings{
				Vendor: pushv1.VendorAPNs, APNs: &pushv1.APNsProfile{PushType: pushv1.APNsPushTypeBackground, Sound: "ding.caf"},
			}, want: []string{"must be unset unless `pushType` is 'Alert'"},
		},
		{
			name: "Web Push icon", settings: pushv1.ProfileSettings{Vendor: pushv1.VendorWebPush, WebPush: &pushv1.WebPushProfile{Icon: "icon.png"}},
			want: []string{"webPush.icon", "should match '^https://"},
		},
	} {
		changes = append(changes, change[app]{name: tt.name, want: tt.want, edit: func(a app) { a.Spec.PushProfiles = profile(tt.settings) }})
	}
	checkCreate(t, chatApp, changes)
}
