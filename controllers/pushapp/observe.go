package pushapp

import (
	"context"
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/admin"
	"github.com/offlinepush/operator/controllers/render"
)

// observed is what runs at the moment.
type observed struct {
	// revision is the rendered one; when nothing could be rendered, the one that runs.
	revision   string
	deployment appsv1.Deployment
	claim      corev1.PersistentVolumeClaim
	// pods are those of the revision that do not end.
	pods     []corev1.Pod
	readings map[string]reading
}

// observe looks at the app's objects, its pods and their reports. What does not exist stays zero.
func (r *Reconciler) observe(ctx context.Context, app *pushv1.PushApp, output *render.Output) (observed, error) {
	var o observed
	n := render.NamesOf(app.Name)
	for name, object := range map[string]client.Object{n.Dispatcher: &o.deployment, n.Data: &o.claim} {
		if err := r.Client.Get(ctx, client.ObjectKey{Namespace: app.Namespace, Name: name}, object); client.IgnoreNotFound(err) != nil {
			return observed{}, fmt.Errorf("reading %s: %w", name, err)
		}
	}
	o.revision = o.deployment.Spec.Template.Labels[render.RevisionLabel]
	if output != nil {
		o.revision = output.Revision
	}
	pods, err := r.pods(ctx, app)
	if err != nil {
		return observed{}, err
	}
	o.pods = slices.DeleteFunc(pods, func(p corev1.Pod) bool { return p.Labels[render.RevisionLabel] != o.revision })
	slices.SortFunc(o.pods, func(a, b corev1.Pod) int { return strings.Compare(a.Name, b.Name) })
	known, _ := r.Poller.of(client.ObjectKeyFromObject(app))
	o.readings = known.readings
	return o, nil
}

// current reports whether the Deployment's status speaks of the rendered template.
func (o observed) current() bool {
	d := o.deployment
	return d.Name != "" && d.Status.ObservedGeneration >= d.Generation && d.Spec.Template.Labels[render.RevisionLabel] == o.revision
}

// ready is the number of pods of the revision that accept work. The Deployment counts pods of the former revision, too,
// while they are replaced.
func (o observed) ready() int32 {
	n := int32(0)
	for _, pod := range o.pods {
		if admin.Ready(pod) {
			n++
		}
	}
	return n
}

// desired is the number of pods that are wanted; with autoscaling, the autoscaler's latest word.
func (o observed) desired(app *pushv1.PushApp) int32 {
	if app.Spec.Dispatcher.Autoscaling == nil {
		return render.Replicas(app)
	}
	if o.deployment.Spec.Replicas == nil {
		return app.Spec.Dispatcher.Autoscaling.MinReplicas
	}
	return *o.deployment.Spec.Replicas
}
