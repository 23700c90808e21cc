// Package pushapp keeps PushApps: it resolves what an app refers to, renders
// and applies the objects that run it, and observes its dispatchers.
package pushapp

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/condition"
	"github.com/offlinepush/operator/controllers/render"
)

const (
	kind = "PushApp"

	// resync heals what no watch tells.
	resync = 10 * time.Minute
	// retry is for trouble whose end no watch tells, such as labels of namespaces and objects of others.
	retry = time.Minute
)

// Reconciler keeps PushApps.
type Reconciler struct {
	// Client reads from the cache, except Secrets and ConfigMaps, and writes.
	Client client.Client
	// Live reads without the cache, so that a status is never computed from an old one.
	Live client.Reader
	// Recorder emits events.
	Recorder events.EventRecorder
	// Poller reads the dispatchers' reports.
	Poller *Poller
	// Rollouts bounds what a new manager changes at a time.
	Rollouts *Rollouts
	// Image is the dispatcher's image where an app names none.
	Image string
	// Namespaces are those that the manager watches; empty means every one.
	Namespaces []string
	// Secrets tells of changed Secrets when the manager may neither list nor watch them; nil lets it do both.
	Secrets <-chan event.GenericEvent
	// FastReload touches pods when their configuration changed, so that kubelets refresh it at once.
	FastReload bool

	applied ledger
}

// +kubebuilder:rbac:groups=offlinepush.io,resources=pushapps;pushchannels,verbs=get;list;watch
// +kubebuilder:rbac:groups=offlinepush.io,resources=pushapps/status,verbs=patch
// +kubebuilder:rbac:groups="",resources=secrets;services;serviceaccounts,verbs=create;delete;get;list;patch;watch
// +kubebuilder:rbac:groups="",resources=persistentvolumeclaims,verbs=create;get;list;patch;watch
// +kubebuilder:rbac:groups="",resources=pods,verbs=get;list;patch;watch
// +kubebuilder:rbac:groups=apps,resources=deployments,verbs=create;delete;get;list;patch;watch
// +kubebuilder:rbac:groups=policy,resources=poddisruptionbudgets,verbs=create;delete;get;list;patch;watch
// +kubebuilder:rbac:groups=autoscaling,resources=horizontalpodautoscalers,verbs=create;delete;get;list;patch;watch
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// Reconcile brings one PushApp's objects and status up to date.
func (r *Reconciler) Reconcile(ctx context.Context, request ctrl.Request) (result ctrl.Result, err error) {
	app := &pushv1.PushApp{}
	if err := r.Live.Get(ctx, request.NamespacedName, app); client.IgnoreNotFound(err) != nil {
		return ctrl.Result{}, err
	} else if err != nil || !app.DeletionTimestamp.IsZero() {
		return ctrl.Result{}, r.forget(ctx, request.NamespacedName)
	}
	before := app.DeepCopy()
	var pass outcome
	defer func() {
		if condition.NamespaceEnds(err) {
			ctrl.LoggerFrom(ctx).Info("left as it is: the namespace is being deleted")
			result, err = ctrl.Result{}, nil
			return
		}
		pass.write(app)
		err = errors.Join(err, r.patchStatus(ctx, before, app))
	}()

	pass.rows, err = r.resolveRows(ctx, app)
	if err != nil {
		pass.trouble = err
		return ctrl.Result{}, err
	}
	output, convergeErr := r.converge(ctx, app, &pass)
	pass.trouble = convergeErr
	if output != nil {
		pass.hash = output.ConfigHash
		convergeErr = errors.Join(convergeErr, r.touch(ctx, app, output.ConfigHash))
	}
	pass.observed, err = r.observe(ctx, app, output)
	if err != nil {
		pass.trouble = errors.Join(pass.trouble, err)
		return ctrl.Result{}, errors.Join(condition.Transient(convergeErr), err)
	}
	pass.complete = true
	return ctrl.Result{RequeueAfter: pass.again()}, condition.Transient(convergeErr)
}

func (r *Reconciler) forget(ctx context.Context, name types.NamespacedName) error {
	r.Poller.forget(name)
	forgetCertificate(name)
	r.applied.forget(name)
	r.Rollouts.leave(name)
	condition.Forget(kind, name)
	return r.callNext(ctx)
}

// converge makes the cluster hold what the app asks for. With an output, an error is trouble that was not in its way.
func (r *Reconciler) converge(ctx context.Context, app *pushv1.PushApp, pass *outcome) (*render.Output, error) {
	auth, err := r.resolveAuth(ctx, app)
	if err != nil {
		return nil, err
	}
	callback, err := r.resolveCallback(ctx, app)
	if err != nil {
		return nil, err
	}
	database, err := r.resolveStore(ctx, app)
	if err != nil {
		return nil, err
	}
	if pass.certificate, err = r.resolveCertificate(ctx, app); err != nil {
		return nil, err
	}
	keys, err := r.keys(ctx, app)
	if err != nil {
		return nil, err
	}
	output, err := render.App(render.Input{
		App: app, Rows: rendered(pass.rows), Auth: auth, Callback: callback, Keys: keys, Database: database, Image: r.Image,
		Certificate: pass.certificate.pair,
	})
	if err != nil {
		return nil, renderTrouble(err)
	}
	if err := r.carryOut(ctx, app, pass, output); err != nil {
		return nil, err
	}
	r.Poller.track(ctx, client.ObjectKeyFromObject(app), target{key: keys.Report, hash: output.ConfigHash, revision: output.Revision})
	pass.certificate.publish(client.ObjectKeyFromObject(app))
	return output, errors.Join(pass.volume, pass.certificate.trouble)
}

// carryOut brings the cluster from what is there to what was rendered.
func (r *Reconciler) carryOut(ctx context.Context, app *pushv1.PushApp, pass *outcome, output *render.Output) error {
	waits, err := r.schedule(ctx, app, output)
	if err != nil {
		return err
	}
	objects := output.Objects
	if waits {
		pass.bound = r.Rollouts.limit
		objects = withoutDeployment(objects)
	} else if err := r.handOver(ctx, app); err != nil {
		return err
	}
	if err := r.apply(ctx, app, pass, objects); err != nil {
		return err
	}
	return errors.Join(r.prune(ctx, app, output.Objects), r.callNext(ctx))
}

// patchStatus writes the status if it changed, and announces a change of Ready.
func (r *Reconciler) patchStatus(ctx context.Context, before, after *pushv1.PushApp) error {
	if equality.Semantic.DeepEqual(before.Status, after.Status) {
		condition.Publish(kind, client.ObjectKeyFromObject(after), after.Status.Conditions)
		return nil
	}
	patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
	if err := r.Client.Status().Patch(ctx, after, patch); err != nil {
		return client.IgnoreNotFound(fmt.Errorf("writing the status: %w", err))
	}
	condition.Publish(kind, client.ObjectKeyFromObject(after), after.Status.Conditions)
	condition.Announce(r.Recorder, after, before.Status.Conditions, after.Status.Conditions)
	return nil
}
