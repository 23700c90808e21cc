package pushapp

import (
	"errors"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/condition"
	"github.com/offlinepush/operator/controllers/testenv"
)

// TestReadyNamesTheCause has what a node, a scheduler or a volume can do to an app: Ready says that, and not what follows.
func TestReadyNamesTheCause(t *testing.T) {
	t.Parallel()
	unschedulable := corev1.Pod{Status: corev1.PodStatus{Conditions: []corev1.PodCondition{{
		Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable,
		Message: "0/3 nodes are available: 3 Insufficient memory.",
	}}}}
	for _, tt := range []struct {
		reason  string
		pods    []corev1.Pod
		edit    func(*appsv1.Deployment)
		volume  corev1.PersistentVolumeClaimPhase
		trouble error
		stalled bool
	}{
		{reason: pushv1.ReasonUnschedulable, pods: []corev1.Pod{unschedulable}},
		{reason: pushv1.ReasonImagePullFailed, pods: []corev1.Pod{waitingPod("ImagePullBackOff")}},
		{reason: pushv1.ReasonCrashLooping, pods: []corev1.Pod{waitingPod("CrashLoopBackOff")}},
		{reason: pushv1.ReasonDeploymentFailed, edit: func(d *appsv1.Deployment) {
			d.Status.Conditions = []appsv1.DeploymentCondition{{
				Type: appsv1.DeploymentReplicaFailure, Status: corev1.ConditionTrue, Message: "exceeded quota: team",
			}}
		}},
		{reason: pushv1.ReasonVolumeLost, volume: corev1.ClaimLost, stalled: true},
		{reason: pushv1.ReasonConfigTooLarge, stalled: true, trouble: condition.Terminal(pushv1.ReasonConfigTooLarge, "600 KiB: use fewer channels or push profiles")},
		{reason: pushv1.ReasonInvalidSpec, stalled: true, trouble: condition.Terminal(pushv1.ReasonInvalidSpec, "applying Deployment chat-dispatcher: invalid")},
		{reason: pushv1.ReasonApplyFailed, trouble: errors.New("etcd is away")},
		{reason: pushv1.ReasonConfigPending},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			app := testenv.App("ns", "chat", "xiaomi")
			app.Generation, app.Spec.Dispatcher.Replicas, app.Spec.Store.SQLite = 1, 1, &pushv1.SQLiteStore{}
			seen := outcome{complete: true, trouble: tt.trouble, observed: observed{revision: revision, pods: tt.pods}}
			seen.observed.deployment = running(func(d *appsv1.Deployment) {
				d.Status.AvailableReplicas = 0
				if tt.edit != nil {
					tt.edit(d)
				}
			})
			seen.observed.claim.Name, seen.observed.claim.Status.Phase = "chat-data", corev1.ClaimBound
			if tt.volume != "" {
				seen.observed.claim.Status.Phase = tt.volume
			}
			seen.write(app)
			recorder := events.NewFakeRecorder(1)
			condition.Announce(recorder, app, nil, app.Status.Conditions)
			if got := <-recorder.Events; strings.HasPrefix(got, corev1.EventTypeWarning) == (tt.reason == pushv1.ReasonConfigPending) {
				t.Errorf("the event is %q", got)
			}
			if err := testenv.CheckStatus(app); err != nil {
				t.Error(err)
			}
			ready := meta.FindStatusCondition(app.Status.Conditions, pushv1.ConditionReady)
			if ready.Reason != tt.reason || ready.Status != metav1.ConditionFalse {
				t.Errorf("Ready is %s/%s (%s), want False/%s", ready.Status, ready.Reason, ready.Message, tt.reason)
			}
			if got := meta.IsStatusConditionTrue(app.Status.Conditions, pushv1.ConditionStalled); got != tt.stalled {
				t.Errorf("Stalled is %t, want %t", got, tt.stalled)
			}
		})
	}
}
