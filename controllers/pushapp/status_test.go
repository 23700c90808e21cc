package pushapp

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/condition"
	"github.com/offlinepush/operator/controllers/testenv"
)

// TestIncompletePassKeepsWhatItDidNotLookAt: an API server that fails once does not make conditions come and go.
func TestIncompletePassKeepsWhatItDidNotLookAt(t *testing.T) {
	t.Parallel()
	refused := condition.Terminal(pushv1.ReasonAmbiguousChannel, "two rows serve the same phones")
	for _, tt := range []struct {
		name    string
		trouble error
		ready   string
		also    string
	}{
		{"waiting before", nil, pushv1.ReasonApplyFailed, pushv1.ConditionReconciling},
		{"stalled before", refused, pushv1.ReasonAmbiguousChannel, pushv1.ConditionStalled},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			app := testenv.App("ns", "chat", "xiaomi")
			app.Generation, app.Spec.Dispatcher.Replicas = 1, 1
			seen := outcome{
				rows: []row{{
					spec: app.Spec.Channels[0], channel: testenv.XiaomiChannel("ns", "xiaomi"), trouble: tt.trouble,
				}},
				observed: observed{revision: revision, deployment: running(func(*appsv1.Deployment) {})},
				complete: true,
			}
			seen.observed.claim.Status.Phase = corev1.ClaimBound
			seen.write(app)
			before := app.DeepCopy()

			app.Generation = 2
			outcome{trouble: errors.New("etcd is away")}.write(app)
			if err := testenv.CheckStatus(app); err != nil {
				t.Error(err)
			}
			for _, name := range []string{pushv1.ConditionChannelsReady, pushv1.ConditionStoreReady, pushv1.ConditionDispatcherAvailable} {
				was, is := meta.FindStatusCondition(before.Status.Conditions, name), meta.FindStatusCondition(app.Status.Conditions, name)
				if diff := cmp.Diff(was, is); diff != "" {
					t.Errorf("%s (-before +after):\n%s", name, diff)
				}
			}
			for name, want := range map[string]string{
				pushv1.ConditionConfigApplied: pushv1.ReasonApplyFailed, pushv1.ConditionReady: tt.ready, tt.also: tt.ready,
			} {
				if got := meta.FindStatusCondition(app.Status.Conditions, name); got == nil || got.Reason != want {
					t.Errorf("%s is %+v, want reason %s", name, got, want)
				}
			}
			if meta.IsStatusConditionTrue(app.Status.Conditions, pushv1.ConditionReady) {
				t.Error("Ready is True although the pass failed")
			}
		})
	}
}

// TestFirstPassIncomplete: a status from nothing claims nothing of what was not looked at.
func TestFirstPassIncomplete(t *testing.T) {
	t.Parallel()
	app := testenv.App("ns", "chat", "xiaomi")
	app.Generation, app.Status.ObservedGeneration = 1, -1
	outcome{trouble: errors.New("etcd is away")}.write(app)
	if err := testenv.CheckStatus(app); err != nil {
		t.Error(err)
	}
	var got []string
	for _, c := range app.Status.Conditions {
		got = append(got, c.Type)
	}
	want := []string{pushv1.ConditionConfigApplied, pushv1.ConditionReady, pushv1.ConditionReconciling}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("conditions (-want +got):\n%s", diff)
	}
}
