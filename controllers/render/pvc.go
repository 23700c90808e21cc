package render

import (
	corev1 "k8s.io/api/core/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
)

// volumeClaim holds the SQLite file. With retention Retain it has no owner, so that it outlives the app.
func volumeClaim(app *pushv1.PushApp, n Names) *corev1ac.PersistentVolumeClaimApplyConfiguration {
	store := app.Spec.Store.SQLite
	spec := corev1ac.PersistentVolumeClaimSpec().
		WithAccessModes(corev1.ReadWriteOncePod).
		WithVolumeMode(corev1.PersistentVolumeFilesystem).
		WithResources(corev1ac.VolumeResourceRequirements().
			WithRequests(corev1.ResourceList{corev1.ResourceStorage: store.Size}))
	if store.StorageClassName != nil {
		spec.WithStorageClassName(*store.StorageClassName)
	}
	claim := corev1ac.PersistentVolumeClaim(n.Data, app.Namespace).
		WithLabels(Labels(app.Name)).
		WithAnnotations(map[string]string{AppIDAnnotation: app.Spec.AppID}).
		WithSpec(spec)
	if store.Retention == pushv1.VolumeDelete {
		claim.WithOwnerReferences(ownedBy(app))
	}
	return claim
}
