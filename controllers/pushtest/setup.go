package pushtest

import (
	"context"
	"fmt"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/reference"
)

// concurrency is the number of tests at a time; a pass may wait for dispatchers.
const concurrency = 8

// SetupWithManager registers the controller with its watches. What dispatchers know is asked for by time.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager) error {
	err := ctrl.NewControllerManagedBy(mgr).
		Named("pushtest").
		For(&pushv1.PushTest{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&pushv1.PushApp{}, handler.EnqueueRequestsFromMapFunc(r.testsOf), builder.WithPredicates(created())).
		WithOptions(controller.Options{MaxConcurrentReconciles: concurrency}).
		Complete(r)
	if err != nil {
		return fmt.Errorf("setting up controller pushtest: %w", err)
	}
	return nil
}

// testsOf enqueues the tests that wait for a new app.
func (r *Reconciler) testsOf(ctx context.Context, object client.Object) []reconcile.Request {
	var list pushv1.PushTestList
	err := r.Client.List(ctx, &list, client.InNamespace(object.GetNamespace()), client.MatchingFields{reference.TestApp: object.GetName()})
	if err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "listing the tests of an app")
		return nil
	}
	var requests []reconcile.Request
	for i := range list.Items {
		if test := &list.Items[i]; !finished(test) {
			requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(test)})
		}
	}
	return requests
}

// created lets through apps that are new.
func created() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(event.UpdateEvent) bool { return false },
		DeleteFunc: func(event.DeleteEvent) bool { return false },
	}
}
