package pushapp

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	appsv1ac "k8s.io/client-go/applyconfigurations/apps/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/render"
)

// replicasOwner owns the number of dispatchers between the manager and the autoscaler.
const replicasOwner = render.ManagedBy + "-autoscaling"

// handOver keeps the number of dispatchers when autoscaling begins. A field that its only owner stops applying falls back to
// its default, here to one dispatcher, so another owner takes it first; the autoscaler's first change takes it from there.
func (r *Reconciler) handOver(ctx context.Context, app *pushv1.PushApp) error {
	if app.Spec.Dispatcher.Autoscaling == nil {
		return nil
	}
	var running appsv1.Deployment
	name := render.NamesOf(app.Name).Dispatcher
	if err := r.Live.Get(ctx, client.ObjectKey{Namespace: app.Namespace, Name: name}, &running); err != nil {
		return client.IgnoreNotFound(err)
	}
	if !metav1.IsControlledBy(&running, app) || !slices.ContainsFunc(running.ManagedFields, appliesReplicas) {
		return nil
	}
	number := appsv1ac.Deployment(name, app.Namespace).WithSpec(appsv1ac.DeploymentSpec().WithReplicas(*running.Spec.Replicas))
	if err := r.Client.Apply(ctx, number, client.FieldOwner(replicasOwner), client.ForceOwnership); err != nil {
		return fmt.Errorf("handing the number of dispatchers over to the autoscaler: %w", err)
	}
	return nil
}

// appliesReplicas reports whether the entry says that the manager applies spec.replicas.
func appliesReplicas(entry metav1.ManagedFieldsEntry) bool {
	if entry.Manager != render.ManagedBy || entry.Operation != metav1.ManagedFieldsOperationApply || entry.FieldsV1 == nil {
		return false
	}
	var owned struct {
		Spec struct {
			Replicas *struct{} `json:"f:replicas"`
		} `json:"f:spec"`
	}
	return json.Unmarshal(entry.FieldsV1.GetRawBytes(), &owned) == nil && owned.Spec.Replicas != nil
}
