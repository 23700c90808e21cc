package fleet_test

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/render"
)

// TestAutoscalingNeverDropsToOne follows every version of a Deployment from a fixed number of dispatchers to an autoscaler and
// back, with managers that are killed in the middle: no version has fewer than both sides want.
func TestAutoscalingNeverDropsToOne(t *testing.T) {
	f := launch(t, 1)
	database := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: "database"}}
	database.Data = map[string][]byte{pushv1.PostgresURIKey: []byte("postgresql://chat:database-password-0123@db:5432/push")}
	if err := environment.Client.Create(t.Context(), database); err != nil {
		t.Fatal(err)
	}
	p := f.start(t)
	f.ready(t, patience)
	replaceApp(t, f)
	f.ready(t, patience)
	f.hasReplicas(t, 4)
	numbers := f.watchReplicas(t)

	for round, scaled := range []int32{6, 3, 5} {
		handed := f.handover(t)
		f.change(t, "app-0", func(a *pushv1.PushApp) {
			a.Spec.Dispatcher.Replicas = 0
			a.Spec.Dispatcher.Autoscaling = &pushv1.DispatcherAutoscaling{MinReplicas: 2, MaxReplicas: 9, TargetCPUUtilizationPercent: 70}
		})
		<-handed // The number has two owners; the next thing would be to let go of it.
		p.kill(t)
		p = f.start(t)
		f.autoscaled(t, true)
		f.hasReplicas(t, 4)
		f.scale(t, scaled)
		// What the owner changes now leaves the number alone.
		f.change(t, "app-0", func(a *pushv1.PushApp) { a.Spec.Dispatcher.PodLabels = map[string]string{"round": fmt.Sprint(round)} })
		f.ready(t, patience)
		f.hasReplicas(t, scaled)
		p.stop(t)
		p = f.start(t)
		f.idle(t, p, patience)
		f.hasReplicas(t, scaled)

		f.change(t, "app-0", func(a *pushv1.PushApp) { a.Spec.Dispatcher.Replicas, a.Spec.Dispatcher.Autoscaling = 4, nil })
		f.autoscaled(t, false)
		f.ready(t, patience)
		f.hasReplicas(t, 4)
	}
	seen := numbers()
	if want := map[int32]bool{3: true, 4: true, 5: true, 6: true}; len(seen) != len(want) {
		t.Errorf("versions of the Deployment have %v dispatchers, want %v", seen, want)
	}
	for number := range seen {
		if number < 3 {
			t.Errorf("a version of the Deployment has %d dispatchers", number)
		}
	}
}

// replaceApp makes the fleet's app one with a database and four dispatchers.
func replaceApp(t *testing.T, f *fleet) {
	t.Helper()
	old := f.app(t, "app-0")
	if err := environment.Client.Delete(t.Context(), old); err != nil {
		t.Fatal(err)
	}
	for _, object := range []client.Object{&appsv1.Deployment{}, &corev1.Pod{}} { // There is no garbage collector.
		if err := environment.Client.DeleteAllOf(t.Context(), object, f.here(), client.GracePeriodSeconds(0)); err != nil {
			t.Fatal(err)
		}
	}
	app := &pushv1.PushApp{ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: "app-0"}, Spec: old.Spec}
	app.Spec.Store = pushv1.AppStore{Postgres: &pushv1.PostgresStore{SecretRef: pushv1.SecretReference{Name: "database"}}}
	app.Spec.Dispatcher.Replicas = 4
	if err := environment.Client.Create(t.Context(), app); err != nil {
		t.Fatal(err)
	}
}

func (f *fleet) dispatchers() client.ObjectKey {
	return client.ObjectKey{Namespace: f.namespace, Name: render.NamesOf("app-0").Dispatcher}
}

func (f *fleet) deployment(t *testing.T) *appsv1.Deployment {
	t.Helper()
	d := &appsv1.Deployment{}
	if err := environment.Client.Get(t.Context(), f.dispatchers(), d); err != nil {
		t.Fatal(err)
	}
	return d
}

func (f *fleet) hasReplicas(t *testing.T, want int32) {
	t.Helper()
	if got := *f.deployment(t).Spec.Replicas; got != want {
		t.Fatalf("the Deployment has %d replicas, want %d", got, want)
	}
}

// scale is what an autoscaler does.
func (f *fleet) scale(t *testing.T, number int32) {
	t.Helper()
	to := &autoscalingv1.Scale{Spec: autoscalingv1.ScaleSpec{Replicas: number}}
	err := environment.Client.SubResource("scale").Update(t.Context(), f.deployment(t), client.WithSubResourceBody(to), client.FieldOwner("kube-controller-manager"))
	if err != nil {
		t.Fatal(err)
	}
}

// autoscaled waits until the autoscaler is there or gone.
func (f *fleet) autoscaled(t *testing.T, want bool) {
	t.Helper()
	until(t, patience, "the autoscaler", func() error {
		err := environment.Client.Get(t.Context(), f.dispatchers(), &autoscalingv2.HorizontalPodAutoscaler{})
		if client.IgnoreNotFound(err) != nil {
			return err
		}
		if is := err == nil; is != want {
			return fmt.Errorf("is there: %t, want %t", is, want)
		}
		return nil
	})
}

// handover closes its channel when the number of dispatchers gets an owner between the manager and an autoscaler.
func (f *fleet) handover(t *testing.T) <-chan struct{} {
	t.Helper()
	handed := make(chan struct{})
	w := f.watchDeployment(t)
	go func() {
		defer close(handed)
		defer w.Stop()
		for e := range w.ResultChan() {
			d, ok := e.Object.(*appsv1.Deployment)
			if !ok {
				continue
			}
			for _, owner := range d.ManagedFields {
				if owner.Manager == render.ManagedBy+"-autoscaling" && owner.Operation == metav1.ManagedFieldsOperationApply {
					return
				}
			}
		}
	}()
	return handed
}

func (f *fleet) watchDeployment(t *testing.T) watch.Interface {
	t.Helper()
	d := f.deployment(t)
	w, err := environment.Client.Watch(t.Context(), &appsv1.DeploymentList{}, f.here(), &client.ListOptions{Raw: &metav1.ListOptions{ResourceVersion: d.ResourceVersion}})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// watchReplicas collects the numbers of dispatchers of every version of the Deployment until it is asked.
func (f *fleet) watchReplicas(t *testing.T) func() map[int32]bool {
	t.Helper()
	w := f.watchDeployment(t)
	var asked atomic.Bool
	done := make(chan error, 1)
	seen := map[int32]bool{}
	go func() {
		for e := range w.ResultChan() {
			d, ok := e.Object.(*appsv1.Deployment)
			if !ok && !asked.Load() {
				done <- errors.New("the watch broke")
				return
			} else if !ok { // Its end is an error, too.
				break
			}
			seen[*d.Spec.Replicas] = true
		}
		done <- nil
	}()
	return func() map[int32]bool {
		last := *f.deployment(t).Spec.Replicas
		asked.Store(true)
		w.Stop()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		seen[last] = true
		return seen
	}
}
