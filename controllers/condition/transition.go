package condition

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
)

// Announce emits an event when Ready changed its status or its reason. While Ready stays as it is, every other condition
// that changed gets one, such as that of a credential that soon ends. Nothing else does.
func Announce(recorder events.EventRecorder, object runtime.Object, before, after []metav1.Condition) {
	for _, c := range transitions(before, after) {
		recorder.Eventf(object, nil, eventType(c), c.Reason, "Reconcile", "%s", c.Message)
	}
}

func transitions(before, after []metav1.Condition) []metav1.Condition {
	if is := meta.FindStatusCondition(after, pushv1.ConditionReady); is == nil || differs(before, *is) {
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

// eventType is Normal for what is as it should be or as people want it, or is only waited for.
func eventType(c metav1.Condition) string {
	asWanted := []string{
		pushv1.ReasonSuspended, pushv1.ReasonPushing, pushv1.ReasonNoTraffic, pushv1.ReasonNotProbed, pushv1.ReasonConfigPending,
	}
	if c.Reason != pushv1.ReasonCredentialExpiring && (c.Status == metav1.ConditionTrue || slices.Contains(asWanted, c.Reason)) {
		return corev1.EventTypeNormal
	}
	return corev1.EventTypeWarning
}
