package pushapp

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/reference"
	"github.com/offlinepush/operator/controllers/render"
)

const (
	concurrency = 4
	// A poll waits for pods, not for the API server.
	pollConcurrency = 16
)

// SetupWithManager registers the controller and its poller with their watches. What belongs to an app is found by label,
// because the generated keys and the volume have no owner.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager) error {
	mine := handler.EnqueueRequestsFromMapFunc(appOfLabel)
	b := ctrl.NewControllerManagedBy(mgr).
		Named("pushapp").
		For(&pushv1.PushApp{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&pushv1.PushApp{}, handler.EnqueueRequestsFromMapFunc(r.siblings), builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&pushv1.PushChannel{}, handler.EnqueueRequestsFromMapFunc(r.appsOfChannel), builder.WithPredicates(channelChanged())).
		Watches(&appsv1.Deployment{}, mine).
		Watches(&corev1.Service{}, mine).
		Watches(&corev1.ServiceAccount{}, mine).
		Watches(&corev1.PersistentVolumeClaim{}, mine).
		Watches(&policyv1.PodDisruptionBudget{}, mine, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&autoscalingv2.HorizontalPodAutoscaler{}, mine, builder.WithPredicates(autoscalerChanged())).
		Watches(&corev1.Pod{}, mine, builder.WithPredicates(podChanged())).
		WatchesRawSource(source.Channel(r.Poller.changed, &handler.EnqueueRequestForObject{})).
		WithOptions(controller.Options{MaxConcurrentReconciles: concurrency})
	secretChanged := handler.EnqueueRequestsFromMapFunc(r.appsOfSecret)
	if r.Secrets != nil {
		b = b.WatchesRawSource(source.Channel(r.Secrets, secretChanged))
	} else {
		b = b.WatchesMetadata(&corev1.Secret{}, secretChanged)
	}
	if err := b.Complete(r); err != nil {
		return fmt.Errorf("setting up controller pushapp: %w", err)
	}
	err := ctrl.NewControllerManagedBy(mgr).
		Named("reports").
		Watches(&corev1.Pod{}, mine, builder.WithPredicates(podChanged())).
		WatchesRawSource(source.Channel(r.Poller.due, &handler.EnqueueRequestForObject{})).
		WithOptions(controller.Options{MaxConcurrentReconciles: pollConcurrency}).
		Complete(r.Poller)
	if err != nil {
		return fmt.Errorf("setting up controller reports: %w", err)
	}
	return nil
}

// appOfLabel enqueues the app that the object's label names.
func appOfLabel(_ context.Context, object client.Object) []reconcile.Request {
	app := object.GetLabels()[render.AppLabel]
	if app == "" {
		return nil
	}
	return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: object.GetNamespace(), Name: app}}}
}

// siblings enqueues the other apps of the same channels: their shares of the limits may change.
func (r *Reconciler) siblings(ctx context.Context, object client.Object) []reconcile.Request {
	app, ok := object.(*pushv1.PushApp)
	if !ok {
		return nil
	}
	var requests []reconcile.Request
	for _, row := range app.Spec.Channels {
		requests = append(requests, r.appsOf(ctx, reference.Channel(app, row))...)
	}
	return requests
}

func (r *Reconciler) appsOfChannel(ctx context.Context, object client.Object) []reconcile.Request {
	return r.appsOf(ctx, client.ObjectKeyFromObject(object))
}

// appsOfSecret enqueues the apps that refer to a Secret, that send with an accepted one, or that it was made for.
func (r *Reconciler) appsOfSecret(ctx context.Context, object client.Object) []reconcile.Request {
	if channel := object.GetLabels()[render.ChannelLabel]; channel != "" {
		return r.appsOf(ctx, types.NamespacedName{Namespace: object.GetNamespace(), Name: channel})
	}
	requests := appOfLabel(ctx, object)
	var list pushv1.PushAppList
	err := r.Client.List(ctx, &list, client.InNamespace(object.GetNamespace()), client.MatchingFields{reference.AppSecret: object.GetName()})
	if err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "listing the apps that refer to a Secret")
	}
	return append(requests, requestsFor(list.Items)...)
}

func (r *Reconciler) appsOf(ctx context.Context, channel types.NamespacedName) []reconcile.Request {
	apps, err := reference.AppsOf(ctx, r.Client, channel)
	if err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "listing the apps of a channel")
	}
	return requestsFor(apps)
}

func requestsFor(apps []pushv1.PushApp) []reconcile.Request {
	requests := make([]reconcile.Request, 0, len(apps))
	for i := range apps {
		requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&apps[i])})
	}
	return requests
}

// channelChanged lets through what changes an app's view of a channel.
func channelChanged() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		before, isChannel := e.ObjectOld.(*pushv1.PushChannel)
		after, stillChannel := e.ObjectNew.(*pushv1.PushChannel)
		return isChannel && stillChannel && (before.Generation != after.Generation ||
			!equality.Semantic.DeepEqual(before.Status.Conditions, after.Status.Conditions))
	}}
}

// autoscalerChanged leaves out what the autoscaler measures all the time; its generation counts nothing on older clusters.
func autoscalerChanged() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		before, isScaler := e.ObjectOld.(*autoscalingv2.HorizontalPodAutoscaler)
		after, stillScaler := e.ObjectNew.(*autoscalingv2.HorizontalPodAutoscaler)
		return isScaler && stillScaler && !equality.Semantic.DeepEqual(before.Spec, after.Spec)
	}}
}

// podChanged leaves out changes that the manager makes itself.
func podChanged() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		before, isPod := e.ObjectOld.(*corev1.Pod)
		after, stillPod := e.ObjectNew.(*corev1.Pod)
		return isPod && stillPod && (before.DeletionTimestamp.IsZero() != after.DeletionTimestamp.IsZero() ||
			!equality.Semantic.DeepEqual(before.Status, after.Status))
	}}
}
