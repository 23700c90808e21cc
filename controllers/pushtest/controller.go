// Package pushtest runs PushTests: it asks a dispatcher for the push, under the
// object's UID so that it never happens twice, and writes down what the hops
// answered.
package pushtest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/condition"
	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/report"
)

// Pusher asks the dispatcher at an address for a push, or how far it is. A refusal is an *admin.RefusedError.
type Pusher interface {
	Push(ctx context.Context, podIP string, key config.Secret, test report.PushTest) (report.PushTestState, error)
}

// Reconciler runs PushTests. It remembers nothing: the dispatchers' store knows which UIDs were pushed.
type Reconciler struct {
	// Client reads from the cache, except Secrets and ConfigMaps, and writes.
	Client client.Client
	// Live reads without the cache, so that a status is never computed from an old one.
	Live client.Reader
	// Recorder emits events.
	Recorder events.EventRecorder
	// Dispatchers take the tests.
	Dispatchers Pusher
}

// +kubebuilder:rbac:groups=offlinepush.io,resources=pushtests,verbs=get;list;watch;delete
// +kubebuilder:rbac:groups=offlinepush.io,resources=pushtests/status,verbs=patch
// +kubebuilder:rbac:groups=offlinepush.io,resources=pushapps,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=secrets,verbs=get
// +kubebuilder:rbac:groups="",resources=pods,verbs=get;list;watch
// +kubebuilder:rbac:groups=apps,resources=deployments,verbs=get;list;watch
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// Reconcile brings one PushTest further.
func (r *Reconciler) Reconcile(ctx context.Context, request ctrl.Request) (result ctrl.Result, err error) {
	test := &pushv1.PushTest{}
	if err := r.Live.Get(ctx, request.NamespacedName, test); err != nil || !test.DeletionTimestamp.IsZero() {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if expired(test, time.Now()) {
		return ctrl.Result{}, r.remove(ctx, test)
	}
	if !asks(test, time.Now()) {
		return ctrl.Result{RequeueAfter: again(test, answer{}, time.Now())}, nil
	}
	before := test.DeepCopy()
	var found answer
	defer func() {
		found.write(test, time.Now())
		err = errors.Join(err, r.patchStatus(ctx, before, test))
		if err == nil {
			result.RequeueAfter = again(test, found, time.Now())
		}
	}()
	found = r.ask(ctx, test)
	return ctrl.Result{}, condition.Transient(found.trouble)
}

// remove deletes a test whose time is over; another object of its name stays.
func (r *Reconciler) remove(ctx context.Context, test *pushv1.PushTest) error {
	if err := r.Client.Delete(ctx, test, client.Preconditions{UID: &test.UID}); err != nil {
		return client.IgnoreNotFound(fmt.Errorf("deleting the finished test: %w", err))
	}
	return nil
}

// patchStatus writes the status if it changed, and announces a change of Ready.
func (r *Reconciler) patchStatus(ctx context.Context, before, after *pushv1.PushTest) error {
	if equality.Semantic.DeepEqual(before.Status, after.Status) {
		return nil
	}
	patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
	if err := r.Client.Status().Patch(ctx, after, patch); err != nil {
		return client.IgnoreNotFound(fmt.Errorf("writing the status: %w", err))
	}
	condition.Announce(r.Recorder, after, before.Status.Conditions, after.Status.Conditions)
	return nil
}
