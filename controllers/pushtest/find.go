package pushtest

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/admin"
	"github.com/offlinepush/operator/controllers/condition"
	"github.com/offlinepush/operator/controllers/render"
	"github.com/offlinepush/operator/dispatcher/config"
)

// app finds the PushApp.
func (r *Reconciler) app(ctx context.Context, test *pushv1.PushTest) (*pushv1.PushApp, error) {
	app := &pushv1.PushApp{}
	err := r.Client.Get(ctx, client.ObjectKey{Namespace: test.Namespace, Name: string(test.Spec.App)}, app)
	if apierrors.IsNotFound(err) {
		return nil, condition.Waiting(pushv1.ReasonAppNotFound,
			"spec.app: namespace %s has no PushApp %s: create it, or make another PushTest with the right name", test.Namespace, test.Spec.App)
	}
	if err != nil {
		return nil, fmt.Errorf("reading PushApp %s: %w", test.Spec.App, err)
	}
	return app, nil
}

// key is what the app's admin ports ask for.
func (r *Reconciler) key(ctx context.Context, app *pushv1.PushApp) (config.Secret, error) {
	name := render.NamesOf(app.Name).Keys
	var secret corev1.Secret
	err := r.Client.Get(ctx, client.ObjectKey{Namespace: app.Namespace, Name: name}, &secret)
	if client.IgnoreNotFound(err) != nil {
		return config.Secret{}, fmt.Errorf("reading Secret %s: %w", name, err)
	}
	key := secret.Data[admin.ReportKeyEntry]
	if err != nil || secret.Labels[render.AppLabel] != app.Name || len(key) == 0 {
		return config.Secret{}, condition.Waiting(pushv1.ReasonDispatcherUnreachable,
			"Secret %s of PushApp %s has no key for its dispatchers yet: its status says why; waiting for it", name, app.Name)
	}
	return config.NewSecret(string(key)), nil
}

// addresses are those of the app's pods, the likeliest to answer first: of the current ReplicaSet, and ready. Equals are
// shuffled, so that none is in the way of the others for ever.
func (r *Reconciler) addresses(ctx context.Context, app *pushv1.PushApp) ([]string, error) {
	name := client.ObjectKey{Namespace: app.Namespace, Name: render.NamesOf(app.Name).Dispatcher}
	var deployment appsv1.Deployment
	if err := r.Client.Get(ctx, name, &deployment); client.IgnoreNotFound(err) != nil {
		return nil, fmt.Errorf("reading Deployment %s: %w", name.Name, err)
	}
	pods, err := admin.LivePods(ctx, r.Client, client.ObjectKeyFromObject(app))
	if err != nil {
		return nil, err
	}
	return ranked(pods, deployment.Spec.Template.Labels[render.RevisionLabel]), nil
}

func ranked(pods []corev1.Pod, revision string) []string {
	rank := func(p corev1.Pod) int {
		n := 0
		if p.Labels[render.RevisionLabel] != revision {
			n += 2
		}
		if !admin.Ready(p) {
			n++
		}
		return n
	}
	pods = slices.DeleteFunc(pods, func(p corev1.Pod) bool { return p.Status.PodIP == "" })
	rand.Shuffle(len(pods), func(i, j int) { pods[i], pods[j] = pods[j], pods[i] }) //nolint:gosec // Nobody gains from guessing the order.
	slices.SortStableFunc(pods, func(a, b corev1.Pod) int { return cmp.Compare(rank(a), rank(b)) })
	addresses := make([]string, 0, len(pods))
	for _, p := range pods {
		addresses = append(addresses, p.Status.PodIP)
	}
	return addresses
}
