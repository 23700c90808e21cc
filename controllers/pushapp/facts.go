package pushapp

import (
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/condition"
	"github.com/offlinepush/operator/controllers/render"
)

// storeReady says whether the dispatchers can use the store.
func storeReady(app *pushv1.PushApp, o observed) condition.Fact {
	const name = pushv1.ConditionStoreReady
	switch {
	case app.Spec.Store.SQLite == nil:
	case o.claim.Status.Phase == corev1.ClaimLost:
		return condition.False(name, pushv1.ReasonVolumeLost,
			"the volume behind PersistentVolumeClaim "+o.claim.Name+" is gone: restore it", condition.Stuck)
	case o.claim.Status.Phase != corev1.ClaimBound:
		return condition.False(name, pushv1.ReasonVolumePending, unbound(o.claim), condition.Pending)
	}
	heard, opening := 0, 0
	for _, pod := range o.pods {
		r, ok := o.readings[pod.Name]
		if !ok || r.problem != "" {
			continue
		}
		heard++
		switch said := r.report.Store; {
		case said.Foreign:
			return condition.False(name, pushv1.ReasonStoreMismatch, "a dispatcher says: "+said.Error, condition.Stuck)
		case said.Opening:
			opening++
		case !said.Ready:
			return condition.False(name, pushv1.ReasonStoreUnavailable, "a dispatcher says: "+said.Error+storeCure(app), condition.Pending)
		}
	}
	return storeSeen(heard, opening)
}

// storeSeen is what dispatchers without trouble say of the store.
func storeSeen(heard, opening int) condition.Fact {
	const name = pushv1.ConditionStoreReady
	switch {
	case heard == 0:
		return condition.Unknown(name, pushv1.ReasonReportPending, "no dispatcher reported yet", condition.Pending)
	case opening > 0:
		return condition.Unknown(name, pushv1.ReasonReportPending, "a dispatcher is opening the store", condition.Pending)
	}
	return condition.True(name, pushv1.ReasonStoreReady, "the dispatchers read and write the store")
}

// storeCure says where to look when the dispatchers cannot use the store.
func storeCure(app *pushv1.PushApp) string {
	if store := app.Spec.Store.Postgres; store != nil {
		return fmt.Sprintf("; trying again; see that the database of Secret %s runs and lets the dispatchers in", store.SecretRef.Name)
	}
	return "; trying again; see that PersistentVolumeClaim " + render.NamesOf(app.Name).Data + " has room and can be written"
}

// unbound says what a claim waits for.
func unbound(claim corev1.PersistentVolumeClaim) string {
	class := "the default StorageClass"
	if c := claim.Spec.StorageClassName; c != nil && *c != "" {
		class = "StorageClass " + *c
	}
	return fmt.Sprintf("PersistentVolumeClaim %s is not bound yet; if it stays so, check that %s exists and has room: kubectl describe pvc %s",
		claim.Name, class, claim.Name)
}

// dispatcherAvailable says whether the wanted number of dispatchers accepts work.
func dispatcherAvailable(desired int32, o observed) condition.Fact {
	const name = pushv1.ConditionDispatcherAvailable
	if o.current() && o.ready() >= desired {
		return condition.True(name, pushv1.ReasonDispatcherAvailable, fmt.Sprintf("%d of %d dispatchers accept work", o.ready(), desired))
	}
	for _, pod := range o.pods {
		if f, found := podTrouble(pod); found {
			return f
		}
	}
	if o.current() {
		if f, found := deploymentTrouble(o.deployment); found {
			return f
		}
	}
	return condition.False(name, pushv1.ReasonRollingOut, fmt.Sprintf("%d of %d dispatchers accept work", o.ready(), desired), condition.Pending)
}

func podTrouble(pod corev1.Pod) (condition.Fact, bool) {
	const name = pushv1.ConditionDispatcherAvailable
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse && c.Reason == corev1.PodReasonUnschedulable {
			return condition.False(name, pushv1.ReasonUnschedulable, unschedulable(c.Message), condition.Pending), true
		}
	}
	for _, s := range pod.Status.ContainerStatuses {
		if s.State.Waiting == nil {
			continue
		}
		switch s.State.Waiting.Reason {
		case "ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull":
			return condition.False(name, pushv1.ReasonImagePullFailed, "the node cannot get image "+s.Image+
				"; check spec.dispatcher.image and imagePullSecrets", condition.Pending), true
		case "CrashLoopBackOff":
			return condition.False(name, pushv1.ReasonCrashLooping, crash(s), condition.Pending), true
		}
	}
	return condition.Fact{}, false
}

