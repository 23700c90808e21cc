package pushchannel

import (
	"net/http"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/condition"
	"github.com/offlinepush/operator/controllers/testenv"
	"github.com/offlinepush/operator/dispatcher/provider"
)

func TestProbeBudget(t *testing.T) {
	t.Parallel()
	const interval = 10 * time.Minute
	for _, tt := range []struct {
		name       string
		verdict    provider.Verdict
		failures   int
		retryAfter time.Duration
		troubled   bool
		want       time.Duration
	}{
		{name: "accepted", verdict: provider.Valid, want: interval},
		{name: "accepted, an app says otherwise", verdict: provider.Valid, troubled: true, want: troubledInterval},
		{name: "refused for good", verdict: provider.Refused, failures: 1, want: 0},
		{name: "refused, an app says so too", verdict: provider.Refused, failures: 1, troubled: true, want: 0},
		{name: "first silence", verdict: provider.Silent, failures: 1, want: 5 * time.Second},
		{name: "third silence", verdict: provider.Silent, failures: 3, want: 20 * time.Second},
		{name: "long silence", verdict: provider.Silent, failures: 1000, want: lastRetry},
		{name: "the vendor names the time", verdict: provider.Busy, failures: 1, retryAfter: time.Hour, want: time.Hour},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := probed{failures: tt.failures, proof: provider.Proof{Verdict: tt.verdict, RetryAfter: tt.retryAfter}}
			if got := p.wait(interval, tt.troubled); got != tt.want {
				t.Errorf("next probe after %s, want %s", got, tt.want)
			}
		})
	}
}

func TestVerdicts(t *testing.T) {
	t.Parallel()
	for verdict, want := range map[provider.Verdict]string{
		provider.Valid:   pushv1.ReasonCredentialsAccepted,
		provider.Unasked: pushv1.ReasonCredentialsChecked,
		provider.Refused: pushv1.ReasonCredentialsRejected,
		provider.Busy:    pushv1.ReasonVendorThrottled,
		provider.Silent:  pushv1.ReasonVendorUnreachable,
	} {
		p := probed{at: time.Unix(1, 0), proof: provider.Proof{Verdict: verdict, Code: "4711", HTTPStatus: 418, Detail: "words"}}
		got := credentialsValid(pushv1.VendorFCM, source{}, p, true)
		if got.Reason != want {
			t.Errorf("%s gives %s, want %s", verdict, got.Reason, want)
		}
		if verdict == provider.Unasked && got.Message != "words" {
			t.Errorf("a vendor that was not asked is said to have answered: %q", got.Message)
		}
		if got.Severity != condition.Fine && !strings.HasPrefix(got.Message, "FCM answered 4711 (HTTP 418): words; ") {
			t.Errorf("%s says %q", verdict, got.Message)
		}
	}
	refused := probed{at: time.Unix(1, 0), proof: provider.Proof{Verdict: provider.Refused, Code: "BadTopic"}}
	for _, inUse := range []bool{true, false} {
		if got := credentialsValid(pushv1.VendorAPNs, source{secret: "apns"}, refused, inUse).Message; !strings.Contains(got, "spec.apns.bundleID") {
			t.Errorf("a wrong topic is told as %q", got)
		}
	}
	elsewhere := probed{at: time.Unix(1, 0), proof: provider.Proof{Verdict: provider.Refused, HTTPStatus: http.StatusNotFound}}
	if got := credentialsValid(pushv1.VendorFCM, source{secret: "fcm"}, elsewhere, true).Message; !strings.Contains(got, "correct spec.endpoint") {
		t.Errorf("a wrong address is told as %q", got)
	}
	if got := credentialsValid(pushv1.VendorFCM, source{}, probed{}, true).Reason; got != pushv1.ReasonNotProbed {
		t.Errorf("an unasked vendor gives %s", got)
	}
}

