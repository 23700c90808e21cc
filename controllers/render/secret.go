package render

import (
	corev1 "k8s.io/api/core/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/offlinepush/operator/dispatcher/config"
)

// configSecret holds the document, and the certificate beside it, so that a kubelet swaps both at once.
func configSecret(in Input, n Names, encoded []byte) *corev1ac.SecretApplyConfiguration {
	data := map[string][]byte{config.FileName: encoded}
	if in.Certificate.Chain != "" {
		data[corev1.TLSCertKey] = []byte(in.Certificate.Chain)
		data[corev1.TLSPrivateKeyKey] = []byte(in.Certificate.Key.Reveal())
	}
	return corev1ac.Secret(n.Dispatcher, in.App.Namespace).
		WithLabels(Labels(in.App.Name)).
		WithOwnerReferences(ownedBy(in.App)).
		WithType(corev1.SecretTypeOpaque).
		WithData(data)
}
