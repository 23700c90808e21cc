package pushapp

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/condition"
)

// consent asks whether the owner of a channel lets the app's namespace in.
func (r *Reconciler) consent(ctx context.Context, app *pushv1.PushApp, channel *pushv1.PushChannel) error {
	if app.Namespace == channel.Namespace {
		return nil
	}
	access := channel.Spec.Access
	allowed := false
	switch access.From {
	case pushv1.AccessFromSame:
	case pushv1.AccessFromNames:
		allowed = slices.Contains(access.Names, pushv1.DNSLabel(app.Namespace))
	case pushv1.AccessFromAll:
		allowed = true
	case pushv1.AccessFromSelector:
		var err error
		if allowed, err = r.selected(ctx, app.Namespace, access.Selector); err != nil {
			return err
		}
	}
	if !allowed {
		return condition.Terminal(pushv1.ReasonAccessDenied,
			"PushChannel %s/%s does not let namespace %s in: its spec.access must name it", channel.Namespace, channel.Name, app.Namespace)
	}
	return nil
}

func (r *Reconciler) selected(ctx context.Context, namespace string, selector *metav1.LabelSelector) (bool, error) {
	match, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil {
		return false, condition.Terminal(pushv1.ReasonInvalidSpec, "spec.access.selector of the PushChannel: %v", err)
	}
	var found corev1.Namespace
	err = r.Live.Get(ctx, client.ObjectKey{Name: namespace}, &found)
	if apierrors.IsForbidden(err) {
		return false, condition.Terminal(pushv1.ReasonAccessDenied,
			"the manager may not read labels of namespaces: give it `get` on namespaces, or use spec.access.names")
	}
	if err != nil {
		return false, fmt.Errorf("reading Namespace %s: %w", namespace, err)
	}
	return match.Matches(labels.Set(found.Labels)), nil
}
