package pushapp

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	"sigs.k8s.io/controller-runtime/pkg/client"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/condition"
)

// cannotResize is in the words of the API server's admission for a claim whose volume does not grow.
const cannotResize = "must support resize"

// volumeError is that a volume does not get the size that is asked for. What runs on it goes on, and so does the pass.
type volumeError struct{ error }

func (t volumeError) Unwrap() error { return t.error }

// volumeTrouble tells why a claim that exists was not given another size; nil for trouble of any other kind.
func volumeTrouble(app *pushv1.PushApp, existing client.Object, err error) error {
	claim, ok := existing.(*corev1.PersistentVolumeClaim)
	if !ok || claim.Name == "" || app.Spec.Store.SQLite == nil {
		return nil
	}
	return resizeTrouble(claim, app.Spec.Store.SQLite.Size, err)
}

func resizeTrouble(claim *corev1.PersistentVolumeClaim, wanted resource.Quantity, err error) error {
	const field = "spec.store.sqlite.size"
	has := claim.Spec.Resources.Requests[corev1.ResourceStorage]
	compared := wanted.Cmp(has)
	switch {
	case compared != 0 && claim.Status.Phase != corev1.ClaimBound && apierrors.IsInvalid(err):
		return volumeError{condition.Waiting(pushv1.ReasonVolumePending,
			"%s: PersistentVolumeClaim %s is not bound yet, and has %s until then: set it back to that, or wait", field, claim.Name, &has)}
	case compared < 0 && apierrors.IsInvalid(err):
		return volumeError{condition.Terminal(pushv1.ReasonInvalidSpec,
			"%s: PersistentVolumeClaim %s has %s and cannot shrink to %s: set it back to at least %s", field, claim.Name, &has, &wanted, &has)}
	case compared > 0 && apierrors.IsForbidden(err) && strings.Contains(err.Error(), cannotResize):
		return volumeError{condition.Terminal(pushv1.ReasonInvalidSpec,
			"%s: PersistentVolumeClaim %s has %s and cannot grow to %s: set it back to %s, or let %s expand volumes (allowVolumeExpansion), if its driver can",
			field, claim.Name, &has, &wanted, &has, className(claim))}
	}
	return nil
}

// className names a claim's StorageClass, if it has one.
func className(claim *corev1.PersistentVolumeClaim) string {
	const words = "its StorageClass"
	if class := claim.Spec.StorageClassName; class != nil && *class != "" {
		return words + " " + *class
	}
	return words
}
