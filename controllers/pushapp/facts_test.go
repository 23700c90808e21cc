package pushapp

import (
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/condition"
	"github.com/offlinepush/operator/controllers/render"
	"github.com/offlinepush/operator/controllers/testenv"
	"github.com/offlinepush/operator/dispatcher/report"
)

const revision = "0123456789abcdef"

// running is a Deployment whose status speaks of the rendered template.
func running(edit func(*appsv1.Deployment)) appsv1.Deployment {
	d := appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "chat-dispatcher", Generation: 2}}
	d.Spec.Template.Labels = map[string]string{render.RevisionLabel: revision}
	d.Status = appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 1, UpdatedReplicas: 1, AvailableReplicas: 1}
	edit(&d)
	return d
}

func waitingPod(reason string) corev1.Pod {
	return corev1.Pod{Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{
		Image: "registry.example.com/x:1", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason}},
		LastTerminationState: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 137, Reason: "OOMKilled"}},
	}}}}
}

func readyPod() corev1.Pod {
	return corev1.Pod{Status: corev1.PodStatus{Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}}}
}

// TestDesiredFollowsTheAutoscaler: its word is in the Deployment.
func TestDesiredFollowsTheAutoscaler(t *testing.T) {
	t.Parallel()
	var o observed
	app := testenv.App("ns", "chat", "xiaomi")
	for _, step := range []struct {
		name string
		edit func()
		want int32
	}{
		{"nothing said", func() {}, 1},
		{"a number", func() { app.Spec.Dispatcher.Replicas = 3 }, 3},
		{"another number in the Deployment", func() { o.deployment.Spec.Replicas = new(int32(7)) }, 3},
		{"autoscaling", func() {
			app.Spec.Dispatcher.Autoscaling = &pushv1.DispatcherAutoscaling{MinReplicas: 2, MaxReplicas: 9}
		}, 7},
		{"no Deployment yet", func() { o.deployment.Spec.Replicas = nil }, 2},
	} {
		step.edit()
		if got := o.desired(app); got != step.want {
			t.Errorf("%s: %d dispatchers are wanted, want %d", step.name, got, step.want)
		}
	}
}

func TestDispatcherAvailable(t *testing.T) {
	t.Parallel()
	none := func(d *appsv1.Deployment) { d.Status.AvailableReplicas = 0 }
	failing := func(kind appsv1.DeploymentConditionType, status corev1.ConditionStatus) func(*appsv1.Deployment) {
		return func(d *appsv1.Deployment) {
			none(d)
			d.Status.Conditions = []appsv1.DeploymentCondition{{Type: kind, Status: status, Message: "quota exceeded"}}
		}
	}
	unschedulable := corev1.Pod{Status: corev1.PodStatus{Conditions: []corev1.PodCondition{{
		Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable, Message: "0/3 nodes",
	}}}}
	homeless := *unschedulable.DeepCopy()
	homeless.Status.Conditions[0].Message = "pod has unbound immediate PersistentVolumeClaims"
	for _, tt := range []struct {
		name   string
		edit   func(*appsv1.Deployment)
		pods   []corev1.Pod
		reason string
		word   string
	}{
		{"well", func(*appsv1.Deployment) {}, []corev1.Pod{readyPod()}, pushv1.ReasonDispatcherAvailable, "1 of 1"},
		{"no Deployment", func(d *appsv1.Deployment) { d.Name = "" }, nil, pushv1.ReasonRollingOut, "0 of 1"},
		{"status of an older generation", func(d *appsv1.Deployment) { d.Generation = 3 }, []corev1.Pod{readyPod()}, pushv1.ReasonRollingOut, "1 of 1"},
		{"an older template", func(d *appsv1.Deployment) { d.Spec.Template.Labels = nil }, nil, pushv1.ReasonRollingOut, "0 of 1"},
		{"only old pods are ready", func(*appsv1.Deployment) {}, []corev1.Pod{{}}, pushv1.ReasonRollingOut, "0 of 1"},
		{"no node", none, []corev1.Pod{unschedulable}, pushv1.ReasonUnschedulable, "0/3 nodes; add such a node"},
		{"no volume", none, []corev1.Pod{homeless}, pushv1.ReasonUnschedulable, "PersistentVolumeClaims; the pod waits for its volume"},
		{"no image", none, []corev1.Pod{waitingPod("ImagePullBackOff")}, pushv1.ReasonImagePullFailed, "registry.example.com/x:1"},
		{"crashes", none, []corev1.Pod{waitingPod("CrashLoopBackOff")}, pushv1.ReasonCrashLooping, "137 (OOMKilled)"},
		{"starting", none, []corev1.Pod{waitingPod("ContainerCreating")}, pushv1.ReasonRollingOut, "0 of 1"},
		{"pods refused", failing(appsv1.DeploymentReplicaFailure, corev1.ConditionTrue), nil, pushv1.ReasonDeploymentFailed, "quota exceeded"},
		{"no progress", failing(appsv1.DeploymentProgressing, corev1.ConditionFalse), nil, pushv1.ReasonDeploymentFailed, "quota exceeded"},
		{"progress", failing(appsv1.DeploymentProgressing, corev1.ConditionTrue), nil, pushv1.ReasonRollingOut, "0 of 1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := dispatcherAvailable(1, observed{revision: revision, deployment: running(tt.edit), pods: tt.pods})
			well := got.Status == metav1.ConditionTrue && got.Severity == condition.Fine
			if got.Reason != tt.reason || !strings.Contains(got.Message, tt.word) || well != (tt.name == "well") {
				t.Errorf("fact is %+v, want %s with %q", got, tt.reason, tt.word)
			}
		})
	}
}

