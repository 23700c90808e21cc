package condition_test

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/condition"
)

// TestPublish follows one object from its first status to its end.
func TestPublish(t *testing.T) {
	t.Parallel()
	name := types.NamespacedName{Namespace: "push", Name: "chat"}
	status := func(is metav1.ConditionStatus, reason string) []metav1.Condition {
		return []metav1.Condition{{Type: pushv1.ConditionReady, Status: is, Reason: reason, Message: "says the vendor"}}
	}
	const metric = "offlinepush_condition"
	want := func(text string) {
		t.Helper()
		if text != "" {
			text = "# HELP " + metric + " 1 for each condition of an object as its status has it.\n# TYPE " + metric + " gauge\n" + text + "\n"
		}
		if err := testutil.GatherAndCompare(metrics.Registry, strings.NewReader(text), metric); err != nil {
			t.Error(err)
		}
	}
	condition.Publish("PushApp", name, status(metav1.ConditionFalse, "RollingOut"))
	want(metric + `{kind="PushApp",name="chat",namespace="push",reason="RollingOut",status="False",type="Ready"} 1`)
	condition.Publish("PushApp", name, status(metav1.ConditionTrue, "Ready"))
	want(metric + `{kind="PushApp",name="chat",namespace="push",reason="Ready",status="True",type="Ready"} 1`)
	condition.Forget("PushChannel", name)
	want(metric + `{kind="PushApp",name="chat",namespace="push",reason="Ready",status="True",type="Ready"} 1`)
	condition.Forget("PushApp", name)
	want("")
}