func TestEndpoints(t *testing.T) {
	t.Parallel()
	allowed, err := ParseEndpoints(" sim.example.com:8443, Proxy.Example.com,[2001:db8::1]:444 ,")
	if err != nil {
		t.Fatal(err)
	}
	for url, want := range map[string]bool{
		"https://sim.example.com:8443/fcm":      true,
		"https://SIM.example.com:8443":          true,
		"https://sim.example.com/fcm":           false,
		"https://sim.example.com:8443.evil.com": false,
		"https://proxy.example.com":             true,
		"https://proxy.example.com:443/x":       true,
		"https://proxy.example.com:444":         false,
		"https://evil.com/proxy.example.com":    false,
		"https://[2001:db8::1]:444/":            true,
	} {
		if got := allowed.check(&pushv1.ChannelEndpoint{URL: pushv1.HTTPSURL(url)}) == nil; got != want {
			t.Errorf("%s is allowed: %v, want %v", url, got, want)
		}
		if got := allowed.check(&pushv1.ChannelEndpoint{AuthURL: pushv1.HTTPSURL(url)}) == nil; got != want {
			t.Errorf("authURL %s is allowed: %v, want %v", url, got, want)
		}
	}
	if err := Endpoints(nil).check(nil); err != nil {
		t.Errorf("no endpoint needs no permission: %v", err)
	}
	for _, bad := range []string{"https://sim.example.com", "sim.example.com/path", "user@sim.example.com", ":443"} {
		if _, err := ParseEndpoints(bad); err == nil {
			t.Errorf("%q was taken for host:port", bad)
		}
	}
}

// TestDelivering: the worst row decides; silence is no news.
func TestDelivering(t *testing.T) {
	t.Parallel()
	app := func(name, reason string) pushv1.PushApp {
		a := testenv.App("ns", name, "xiaomi")
		a.Status.Channels = []pushv1.AppChannelStatus{{Name: "xiaomi", Ready: metav1.ConditionTrue, Reason: reason, Message: "words of " + name}}
		return *a
	}
	blocked := app("b", pushv1.ReasonVendorThrottled)
	blocked.Status.Channels[0].Ready = metav1.ConditionUnknown
	for _, tt := range []struct {
		name     string
		apps     []pushv1.PushApp
		want     string
		severity condition.Severity
		count    int32
	}{
		{"no app", nil, "Unknown/NoTraffic", condition.Fine, 0},
		{"silence", []pushv1.PushApp{app("a", pushv1.ReasonNoTraffic)}, "Unknown/NoTraffic", condition.Fine, 1},
		{"one sends", []pushv1.PushApp{app("a", pushv1.ReasonNoTraffic), app("b", pushv1.ReasonDelivering)}, "True/Delivering", condition.Fine, 2},
		{"throttled", []pushv1.PushApp{app("a", pushv1.ReasonDelivering), app("b", pushv1.ReasonVendorThrottled)}, "Unknown/VendorThrottled", condition.Fine, 2},
		{"throttled to nothing", []pushv1.PushApp{app("a", pushv1.ReasonDelivering), blocked}, "Unknown/VendorThrottled", condition.Pending, 2},
		{"unreachable", []pushv1.PushApp{app("a", pushv1.ReasonVendorUnreachable), app("b", pushv1.ReasonDelivering)}, "Unknown/VendorUnreachable", condition.Pending, 2},
		{"quota", []pushv1.PushApp{app("a", pushv1.ReasonQuotaExhausted)}, "False/QuotaExhausted", condition.Pending, 1},
		{"refused", []pushv1.PushApp{app("a", pushv1.ReasonQuotaExhausted), app("b", pushv1.ReasonCredentialsRejected)}, "False/CredentialsRejected", condition.Stuck, 2},
		{"mass invalidation", []pushv1.PushApp{app("a", pushv1.ReasonMassInvalidation)}, "False/MassInvalidation", condition.Stuck, 1},
		{"misconfigured", []pushv1.PushApp{app("a", pushv1.ReasonMisconfigured), app("b", pushv1.ReasonDelivering)}, "False/Misconfigured", condition.Stuck, 2},
		{"what the channel said itself", []pushv1.PushApp{app("a", pushv1.ReasonChannelNotReady)}, "Unknown/NoTraffic", condition.Fine, 1},
		{"not let in", []pushv1.PushApp{app("a", pushv1.ReasonAccessDenied)}, "Unknown/NoTraffic", condition.Fine, 0},
		{"not seen yet", []pushv1.PushApp{*testenv.App("ns", "a", "xiaomi")}, "Unknown/NoTraffic", condition.Fine, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			fact, count := delivering(types.NamespacedName{Namespace: "ns", Name: "xiaomi"}, tt.apps)
			if got := string(fact.Status) + "/" + fact.Reason; got != tt.want || fact.Severity != tt.severity || count != tt.count {
				t.Errorf("delivering is %s (%d) with %d apps, want %s (%d) with %d", got, fact.Severity, count, tt.want, tt.severity, tt.count)
			}
			if fact.Severity == condition.Stuck && !strings.Contains(fact.Message, "words of") {
				t.Errorf("message %q lacks the vendor's words", fact.Message)
			}
		})
	}
}
