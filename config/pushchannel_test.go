package config_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/testenv"
)

type channel = *pushv1.PushChannel

func fcmChannel(namespace string) channel    { return testenv.FCMChannel(namespace, "fcm") }
func xiaomiChannel(namespace string) channel { return testenv.XiaomiChannel(namespace, "xiaomi") }

func TestPushChannelFCM(t *testing.T) {
	t.Parallel()
	checkCreate(t, fcmChannel, []change[channel]{
		{name: "as built", edit: func(channel) {}},
		{name: "whole", edit: func(c channel) {
			c.Spec.FCM = &pushv1.FCMChannel{ProjectID: "chat-prod-4711", Target: pushv1.FCMTargetInstallationID}
			c.Spec.Endpoint = &pushv1.ChannelEndpoint{
				URL: "https://sim.example.com:8443/fcm", AuthURL: "https://sim.example.com:8443/fcm/token",
				CABundleRef: &pushv1.ConfigMapKeyReference{Name: "sim-ca"},
			}
			c.Spec.Limits = pushv1.ChannelLimits{RequestsPerSecond: 100, MaxConcurrentRequests: 8}
			c.Spec.Suspend = new(true)
		}},
		{name: "project of a domain", edit: func(c channel) { c.Spec.FCM.ProjectID = "example.com:chat-prod" }},
		{name: "bad project", edit: func(c channel) { c.Spec.FCM.ProjectID = "Chat_Prod" }, want: []string{"spec.fcm.projectID"}},
		{name: "bad target", edit: func(c channel) { c.Spec.FCM.Target = "Topic" }, want: []string{"spec.fcm.target", `"InstallationID", "Token"`}},
		{name: "no vendor", edit: func(c channel) { c.Spec.Vendor = "" }, want: []string{"spec.vendor: Required value"}},
		{name: "unknown vendor", edit: func(c channel) { c.Spec.Vendor = "Pigeon" }, want: []string{"spec.vendor", `"APNs", "FCM", "HarmonyOS"`}},
		{name: "no member", edit: func(c channel) { c.Spec.FCM = nil }, want: []string{"`fcm` must be set when `vendor` is 'FCM', and only then"}},
		{
			name: "another member", edit: func(c channel) { c.Spec.Xiaomi = xiaomiChannel("").Spec.Xiaomi },
			want: []string{"`xiaomi` must be set when `vendor` is 'Xiaomi', and only then"},
		},
		{name: "no secret", edit: func(c channel) { c.Spec.Credentials.SecretRef.Name = "" }, want: []string{"spec.credentials: Required value"}},
		{name: "bad secret name", edit: func(c channel) { c.Spec.Credentials.SecretRef.Name = "Fcm_1" }, want: []string{"spec.credentials.secretRef.name"}},
		{
			name: "name too long", edit: func(c channel) { c.Name = strings.Repeat("a", 64) },
			want: []string{"`metadata.name` must hold only lower case letters, digits and dashes, and be at most 63 characters"},
		},
		{name: "name with a dot", edit: func(c channel) { c.Name = "fcm.eu" }, want: []string{"`metadata.name` must hold only"}},
	})
}

func TestPushChannelXiaomi(t *testing.T) {
	t.Parallel()
	checkCreate(t, xiaomiChannel, []change[channel]{
		{name: "as built", edit: func(channel) {}},
		{name: "another path", edit: func(c channel) { c.Spec.Xiaomi.Path = "/v4/message/regid" }},
		{name: "bad path", edit: func(c channel) { c.Spec.Xiaomi.Path = "/v4/../regid" }, want: []string{"spec.xiaomi.path"}},
		{name: "no package", edit: func(c channel) { c.Spec.Xiaomi.PackageName = "" }, want: []string{"spec.xiaomi.packageName: Required value"}},
		{name: "bad package", edit: func(c channel) { c.Spec.Xiaomi.PackageName = "chat" }, want: []string{"spec.xiaomi.packageName"}},
		{name: "no region", edit: func(c channel) { c.Spec.Xiaomi.Region = "" }, want: []string{"spec.xiaomi.region: Required value"}},
		{name: "unknown region", edit: func(c channel) { c.Spec.Xiaomi.Region = "Mars" }, want: []string{"spec.xiaomi.region", `"China"`}},
		{name: "no member", edit: func(c channel) { c.Spec.Xiaomi = nil }, want: []string{"`xiaomi` must be set when `vendor` is 'Xiaomi', and only then"}},
		{
			name: "another member", edit: func(c channel) { c.Spec.FCM = &pushv1.FCMChannel{} },
			want: []string{"`fcm` must be set when `vendor` is 'FCM', and only then"},
		},
		{name: "token address", edit: func(c channel) {
			c.Spec.Endpoint = &pushv1.ChannelEndpoint{AuthURL: "https://sim.example.com/token"}
		}, want: []string{"`endpoint.authURL` must be unset unless `vendor` is 'FCM', 'Huawei' or 'Honor'"}},
	})
}

