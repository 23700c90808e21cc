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
	"github.com/offlinepush/operator/dispatcher/config"
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
	// unasked says that the dispatchers are about to be asked for the first time since the manager began.
	unasked bool
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
	} else if err := r.resume(ctx, app, o.revision); err != nil {
		return observed{}, err
	}
	pods, err := r.pods(ctx, app)
	if err != nil {
		return observed{}, err
	}
	o.pods = slices.DeleteFunc(pods, func(p corev1.Pod) bool { return p.Labels[render.RevisionLabel] != o.revision })
	slices.SortFunc(o.pods, func(a, b corev1.Pod) int { return strings.Compare(a.Name, b.Name) })
	known, tracked := r.Poller.of(client.ObjectKeyFromObject(app))
	o.readings, o.unasked = known.readings, tracked && !known.heard
	return o, nil
}

// resume goes on asking the dispatchers of an app that is in trouble, if the manager began meanwhile and never got as far.
func (r *Reconciler) resume(ctx context.Context, app *pushv1.PushApp, revision string) error {
	name := client.ObjectKeyFromObject(app)
	if _, tracked := r.Poller.of(name); tracked || app.Status.ConfigHash == "" {
		return nil
	}
	var secret corev1.Secret
	err := r.Client.Get(ctx, client.ObjectKey{Namespace: app.Namespace, Name: render.NamesOf(app.Name).Keys}, &secret)
	if err != nil || adoptable(app, &secret) != nil {
		return client.IgnoreNotFound(err)
	}
	key := config.NewSecret(string(secret.Data[admin.ReportKeyEntry]))
	r.Poller.track(ctx, name, target{key: key, hash: app.Status.ConfigHash, revision: revision})
	return nil
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
