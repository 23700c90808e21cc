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