func TestPushChannelEndpoint(t *testing.T) {
	t.Parallel()
	const refused = "must be an https URL without user, query and fragment"
	changes := []change[channel]{
		{name: "empty", edit: func(c channel) { c.Spec.Endpoint = &pushv1.ChannelEndpoint{} }, want: []string{"spec.endpoint", "at least 1 properties"}},
		{name: "plain token address", edit: func(c channel) {
			c.Spec.Endpoint = &pushv1.ChannelEndpoint{AuthURL: "http://push.example.com/token"}
		}, want: []string{"spec.endpoint.authURL", refused}},
		{name: "bundle key", edit: func(c channel) {
			c.Spec.Endpoint = &pushv1.ChannelEndpoint{CABundleRef: &pushv1.ConfigMapKeyReference{Name: "ca", Key: "a/b"}}
		}, want: []string{"spec.endpoint.caBundleRef.key"}},
	}
	for address, valid := range map[string]bool{
		"https://push.example.com":       true,
		"https://push.example.com:8443/": true,
		"https://[2001:db8::1]/fcm":      true,
		"http://push.example.com":        false,
		"https:///fcm":                   false,
		"https://me:pw@push.example.com": false,
		"https://push.example.com/?a=b":  false,
		"https://push.example.com/#top":  false,
		"push.example.com":               false,
		"https://push example.com":       false,
	} {
		var want []string
		if !valid {
			want = []string{"spec.endpoint.url", refused}
		}
		changes = append(changes, change[channel]{
			name: address, want: want,
			edit: func(c channel) { c.Spec.Endpoint = &pushv1.ChannelEndpoint{URL: pushv1.HTTPSURL(address)} },
		})
	}
	checkCreate(t, fcmChannel, changes)
}

func TestPushChannelBoundsAndAccess(t *testing.T) {
	t.Parallel()
	checkCreate(t, fcmChannel, []change[channel]{
		{name: "too fast", edit: func(c channel) { c.Spec.Limits.RequestsPerSecond = 100001 }, want: []string{"spec.limits.requestsPerSecond"}},
		{name: "negative rate", edit: func(c channel) { c.Spec.Limits.RequestsPerSecond = -1 }, want: []string{"spec.limits.requestsPerSecond"}},
		{name: "too many at a time", edit: func(c channel) { c.Spec.Limits.MaxConcurrentRequests = 4097 }, want: []string{"spec.limits.maxConcurrentRequests"}},
		{name: "probe too often", edit: func(c channel) { c.Spec.Probe.IntervalSeconds = 59 }, want: []string{"spec.probe.intervalSeconds"}},
		{name: "probe too slow", edit: func(c channel) { c.Spec.Probe.TimeoutSeconds = 31 }, want: []string{"spec.probe.timeoutSeconds"}},
		{name: "from everywhere", edit: func(c channel) { c.Spec.Access.From = pushv1.AccessFromAll }},
		{name: "from names", edit: func(c channel) {
			c.Spec.Access = pushv1.ChannelAccess{From: pushv1.AccessFromNames, Names: []pushv1.DNSLabel{"a", "b"}}
		}},
		{name: "from labels", edit: func(c channel) {
			c.Spec.Access = pushv1.ChannelAccess{From: pushv1.AccessFromSelector, Selector: &metav1.LabelSelector{}}
		}},
		{name: "from nowhere", edit: func(c channel) { c.Spec.Access.From = "Nowhere" }, want: []string{"spec.access.from"}},
		{
			name: "names without list", edit: func(c channel) { c.Spec.Access.From = pushv1.AccessFromNames },
			want: []string{"spec.access", "`names` must be set when `from` is 'Names', and only then"},
		},
		{
			name: "list without names", edit: func(c channel) { c.Spec.Access.Names = []pushv1.DNSLabel{"a"} },
			want: []string{"`names` must be set when `from` is 'Names', and only then"},
		},
		{
			name: "selector missing", edit: func(c channel) { c.Spec.Access.From = pushv1.AccessFromSelector },
			want: []string{"`selector` must be set when `from` is 'Selector', and only then"},
		},
		{
			name: "selector unused", edit: func(c channel) { c.Spec.Access.Selector = &metav1.LabelSelector{} },
			want: []string{"`selector` must be set when `from` is 'Selector', and only then"},
		},
		{name: "name twice", edit: func(c channel) {
			c.Spec.Access = pushv1.ChannelAccess{From: pushv1.AccessFromNames, Names: []pushv1.DNSLabel{"a", "a"}}
		}, want: []string{"spec.access.names[1]: Duplicate value"}},
	})
}

