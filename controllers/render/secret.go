package render

import (
	corev1 "k8s.io/api/core/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/dispatcher/config"
)

func configSecret(app *pushv1.PushApp, n Names, encoded []byte) *corev1ac.SecretApplyConfiguration {
	return corev1ac.Secret(n.Dispatcher, app.Namespace).
		WithLabels(Labels(app.Name)).
		WithOwnerReferences(ownedBy(app)).
		WithType(corev1.SecretTypeOpaque).
		WithData(map[string][]byte{config.FileName: encoded})
}
