package pushapp

import (
	"context"
	"fmt"
	"slices"
	"sync"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	appsv1ac "k8s.io/client-go/applyconfigurations/apps/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/condition"
	"github.com/offlinepush/operator/controllers/render"
)

// DefaultRollouts is the usual number of apps that a new manager changes at a time.
const DefaultRollouts = 10

// Rollouts bounds the apps whose dispatchers are replaced at a time because the manager changed: a new version of it, or
// another default image. Which are under way stands in the cluster, as an annotation of their Deployments, so that another
// manager counts the same. What an app's owner changes never waits, and an app whose dispatchers do not run anyway takes
// nobody's turn. One that ran before and does not come up again keeps its turn: a version that is no good stops there.
type Rollouts struct {
	client client.Reader
	limit  int

	mu sync.Mutex
	// begun are revisions that were let through, until the cache shows them.
	begun map[types.NamespacedName]string
	// waiting are the apps to wake when others are through.
	waiting map[types.NamespacedName]bool
}

// NewRollouts makes a bound of limit apps at a time; 0 is no bound.
func NewRollouts(reader client.Reader, limit int) *Rollouts {
	return &Rollouts{client: reader, limit: limit, begun: map[types.NamespacedName]string{}, waiting: map[types.NamespacedName]bool{}}
}

// schedule decides whether the rendered template may replace the one that runs. While it must wait, the output's revision is
// the one that runs, and its Deployment is not to be applied.
func (r *Reconciler) schedule(ctx context.Context, app *pushv1.PushApp, output *render.Output) (waits bool, err error) {
	name := client.ObjectKeyFromObject(app)
	var running appsv1.Deployment
	err = r.Client.Get(ctx, client.ObjectKey{Namespace: app.Namespace, Name: render.NamesOf(app.Name).Dispatcher}, &running)
	if client.IgnoreNotFound(err) != nil {
		return false, fmt.Errorf("reading the Deployment that runs: %w", err)
	}
	former := running.Spec.Template.Labels[render.RevisionLabel]
	switch {
	case err != nil, !metav1.IsControlledBy(&running, app), asked(app):
		r.Rollouts.leave(name)
	case former == output.Revision:
		r.Rollouts.leave(name)
		mark(output, marked(running) && !through(running))
	default:
		well := through(running)
		if waits, err = r.Rollouts.enter(ctx, name, output.Revision, well); err != nil || waits {
			output.Revision = former
			return waits, err
		}
		mark(output, well)
	}
	return false, nil
}

// asked reports whether the owner asked for something that no pass could do yet: a change of the spec, or something that was
// missing.
func asked(app *pushv1.PushApp) bool {
	if app.Status.ObservedGeneration != app.Generation {
		return true
	}
	config := meta.FindStatusCondition(app.Status.Conditions, pushv1.ConditionConfigApplied)
	if config == nil {
		return true
	}
	if config.Status == metav1.ConditionTrue {
		return false
	}
	switch config.Reason {
	case pushv1.ReasonConfigPending, pushv1.ReasonConfigRejected, pushv1.ReasonReportPending, pushv1.ReasonReportUnavailable,
		pushv1.ReasonApplyFailed:
		return false
	}
	return true
}

// marked reports whether the template that runs is one that a new manager rolled out.
func marked(d appsv1.Deployment) bool {
	revision := d.Annotations[render.UpgradeAnnotation]
	return revision != "" && revision == d.Spec.Template.Labels[render.RevisionLabel]
}

// through reports whether every pod is of the Deployment's template and accepts work.
func through(d appsv1.Deployment) bool {
	want := int32(1)
	if d.Spec.Replicas != nil {
		want = *d.Spec.Replicas
	}
	s := d.Status
	return s.ObservedGeneration >= d.Generation && s.Replicas == want && s.UpdatedReplicas == want && s.AvailableReplicas >= want
}

// mark makes the Deployment say that the manager sees the rollout through, if it does.
func mark(output *render.Output, does bool) {
	if !does {
		return
	}
	for _, object := range output.Objects {
		if d, ok := object.(*appsv1ac.DeploymentApplyConfiguration); ok {
			d.WithAnnotations(map[string]string{render.UpgradeAnnotation: output.Revision})
		}
	}
}

// withoutDeployment leaves the dispatchers that run as they are.
func withoutDeployment(objects []render.Object) []render.Object {
	return slices.DeleteFunc(slices.Clone(objects), func(object render.Object) bool {
		_, ok := object.(*appsv1ac.DeploymentApplyConfiguration)
		return ok
	})
}

// callNext wakes the apps whose turn it is.
func (r *Reconciler) callNext(ctx context.Context) error {
	turn, err := r.Rollouts.next(ctx)
	for _, app := range turn {
		wake(ctx, r.Poller.changed, app)
	}
	return err
}

// upgradePending says of dispatchers that run well that their next version waits.
func upgradePending(available condition.Fact, bound int) condition.Fact {
	if available.Status != metav1.ConditionTrue {
		return available
	}
	return condition.True(available.Type, pushv1.ReasonUpgradePending, fmt.Sprintf(
		"%s; their next version waits for its turn: a new manager changes at most %d apps at a time (--max-concurrent-rollouts)",
		available.Message, bound))
}

// enter lets an app begin, or makes it wait. One that does not run well is not counted, so that it is in nobody's way.
func (r *Rollouts) enter(ctx context.Context, app types.NamespacedName, revision string, well bool) (waits bool, err error) {
	if r.limit == 0 {
		return false, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	under, err := r.underWay(ctx)
	if err != nil {
		return true, err
	}
	if !under[app] && len(under) >= r.limit {
		r.waiting[app] = true
		return true, nil
	}
	delete(r.waiting, app)
	if well {
		r.begun[app] = revision
	}
	return false, nil
}

// leave takes an app that has nothing to wait for out of the line.
func (r *Rollouts) leave(app types.NamespacedName) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.begun, app)
	delete(r.waiting, app)
}

// next takes as many apps out of the line as there are turns.
func (r *Rollouts) next(ctx context.Context) ([]types.NamespacedName, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.waiting) == 0 {
		return nil, nil
	}
	under, err := r.underWay(ctx)
	if err != nil {
		return nil, err
	}
	var turn []types.NamespacedName
	for app := range r.waiting {
		if len(under)+len(turn) >= r.limit {
			break
		}
		turn = append(turn, app)
	}
	for _, app := range turn {
		delete(r.waiting, app)
	}
	return turn, nil
}

// underWay are the apps that a new manager began to change and that are not through. The caller holds the lock.
func (r *Rollouts) underWay(ctx context.Context) (map[types.NamespacedName]bool, error) {
	var list appsv1.DeploymentList
	if err := r.client.List(ctx, &list, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("listing the rollouts under way: %w", err)
	}
	under := map[types.NamespacedName]bool{}
	for i := range list.Items {
		d := &list.Items[i]
		app := types.NamespacedName{Namespace: d.Namespace, Name: d.Labels[render.AppLabel]}
		if r.begun[app] == d.Spec.Template.Labels[render.RevisionLabel] {
			delete(r.begun, app)
		}
		if marked(*d) {
			under[app] = true
		}
	}
	for app := range r.begun {
		under[app] = true
	}
	return under, nil
}