func TestPushChannelUpdate(t *testing.T) {
	t.Parallel()
	checkUpdate(t, fcmChannel, []change[channel]{
		{name: "another vendor", edit: func(c channel) {
			c.Spec.Vendor, c.Spec.FCM, c.Spec.Xiaomi = pushv1.VendorXiaomi, nil, xiaomiChannel("").Spec.Xiaomi
		}, want: []string{"spec.vendor", "`vendor` must not change: make another PushChannel"}},
		{name: "another secret", edit: func(c channel) { c.Spec.Credentials.SecretRef.Name = "fcm-2" }},
		{name: "suspend", edit: func(c channel) { c.Spec.Suspend = new(true) }},
	})
}

func TestPushChannelDefaults(t *testing.T) {
	t.Parallel()
	namespace := environment.Namespace(t)
	fcm, xiaomi := fcmChannel(namespace), xiaomiChannel(namespace)
	fcm.Spec.Endpoint = &pushv1.ChannelEndpoint{CABundleRef: &pushv1.ConfigMapKeyReference{Name: "ca"}}
	for _, object := range []channel{fcm, xiaomi} {
		if err := environment.Client.Create(t.Context(), object); err != nil {
			t.Fatal(err)
		}
	}
	want := pushv1.PushChannelSpec{
		Vendor:      pushv1.VendorFCM,
		FCM:         &pushv1.FCMChannel{Target: pushv1.FCMTargetToken},
		Credentials: pushv1.ChannelCredentials{SecretRef: pushv1.SecretReference{Name: "fcm"}},
		Endpoint:    &pushv1.ChannelEndpoint{CABundleRef: &pushv1.ConfigMapKeyReference{Name: "ca", Key: "ca.crt"}},
		Limits:      pushv1.ChannelLimits{MaxConcurrentRequests: 256, QuotaReservePercent: new(int32(10))},
		Probe:       pushv1.ChannelProbe{IntervalSeconds: 600, TimeoutSeconds: 10},
		Access:      pushv1.ChannelAccess{From: pushv1.AccessFromSame},
	}
	if diff := cmp.Diff(want, fcm.Spec); diff != "" {
		t.Errorf("defaults (-want +got):\n%s", diff)
	}
	if got := xiaomi.Spec.Xiaomi.Path; got != "/v3/message/regid" {
		t.Errorf("xiaomi.path defaults to %q", got)
	}
}

func TestPushChannelIsSelectedByVendor(t *testing.T) {
	t.Parallel()
	namespace := environment.Namespace(t)
	for _, object := range []channel{fcmChannel(namespace), xiaomiChannel(namespace)} {
		if err := environment.Client.Create(t.Context(), object); err != nil {
			t.Fatal(err)
		}
	}
	var found pushv1.PushChannelList
	err := environment.Client.List(t.Context(), &found, client.InNamespace(namespace), client.MatchingFields{"spec.vendor": "Xiaomi"})
	if err != nil {
		t.Fatal(err)
	}
	if len(found.Items) != 1 || found.Items[0].Name != "xiaomi" {
		t.Errorf("field selector spec.vendor=Xiaomi found %d channels, want xiaomi only", len(found.Items))
	}
}
