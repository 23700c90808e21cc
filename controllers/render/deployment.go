package render

import (
	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	appsv1ac "k8s.io/client-go/applyconfigurations/apps/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
)

// surge is how many pods more than wanted a rollout may run: each of them logs in to the database and takes sessions.
const surge = "25%"

func deployment(app *pushv1.PushApp, n Names, template *corev1ac.PodTemplateSpecApplyConfiguration) *appsv1ac.DeploymentApplyConfiguration {
	spec := appsv1ac.DeploymentSpec().
		WithRevisionHistoryLimit(2).
		WithSelector(metav1ac.LabelSelector().WithMatchLabels(Selector(app.Name))).
		WithStrategy(strategy(app)).
		WithTemplate(template)
	if app.Spec.Dispatcher.Autoscaling == nil { // Else the number is the autoscaler's.
		spec.WithReplicas(Replicas(app))
	}
	return appsv1ac.Deployment(n.Dispatcher, app.Namespace).
		WithLabels(Labels(app.Name)).
		WithOwnerReferences(ownedBy(app)).
		WithSpec(spec)
}

// Replicas is the number of dispatchers of an app without autoscaling.
func Replicas(app *pushv1.PushApp) int32 { return max(app.Spec.Dispatcher.Replicas, 1) }

// strategy is written in full. A SQLite file has one writer, so its old pod ends before the new one starts; dispatchers on
// a database are replaced one after the other, and never are fewer ready than wanted.
func strategy(app *pushv1.PushApp) *appsv1ac.DeploymentStrategyApplyConfiguration {
	if !shared(app) {
		return appsv1ac.DeploymentStrategy().WithType(appsv1.RecreateDeploymentStrategyType)
	}
	return appsv1ac.DeploymentStrategy().
		WithType(appsv1.RollingUpdateDeploymentStrategyType).
		WithRollingUpdate(appsv1ac.RollingUpdateDeployment().
			WithMaxUnavailable(intstr.FromInt32(0)).
			WithMaxSurge(intstr.FromString(surge)))
}
