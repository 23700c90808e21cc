package pushapp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/admin"
	"github.com/offlinepush/operator/controllers/condition"
	"github.com/offlinepush/operator/controllers/reference"
	"github.com/offlinepush/operator/controllers/render"
	"github.com/offlinepush/operator/dispatcher/config"
)

// apply writes the objects in their order. A volume that does not get its new size is in the way of none.
func (r *Reconciler) apply(ctx context.Context, app *pushv1.PushApp, pass *outcome, objects []render.Object) error {
	for _, object := range objects {
		err := r.applyOne(ctx, app, object)
		if trouble, ok := errors.AsType[volumeError](err); ok {
			pass.volume, err = trouble, nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// applyOne writes an object, unless it still is as it was left. One that somebody else made under its name stays untouched.
func (r *Reconciler) applyOne(ctx context.Context, app *pushv1.PushApp, object render.Object) error {
	kind, name := *object.GetKind(), *object.GetName()
	existing, err := r.existing(ctx, app, object)
	if err == nil {
		err = adoptable(app, existing)
	}
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("%s: %w", kind, err)
	}
	wanted, err := digest(object)
	if err != nil {
		return fmt.Errorf("%s: %w", kind, err)
	}
	key := client.ObjectKeyFromObject(app)
	if r.applied.holds(key, kind+"/"+name, entry{wanted: wanted, version: versionOf(kind, existing)}) {
		return nil
	}
	if err := r.Client.Apply(ctx, object, client.ForceOwnership); err != nil {
		return cmp.Or(volumeTrouble(app, existing, err), applyTrouble(kind, name, err))
	}
	return r.applied.store(key, wanted, object)
}

// existing is what stands under an object's name: from the cache, which holds only what the manager made, and else live.
func (r *Reconciler) existing(ctx context.Context, app *pushv1.PushApp, object render.Object) (client.Object, error) {
	key := client.ObjectKey{Namespace: app.Namespace, Name: *object.GetName()}
	if cached := cachedKind(*object.GetKind()); cached != nil {
		if err := r.Client.Get(ctx, key, cached, client.UnsafeDisableDeepCopy); !apierrors.IsNotFound(err) {
			return cached, err
		}
	}
	live := &metav1.PartialObjectMetadata{}
	live.SetGroupVersionKind(schema.FromAPIVersionAndKind(*object.GetAPIVersion(), *object.GetKind()))
	return live, r.Live.Get(ctx, key, live)
}

// cachedKind is an empty object of a kind that the cache holds; Secrets are not among them.
func cachedKind(kind string) client.Object {
	switch kind {
	case "Service":
		return &corev1.Service{}
	case "ServiceAccount":
		return &corev1.ServiceAccount{}
	case "PersistentVolumeClaim":
		return &corev1.PersistentVolumeClaim{}
	case "Deployment":
		return &appsv1.Deployment{}
	case "PodDisruptionBudget":
		return &policyv1.PodDisruptionBudget{}
	case "HorizontalPodAutoscaler":
		return &autoscalingv2.HorizontalPodAutoscaler{}
	}
	return nil
}

// applyTrouble tells a refusal of the spec from trouble that passes. The API server's words on a Secret stay out.
func applyTrouble(kind, name string, err error) error {
	if kind == "Secret" && !condition.NamespaceEnds(err) {
		return fmt.Errorf("applying Secret %s: the API server said %s", name, cmp.Or(string(apierrors.ReasonForError(err)), "nothing"))
	}
	if apierrors.IsInvalid(err) {
		return condition.Terminal(pushv1.ReasonInvalidSpec, "applying %s %s: %v; correct the field of the spec that it comes from", kind, name, err)
	}
	return fmt.Errorf("applying %s %s: %w", kind, name, err)
}

// renderTrouble tells what people must change.
func renderTrouble(err error) error {
	if errors.Is(err, config.ErrTooLarge) {
		return condition.Terminal(pushv1.ReasonConfigTooLarge, "%v: use fewer channels or push profiles", err)
	}
	return condition.Terminal(pushv1.ReasonInvalidSpec, "%v", err)
}

// prune deletes what the app owns and no longer asks for. The generated keys and a volume that is retained have no owner, and
// the Secret with the configuration has one name for ever.
func (r *Reconciler) prune(ctx context.Context, app *pushv1.PushApp, objects []render.Object) error {
	wanted := map[string]bool{}
	for _, object := range objects {
		wanted[*object.GetKind()+"/"+*object.GetName()] = true
	}
	lists := map[string]client.ObjectList{
		"Service": &corev1.ServiceList{}, "ServiceAccount": &corev1.ServiceAccountList{}, "Deployment": &appsv1.DeploymentList{},
		"PodDisruptionBudget": &policyv1.PodDisruptionBudgetList{}, "HorizontalPodAutoscaler": &autoscalingv2.HorizontalPodAutoscalerList{},
	}
	for kind, list := range lists {
		if err := r.pruneKind(ctx, app, list, func(name string) bool { return wanted[kind+"/"+name] }); err != nil {
			return fmt.Errorf("pruning %ss: %w", kind, err)
		}
	}
	return nil
}

func (r *Reconciler) pruneKind(ctx context.Context, app *pushv1.PushApp, list client.ObjectList, wanted func(string) bool) error {
	err := r.Client.List(ctx, list, client.InNamespace(app.Namespace), client.MatchingFields{reference.MadeFor: app.Name})
	if err != nil {
		return err
	}
	items, err := meta.ExtractList(list)
	if err != nil {
		return err
	}
	for _, item := range items {
		object, ok := item.(client.Object)
		if !ok || wanted(object.GetName()) || !metav1.IsControlledBy(object, app) {
			continue
		}
		err := r.Client.Delete(ctx, object, client.Preconditions{UID: new(object.GetUID())})
		if client.IgnoreNotFound(err) != nil {
			return err
		}
	}
	return nil
}

// touch annotates pods that run on another configuration, so that their kubelets refresh the mounted Secret at once.
func (r *Reconciler) touch(ctx context.Context, app *pushv1.PushApp, hash string) error {
	if !r.FastReload {
		return nil
	}
	pods, err := r.pods(ctx, app)
	if err != nil {
		return err
	}
	known, _ := r.Poller.of(client.ObjectKeyFromObject(app))
	for i := range pods {
		pod := &pods[i]
		if pod.Annotations[render.ConfigHashAnnotation] == hash || !outdated(pod, known.readings, hash) {
			continue
		}
		before := pod.DeepCopy()
		metav1.SetMetaDataAnnotation(&pod.ObjectMeta, render.ConfigHashAnnotation, hash)
		if err := r.Client.Patch(ctx, pod, client.MergeFrom(before)); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("annotating a pod: %w", err)
		}
	}
	return nil
}

// outdated reports whether a pod says that it runs on another configuration, or says nothing and started again, perhaps because
// it cannot run on what it was given. A new pod was given the newest.
func outdated(pod *corev1.Pod, readings map[string]reading, hash string) bool {
	if r, heard := readings[pod.Name]; heard && r.problem == "" {
		return r.report.Config.Hash != hash
	}
	return slices.ContainsFunc(pod.Status.ContainerStatuses, func(s corev1.ContainerStatus) bool { return s.RestartCount > 0 })
}

// pods lists the app's pods that do not end.
func (r *Reconciler) pods(ctx context.Context, app *pushv1.PushApp) ([]corev1.Pod, error) {
	return admin.LivePods(ctx, r.Client, client.ObjectKeyFromObject(app))
}
