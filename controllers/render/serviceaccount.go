package render

import (
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
)

// serviceAccount has no rights: dispatchers do not talk to Kubernetes.
func serviceAccount(app *pushv1.PushApp, n Names) *corev1ac.ServiceAccountApplyConfiguration {
	return corev1ac.ServiceAccount(n.Dispatcher, app.Namespace).
		WithLabels(Labels(app.Name)).
		WithOwnerReferences(ownedBy(app)).
		WithAutomountServiceAccountToken(false)
}