func unschedulable(words string) string {
	cure := "; add such a node, or change nodeSelector, tolerations or resources in spec.dispatcher"
	if strings.Contains(words, "PersistentVolume") || strings.Contains(words, "persistent volume") {
		cure = "; the pod waits for its volume: see kubectl describe pvc, and spec.store.sqlite.storageClassName"
	}
	return "the scheduler says: " + words + cure
}

func crash(s corev1.ContainerStatus) string {
	text := "a dispatcher ends again and again: see kubectl logs --previous"
	t := s.LastTerminationState.Terminated
	if t == nil {
		return text
	}
	text += fmt.Sprintf("; it ended with exit code %d (%s)", t.ExitCode, t.Reason)
	if t.Reason == "OOMKilled" {
		text += ": raise spec.dispatcher.resources.limits.memory"
	}
	return text
}

func deploymentTrouble(d appsv1.Deployment) (condition.Fact, bool) {
	for _, c := range d.Status.Conditions {
		failed := c.Type == appsv1.DeploymentReplicaFailure && c.Status == corev1.ConditionTrue
		stuck := c.Type == appsv1.DeploymentProgressing && c.Status == corev1.ConditionFalse
		if failed || stuck {
			return condition.False(pushv1.ConditionDispatcherAvailable, pushv1.ReasonDeploymentFailed,
				"the Deployment says: "+c.Message, condition.Pending), true
		}
	}
	return condition.Fact{}, false
}

// configApplied says whether every dispatcher of the revision runs on the configuration with the hash.
func configApplied(hash string, o observed) condition.Fact {
	const name = pushv1.ConditionConfigApplied
	if len(o.pods) == 0 {
		return condition.False(name, pushv1.ReasonConfigPending, "no dispatcher of the current version runs yet", condition.Pending)
	}
	facts := make([]condition.Fact, 0, len(o.pods))
	for _, pod := range o.pods {
		facts = append(facts, configOf(hash, o.readings, pod))
	}
	return slices.MaxFunc(facts, func(a, b condition.Fact) int { return configRank(a) - configRank(b) })
}

func configOf(hash string, readings map[string]reading, pod corev1.Pod) condition.Fact {
	const name = pushv1.ConditionConfigApplied
	r, ok := readings[pod.Name]
	switch {
	case !ok:
		return condition.Unknown(name, pushv1.ReasonReportPending, "a dispatcher did not report yet", condition.Pending)
	case r.early:
		return condition.Unknown(name, pushv1.ReasonReportPending, "a dispatcher starts and did not report yet: "+r.problem+
			"; if it stays so, see kubectl logs of the dispatchers", condition.Pending)
	case r.problem != "":
		return condition.Unknown(name, pushv1.ReasonReportUnavailable, "a dispatcher's report cannot be read: "+r.problem+
			"; see kubectl logs of the dispatchers, and that NetworkPolicies let the manager reach their port 9090", condition.Pending)
	case r.report.Config.Hash == hash:
		return condition.True(name, pushv1.ReasonConfigApplied, "every dispatcher runs on configuration "+hash)
	case r.report.Config.Error != "":
		return condition.False(name, pushv1.ReasonConfigRejected,
			"a dispatcher refused the configuration and runs on the one before: "+r.report.Config.Error, condition.Pending)
	}
	return condition.False(name, pushv1.ReasonConfigPending, "a dispatcher has yet to load configuration "+hash, condition.Pending)
}

// configRank orders what pods say: a refusal before a wait before silence before agreement.
func configRank(f condition.Fact) int {
	switch {
	case f.Reason == pushv1.ReasonConfigRejected:
		return 3
	case f.Status == metav1.ConditionFalse:
		return 2
	case f.Status == metav1.ConditionUnknown:
		return 1
	}
	return 0
}