func TestStoreReadyFollowsTheVolume(t *testing.T) {
	t.Parallel()
	for phase, want := range map[corev1.PersistentVolumeClaimPhase]string{
		"": pushv1.ReasonVolumePending, corev1.ClaimPending: pushv1.ReasonVolumePending,
		corev1.ClaimLost: pushv1.ReasonVolumeLost, corev1.ClaimBound: pushv1.ReasonReportPending,
	} {
		var o observed
		o.claim.Status.Phase = phase
		app := testenv.App("ns", "chat", "xiaomi")
		app.Spec.Store.SQLite = &pushv1.SQLiteStore{}
		if got := storeReady(app, o); got.Reason != want || got.Severity == condition.Fine {
			t.Errorf("phase %q gives %+v, want %s", phase, got, want)
		}
	}
}

// TestStoreBeingOpened is nothing to act on, unless another dispatcher has trouble with it.
func TestStoreBeingOpened(t *testing.T) {
	t.Parallel()
	one, two := corev1.Pod{}, corev1.Pod{}
	one.Name, two.Name = "one", "two"
	app := testenv.App("ns", "chat", "xiaomi")
	app.Spec.Store.Postgres = &pushv1.PostgresStore{}
	o := observed{pods: []corev1.Pod{one, two}, readings: map[string]reading{"one": {report: report.Report{Store: report.Store{Opening: true}}}}}
	for _, step := range []struct {
		two    reading
		reason string
	}{
		{reading{problem: "connection refused", early: true}, pushv1.ReasonReportPending},
		{reading{report: report.Report{Store: report.Store{Ready: true}}}, pushv1.ReasonReportPending},
		{reading{report: report.Report{Store: report.Store{Error: "too many clients"}}}, pushv1.ReasonStoreUnavailable},
	} {
		o.readings["two"] = step.two
		if got := storeReady(app, o); got.Reason != step.reason || got.Severity != condition.Pending {
			t.Errorf("with %+v the fact is %+v, want %s", step.two, got, step.reason)
		}
	}
}

// TestEarlyReadings: a pod may be silent until it reports or accepts work for the first time.
func TestEarlyReadings(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		pod    corev1.Pod
		former map[string]reading
		want   bool
	}{
		{"new", corev1.Pod{}, nil, true},
		{"still silent", corev1.Pod{}, map[string]reading{"": {problem: "connection refused", early: true}}, true},
		{"accepts work", readyPod(), map[string]reading{"": {problem: "connection refused", early: true}}, false},
		{"reported before", corev1.Pod{}, map[string]reading{"": {}}, false},
		{"accepted work before", corev1.Pod{}, map[string]reading{"": {problem: "no answer in time"}}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			early := polled{readings: tt.former}.early(tt.pod)
			if early != tt.want {
				t.Errorf("early is %t, want %t", early, tt.want)
			}
			want := map[bool]string{true: pushv1.ReasonReportPending, false: pushv1.ReasonReportUnavailable}[early]
			got := configOf("new", map[string]reading{"": {problem: "connection refused", early: early}}, tt.pod)
			if got.Reason != want || got.Status != metav1.ConditionUnknown || !strings.Contains(got.Message, "connection refused") {
				t.Errorf("the fact is %+v, want Unknown/%s", got, want)
			}
		})
	}
}
