package condition

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
)

// Announce emits an event when Ready changed its status or its reason, and never otherwise.
func Announce(recorder events.EventRecorder, object runtime.Object, before, after []metav1.Condition) {
	was, is := meta.FindStatusCondition(before, pushv1.ConditionReady), meta.FindStatusCondition(after, pushv1.ConditionReady)
	if is == nil || (was != nil && was.Status == is.Status && was.Reason == is.Reason) {
		return
	}
	kind := corev1.EventTypeWarning
	if is.Status == metav1.ConditionTrue || is.Reason == pushv1.ReasonSuspended || is.Reason == pushv1.ReasonPushing {
		kind = corev1.EventTypeNormal
	}
	recorder.Eventf(object, nil, kind, is.Reason, "Reconcile", "%s", is.Message)
}
