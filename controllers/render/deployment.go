package render

import (
	appsv1 "k8s.io/api/apps/v1"
	appsv1ac "k8s.io/client-go/applyconfigurations/apps/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
)

// deployment writes its strategy in full: a SQLite file has one writer, so the old pod ends before the new one starts.
func deployment(app *pushv1.PushApp, n Names, template *corev1ac.PodTemplateSpecApplyConfiguration) *appsv1ac.DeploymentApplyConfiguration {
	return appsv1ac.Deployment(n.Dispatcher, app.Namespace).
		WithLabels(Labels(app.Name)).
		WithOwnerReferences(ownedBy(app)).
		WithSpec(appsv1ac.DeploymentSpec().
			WithReplicas(app.Spec.Dispatcher.Replicas).
			WithRevisionHistoryLimit(2).
			WithSelector(metav1ac.LabelSelector().WithMatchLabels(Selector(app.Name))).
			WithStrategy(appsv1ac.DeploymentStrategy().WithType(appsv1.RecreateDeploymentStrategyType)).
			WithTemplate(template))
}
