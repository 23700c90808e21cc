package condition

import (
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
)

// Announce emits an event when Ready changed its status or its reason, or began or ceased to need people. While Ready stays as
// it is, every other condition that changed gets one, such as that of a credential that soon ends. Nothing else does.
func Announce(recorder events.EventRecorder, object runtime.Object, before, after []metav1.Condition) {
	for _, c := range transitions(before, after) {
		recorder.Eventf(object, nil, eventType(after, c), c.Reason, "Reconcile", "%s", c.Message)
	}
}

func transitions(before, after []metav1.Condition) []metav1.Condition {
	stalls := meta.IsStatusConditionTrue(before, pushv1.ConditionStalled) != meta.IsStatusConditionTrue(after, pushv1.ConditionStalled)
	if is := meta.FindStatusCondition(after, pushv1.ConditionReady); is == nil || stalls || differs(before, *is) {
		return slices.DeleteFunc(slices.Clone(after), func(c metav1.Condition) bool { return c.Type != pushv1.ConditionReady })
	}
	var changed []metav1.Condition
	for _, c := range after {
		// Reconciling and Stalled say again what another condition says.
		again := c.Type == pushv1.ConditionReconciling || c.Type == pushv1.ConditionStalled
		if !again && meta.FindStatusCondition(before, c.Type) != nil && differs(before, c) {
			changed = append(changed, c)
		}
	}
	return changed
}

func differs(before []metav1.Condition, is metav1.Condition) bool {
	was := meta.FindStatusCondition(before, is.Type)
	return was == nil || was.Status != is.Status || was.Reason != is.Reason
}
