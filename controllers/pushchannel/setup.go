package pushchannel

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	ctrlsource "sigs.k8s.io/controller-runtime/pkg/source"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/reference"
	"github.com/offlinepush/operator/controllers/render"
)

// concurrency is the number of channels at a time; a pass may wait for a vendor.
const concurrency = 8

// SetupWithManager registers the controller with its watches.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager) error {
	b := ctrl.NewControllerManagedBy(mgr).
		Named("pushchannel").
		For(&pushv1.PushChannel{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		WatchesMetadata(&corev1.ConfigMap{}, r.channelsBy(reference.ChannelConfigMap)).
		Watches(&pushv1.PushApp{}, handler.EnqueueRequestsFromMapFunc(r.channelsOfApp), builder.WithPredicates(rowsChanged())).
		WithOptions(controller.Options{MaxConcurrentReconciles: concurrency})
	secretChanged := r.channelsBy(reference.ChannelSecret)
	if r.Secrets != nil {
		b = b.WatchesRawSource(ctrlsource.Channel(r.Secrets, secretChanged))
	} else {
		b = b.WatchesMetadata(&corev1.Secret{}, secretChanged, builder.WithPredicates(notMade()))
	}
	if err := b.Complete(r); err != nil {
		return fmt.Errorf("setting up controller pushchannel: %w", err)
	}
	return nil
}

// channelsBy enqueues the channels that refer to the object.
func (r *Reconciler) channelsBy(field string) handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, object client.Object) []reconcile.Request {
		var list pushv1.PushChannelList
		err := r.Client.List(ctx, &list, client.InNamespace(object.GetNamespace()), client.MatchingFields{field: object.GetName()})
		if err != nil {
			ctrl.LoggerFrom(ctx).Error(err, "listing the channels that refer to an object", "field", field)
			return nil
		}
		requests := make([]reconcile.Request, 0, len(list.Items))
		for i := range list.Items {
			requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&list.Items[i])})
		}
		return requests
	})
}

// channelsOfApp enqueues the channels of an app that exist in a watched namespace.
func (r *Reconciler) channelsOfApp(ctx context.Context, object client.Object) []reconcile.Request {
	app, ok := object.(*pushv1.PushApp)
	if !ok {
		return nil
	}
	requests := make([]reconcile.Request, 0, len(app.Spec.Channels))
	for _, row := range app.Spec.Channels {
		name := reference.Channel(app, row)
		if r.Client.Get(ctx, name, &pushv1.PushChannel{}) == nil {
			requests = append(requests, reconcile.Request{NamespacedName: name})
		}
	}
	return requests
}

// rowsChanged lets through what changes the channels' view of an app. The handler sees the old object too, so that a row that
// was removed is noticed.
func rowsChanged() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		before, isApp := e.ObjectOld.(*pushv1.PushApp)
		after, stillApp := e.ObjectNew.(*pushv1.PushApp)
		return isApp && stillApp && (before.Generation != after.Generation || slices.ContainsFunc(after.Spec.Channels, func(row pushv1.AppChannel) bool {
			channel := reference.Channel(after, row)
			return !slices.Equal(said(before, channel), said(after, channel))
		}))
	}}
}

// notMade leaves out Secrets that appear under the label of a channel: its own controller made them.
func notMade() predicate.Predicate {
	return predicate.Funcs{CreateFunc: func(e event.CreateEvent) bool { return e.Object.GetLabels()[render.ChannelLabel] == "" }}
}
