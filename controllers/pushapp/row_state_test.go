package pushapp

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/condition"
	"github.com/offlinepush/operator/controllers/testenv"
	"github.com/offlinepush/operator/dispatcher/report"
)

// TestMisconfiguredRow: what a dispatcher cannot use needs people, and they read its words, which are not the vendor's.
func TestMisconfiguredRow(t *testing.T) {
	t.Parallel()
	const words = "endpoint.caBundle: holds no PEM certificate; give the CA's certificate as PEM"
	one, two := corev1.Pod{}, corev1.Pod{}
	one.Name, two.Name = "one", "two"
	says := func(c report.Channel) reading {
		c.Name = "xiaomi"
		return reading{report: report.Report{Channels: []report.Channel{c}}}
	}
	o := observed{pods: []corev1.Pod{one, two}, readings: map[string]reading{
		"one": says(report.Channel{State: report.Misconfigured, Message: words}),
		"two": says(report.Channel{State: report.Delivering}),
	}}
	r := row{spec: testenv.App("ns", "chat", "xiaomi").Spec.Channels[0], channel: testenv.XiaomiChannel("ns", "xiaomi")}
	got := channelsReady([]rowState{stateOf(r, o)})
	if got.Status != metav1.ConditionFalse || got.Reason != pushv1.ReasonMisconfigured || got.Severity != condition.Stuck {
		t.Errorf("fact is %+v, want False/Misconfigured that needs people", got)
	}
	if !strings.Contains(got.Message, words) || strings.Contains(got.Message, "Xiaomi answered") {
		t.Errorf("message %q must quote the dispatcher, not the vendor", got.Message)
	}
}

// TestThrottledRow: a vendor that slows pushes down leaves the row ready; one that takes none does not, and outweighs a
// dispatcher whose pushes it takes.
func TestThrottledRow(t *testing.T) {
	t.Parallel()
	r := row{spec: testenv.App("ns", "chat", "xiaomi").Spec.Channels[0], channel: testenv.XiaomiChannel("ns", "xiaomi")}
	for _, tt := range []struct {
		name    string
		blocked bool
		want    metav1.ConditionStatus
		weight  condition.Severity
	}{
		{"slow", false, metav1.ConditionTrue, condition.Fine},
		{"blocked", true, metav1.ConditionUnknown, condition.Pending},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := observed{readings: map[string]reading{}}
			for pod, c := range map[string]report.Channel{
				"one": {Name: "xiaomi", State: report.Throttled, Code: "10017", Blocked: tt.blocked}, "two": {Name: "xiaomi", State: report.Delivering},
			} {
				p := corev1.Pod{}
				p.Name = pod
				o.pods, o.readings[pod] = append(o.pods, p), reading{report: report.Report{Channels: []report.Channel{c}}}
			}
			got := stateOf(r, o).fact
			if got.Status != tt.want || got.Reason != pushv1.ReasonVendorThrottled || got.Severity != tt.weight || !strings.Contains(got.Message, "10017") {
				t.Errorf("fact is %+v, want %s/VendorThrottled", got, tt.want)
			}
		})
	}
}
