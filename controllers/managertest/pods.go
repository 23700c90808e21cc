package managertest

import (
	"fmt"
	"sync/atomic"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/render"
)

// pods counts addresses, so that every pod of the tests has its own.
var pods atomic.Uint32

// Settle plays the Deployment's controller and the storage: it makes an app's Deployment available and binds its volume, if
// there is one.
func (s *Suite) Settle(t *testing.T, app *pushv1.PushApp) {
	t.Helper()
	names := render.NamesOf(app.Name)
	if app.Spec.Store.Postgres == nil {
		claim := &corev1.PersistentVolumeClaim{}
		claim.Namespace, claim.Name = app.Namespace, names.Data
		ChangeStatus(t, s, claim, func(c *corev1.PersistentVolumeClaim) {
			c.Status.Phase, c.Status.Capacity = corev1.ClaimBound, c.Spec.Resources.Requests
		})
	}
	deployment := &appsv1.Deployment{}
	deployment.Namespace, deployment.Name = app.Namespace, names.Dispatcher
	ChangeStatus(t, s, deployment, func(d *appsv1.Deployment) {
		n := *d.Spec.Replicas
		d.Status = appsv1.DeploymentStatus{
			ObservedGeneration: d.Generation, Replicas: n, UpdatedReplicas: n, ReadyReplicas: n, AvailableReplicas: n,
		}
	})
}

// Pod plays the Deployment's controller and a kubelet: it makes a ready pod from the template of an app's Deployment.
func (s *Suite) Pod(t *testing.T, app *pushv1.PushApp, name string) *corev1.Pod {
	t.Helper()
	made := s.StartingPod(t, app, name)
	s.BecomeReady(t, made)
	return made
}

// BecomeReady lets a pod accept work.
func (s *Suite) BecomeReady(t *testing.T, pod *corev1.Pod) {
	t.Helper()
	ChangeStatus(t, s, pod, func(p *corev1.Pod) {
		p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
	})
}

// StartingPod is Pod with a pod that runs and does not accept work yet.
func (s *Suite) StartingPod(t *testing.T, app *pushv1.PushApp, name string) *corev1.Pod {
	t.Helper()
	deployment := &appsv1.Deployment{}
	deployment.Namespace, deployment.Name = app.Namespace, render.NamesOf(app.Name).Dispatcher
	Await(t, s, deployment, func(*appsv1.Deployment) error { return nil })
	template := deployment.Spec.Template.DeepCopy()
	made := &corev1.Pod{ObjectMeta: template.ObjectMeta, Spec: template.Spec}
	made.Namespace, made.Name = app.Namespace, name
	made.Spec.ServiceAccountName = deployment.Name
	s.Create(t, made)
	n := pods.Add(1)
	address := fmt.Sprintf("10.9.%d.%d", n/250, n%250+1)
	ChangeStatus(t, s, made, func(p *corev1.Pod) {
		p.Status.Phase, p.Status.PodIP = corev1.PodRunning, address
		p.Status.PodIPs = []corev1.PodIP{{IP: address}}
	})
	return made
}
