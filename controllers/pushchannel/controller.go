// Package pushchannel keeps PushChannels: it finds their credential, proves it
// at the vendor, keeps the accepted one for the PushApps, and says what the
// PushApps make of it.
package pushchannel

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/condition"
	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/provider"
)

const kind = "PushChannel"

// Reconciler keeps PushChannels.
type Reconciler struct {
	// Client reads from the cache, except Secrets and ConfigMaps, and writes.
	Client client.Client
	// Live reads without the cache, so that a status is never computed from an old one.
	Live client.Reader
	// Recorder emits events.
	Recorder events.EventRecorder
	// NewProvider makes the vendor's client that probes.
	NewProvider func(config.Channel, provider.Deps) (provider.Provider, error)
	// Guard limits the addresses that a replaced endpoint may lead to.
	Guard provider.EndpointGuard
	// Allowed are the hosts that may replace a vendor's public address.
	Allowed Endpoints
	// Secrets tells of changed Secrets when the manager may not watch them; nil lets it watch.
	Secrets <-chan event.GenericEvent
	// Log takes what the vendors' clients say.
	Log *slog.Logger

	probes probeMemory
}

// +kubebuilder:rbac:groups=offlinepush.io,resources=pushchannels;pushapps,verbs=get;list;watch
// +kubebuilder:rbac:groups=offlinepush.io,resources=pushchannels/status,verbs=patch
// +kubebuilder:rbac:groups="",resources=secrets,verbs=create;get;list;patch;watch
// +kubebuilder:rbac:groups="",resources=configmaps,verbs=get;list;watch
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// Reconcile brings one PushChannel's status up to date.
func (r *Reconciler) Reconcile(ctx context.Context, request ctrl.Request) (result ctrl.Result, err error) {
	channel := &pushv1.PushChannel{}
	if err := r.Live.Get(ctx, request.NamespacedName, channel); err != nil {
		r.probes.forget(request.NamespacedName)
		forgetExpiry(request.NamespacedName)
		condition.Forget(kind, request.NamespacedName)
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !channel.DeletionTimestamp.IsZero() {
		return ctrl.Result{}, nil
	}
	before := channel.DeepCopy()
	var facts channelFacts
	defer func() {
		if condition.NamespaceEnds(err) {
			ctrl.LoggerFrom(ctx).Info("left as it is: the namespace is being deleted")
			result, err = ctrl.Result{}, nil
			return
		}
		facts.write(channel, condition.Transient(err) != nil)
		err = errors.Join(err, r.patchStatus(ctx, before, channel))
	}()

	facts.delivering, err = r.observe(ctx, channel)
	if err != nil {
		facts.resolved = condition.FromError(pushv1.ConditionResolved, err)
		return ctrl.Result{}, err
	}
	active, err := r.accepted(ctx, channel)
	if err != nil {
		facts.resolved = condition.FromError(pushv1.ConditionResolved, err)
		return ctrl.Result{}, err
	}
	troubled := facts.delivering.Reason == pushv1.ReasonCredentialsRejected
	came, err := r.rotate(ctx, channel, active, troubled)
	facts.resolved, facts.valid = came.resolved, came.valid
	came.writeTo(channel)
	return ctrl.Result{RequeueAfter: came.again}, err
}

// patchStatus writes the status if it changed, and announces a change of Ready.
func (r *Reconciler) patchStatus(ctx context.Context, before, after *pushv1.PushChannel) error {
	if saysTheSame(before.Status, after.Status) {
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

// saysTheSame leaves out when the vendor was asked: that it says the same again is worth no write.
func saysTheSame(before, after pushv1.PushChannelStatus) bool {
	before.LastProbeTime = after.LastProbeTime
	return equality.Semantic.DeepEqual(before, after)
}
