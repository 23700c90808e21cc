package pushapp_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/managertest"
)

// stagePostgres prepares a scene whose app has a database and three dispatchers; the Secret is not created yet.
func stagePostgres(t *testing.T) (scene, *corev1.Secret) {
	t.Helper()
	s := stage(t)
	s.app.Spec.Store.Postgres = &pushv1.PostgresStore{SecretRef: pushv1.SecretReference{Name: "chat-db"}}
	s.app.Spec.Dispatcher.Replicas = 3
	secret := named(&corev1.Secret{}, s.namespace, "chat-db")
	secret.Data = map[string][]byte{pushv1.PostgresURIKey: []byte(uriWith(firstPassword))}
	return s, secret
}

func uriWith(password string) string { return "postgresql://chat:" + password + "@db:5432/push" }

// launchPods brings the app to Ready with as many pods as it wants.
func (s scene) launchPods(t *testing.T, prefix string, count int) []*corev1.Pod {
	t.Helper()
	var made []*corev1.Pod
	for i := range count {
		made = append(made, s.pod(t, fmt.Sprint(prefix, i)))
	}
	suite.Settle(t, s.app)
	s.agree(t, made)
	return made
}

// agree lets every pod report the newest configuration until the app is Ready.
func (s scene) agree(t *testing.T, pods []*corev1.Pod) {
	t.Helper()
	managertest.Await(t, suite, s.app, func(a *pushv1.PushApp) error {
		for _, pod := range pods {
			suite.Dispatchers.Report(pod.Status.PodIP, healthy(a.Status.ConfigHash))
		}
		return conditionsOf(a, "StoreReady=True/StoreReady", "ConfigApplied=True/ConfigApplied", "DispatcherAvailable=True/DispatcherAvailable", "Ready=True/Ready")
	})
}

func (s scene) deployment(t *testing.T) *appsv1.Deployment {
	t.Helper()
	deployment := named(&appsv1.Deployment{}, s.namespace, "chat-dispatcher")
	managertest.Await(t, suite, deployment, func(*appsv1.Deployment) error { return nil })
	return deployment
}

// TestStoreSecret has every way in which the Secret of a database can be wrong, one after the other; each change cures the
// one before.
func TestStoreSecret(t *testing.T) {
	t.Parallel()
	s, secret := stagePostgres(t)
	suite.Create(t, s.app)
	for _, step := range []struct {
		name          string
		data          map[string]string
		reason, state string
		message       string
	}{
		{"no Secret", nil, pushv1.ReasonSecretNotFound, "Reconciling", "spec.store.postgres.secretRef: Secret chat-db does not exist: create it"},
		{"an empty Secret", map[string]string{}, pushv1.ReasonSecretKeyMissing, "Reconciling", "spec.store.postgres.secretRef: Secret chat-db: entry uri (or host) is missing: add it"},
		{"no URI", map[string]string{"uri": "host=db password=" + firstPassword}, pushv1.ReasonSecretMalformed, "Stalled", "spec.store.postgres.secretRef: Secret chat-db: entry uri must be a URI such as postgresql://user:password@host:5432/dbname; percent-encode what is no letter or digit in the password"},
		{"unknown sslmode", map[string]string{"uri": uriWith(firstPassword), "sslmode": "maybe"}, pushv1.ReasonSecretMalformed, "Stalled", "spec.store.postgres.secretRef: Secret chat-db: entry sslmode: sslmode must be one of disable, allow, prefer, require, verify-ca, verify-full"},
		{"no certificate", map[string]string{"uri": uriWith(firstPassword), "ca.crt": firstPassword}, pushv1.ReasonCABundleMalformed, "Stalled", "spec.store.postgres.secretRef: Secret chat-db: entry ca.crt must hold PEM certificates and nothing else"},
		{"no password", map[string]string{"host": "db", "dbname": "push", "username": "chat"}, pushv1.ReasonSecretKeyMissing, "Reconciling", "spec.store.postgres.secretRef: Secret chat-db: entry password is missing: add it"},
	} {
		write(t, secret, step.data)
		managertest.Await(t, suite, s.app, func(a *pushv1.PushApp) error {
			store := meta.FindStatusCondition(a.Status.Conditions, pushv1.ConditionStoreReady)
			if store == nil || store.Message != step.message {
				return fmt.Errorf("%s: StoreReady is %+v, want %q", step.name, store, step.message)
			}
			return conditionsOf(a, "StoreReady=False/"+step.reason, "ConfigApplied=False/"+step.reason, "Ready=False/"+step.reason, step.state+"=True/"+step.reason)
		})
		await(t, s.app, "StoreReady=False/"+step.reason)
	}
	write(t, secret, map[string]string{"uri": uriWith(firstPassword), "ca.crt": suite.Vendor.CA()})
	s.launchPods(t, "pod-", 3)
	document, _ := s.document(t)
	if got, want := document.Store.Postgres.URI.Reveal(), uriWith(firstPassword)+"?sslmode=verify-full"; got != want {
		t.Errorf("dispatchers get %s, want %s", got, want)
	}
	if got := document.Store.Postgres.Schema; got != "chat" {
		t.Errorf("schema is %q", got)
	}
}

// write makes the Secret hold the data; nil means that there is no Secret.
func write(t *testing.T, secret *corev1.Secret, data map[string]string) {
	t.Helper()
	if data == nil {
		return
	}
	object := named(&corev1.Secret{}, secret.Namespace, secret.Name)
	if err := suite.Client.Get(t.Context(), client.ObjectKeyFromObject(object), object); apierrors.IsNotFound(err) {
		suite.Create(t, object)
	}
	managertest.Change(t, suite, object, func(s *corev1.Secret) { s.Data, s.StringData = nil, data })
}

// TestPostgresApp is an app on a database from its first pod to a rotated password and a Secret that is gone.
func TestPostgresApp(t *testing.T) {
	t.Parallel()
	s, secret := stagePostgres(t)
	suite.Create(t, secret, s.app)
	pods := s.launchPods(t, "pod-", 3)
	if got := s.app.Status.Summary.Dispatchers; got != "3/3" {
		t.Errorf("kubectl shows %s dispatchers, want 3/3", got)
	}
	before := s.deployment(t)
	if got := before.Spec.Strategy.Type; got != appsv1.RollingUpdateDeploymentStrategyType || *before.Spec.Replicas != 3 {
		t.Errorf("the Deployment has strategy %s and %d replicas", got, *before.Spec.Replicas)
	}
	claim := named(&corev1.PersistentVolumeClaim{}, s.namespace, "chat-data")
	if err := suite.Client.Get(t.Context(), client.ObjectKeyFromObject(claim), claim); !apierrors.IsNotFound(err) {
		t.Errorf("an app with a database has a volume (%v)", err)
	}

	// One pod of three cannot reach the database, and one is not ready.
	broken := healthy(s.app.Status.ConfigHash)
	broken.Store.Ready, broken.Store.Error = false, "the database refuses the login"
	suite.Dispatchers.Report(pods[1].Status.PodIP, broken)
	await(t, s.app, "StoreReady=False/StoreUnavailable", "ConfigApplied=True/ConfigApplied", "Ready=False/StoreUnavailable")
	broken.Store.Foreign = true
	suite.Dispatchers.Report(pods[1].Status.PodIP, broken)
	await(t, s.app, "StoreReady=False/StoreMismatch", "Ready=False/StoreMismatch", "Stalled=True/StoreMismatch")
	suite.Dispatchers.Report(pods[1].Status.PodIP, healthy(s.app.Status.ConfigHash))
	setReady(t, pods[2], corev1.ConditionFalse)
	await(t, s.app, "StoreReady=True/StoreReady", "DispatcherAvailable=False/RollingOut", "Ready=False/RollingOut")
	if got := s.app.Status.Summary.Dispatchers; got != "2/3" {
		t.Errorf("kubectl shows %s dispatchers, want 2/3", got)
	}
	setReady(t, pods[2], corev1.ConditionTrue)
	s.agree(t, pods)

	write(t, secret, map[string]string{"uri": uriWith(secondPassword)})
	await(t, s.app, "ConfigApplied=False/ConfigPending")
	s.agree(t, pods)
	document, _ := s.document(t)
	if got := document.Store.Postgres.URI.Reveal(); !strings.Contains(got, secondPassword) {
		t.Error("dispatchers do not get the rotated password")
	}
	if after := s.deployment(t); after.Generation != before.Generation {
		t.Errorf("a rotated password must not touch the Deployment, generation %d became %d", before.Generation, after.Generation)
	}

	if err := suite.Client.Delete(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	await(t, s.app, "StoreReady=False/SecretNotFound", "Ready=False/SecretNotFound", "DispatcherAvailable=True/DispatcherAvailable")
	kept, _ := s.document(t)
	if got := kept.Store.Postgres.URI.Reveal(); !strings.Contains(got, secondPassword) {
		t.Error("dispatchers must keep what they have")
	}
	secret.ResourceVersion = ""
	suite.Create(t, secret)
	s.agree(t, pods)
}

func setReady(t *testing.T, pod *corev1.Pod, status corev1.ConditionStatus) {
	t.Helper()
	managertest.ChangeStatus(t, suite, pod, func(p *corev1.Pod) {
		p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: status}}
	})
}

// TestRollout replaces three pods by three of another image, one after the other. What the old ones say does not count.
func TestRollout(t *testing.T) {
	t.Parallel()
	s, secret := stagePostgres(t)
	suite.Create(t, secret, s.app)
	old := s.launchPods(t, "old-", 3)
	before := s.deployment(t).Generation
	managertest.Change(t, suite, s.app, func(a *pushv1.PushApp) { a.Spec.Dispatcher.Image = "registry.example.com/dispatcher:next" })
	deployment := s.deployment(t)
	managertest.Await(t, suite, deployment, func(d *appsv1.Deployment) error {
		if d.Generation == before {
			return errors.New("the new image is not applied yet")
		}
		return nil
	})
	await(t, s.app, "DispatcherAvailable=False/RollingOut", "ConfigApplied=False/ConfigPending", "Reconciling=True/ConfigPending", "Stalled=absent")
	var fresh []*corev1.Pod
	for i, former := range old {
		fresh = append(fresh, s.pod(t, fmt.Sprint("new-", i)))
		suite.Settle(t, s.app)
		for _, pod := range fresh {
			suite.Dispatchers.Report(pod.Status.PodIP, healthy(s.app.Status.ConfigHash))
		}
		count := fmt.Sprintf("%d/3", len(fresh))
		managertest.Await(t, suite, s.app, func(a *pushv1.PushApp) error {
			if got := a.Status.Summary.Dispatchers; got != count {
				return fmt.Errorf("kubectl shows %s dispatchers, want %s", got, count)
			}
			return conditionsOf(a, "StoreReady=True/StoreReady", "ConfigApplied=True/ConfigApplied")
		})
		if err := suite.Client.Delete(t.Context(), former, client.GracePeriodSeconds(0)); err != nil {
			t.Fatal(err)
		}
	}
	s.agree(t, fresh)
}

// TestNumberOfDispatchers goes from three to an autoscaler and to one. The budget and the autoscaler come and go, the
// number is never lost, and what the autoscaler decides stays.
func TestNumberOfDispatchers(t *testing.T) {
	t.Parallel()
	s, secret := stagePostgres(t)
	suite.Create(t, secret, s.app)
	s.launchPods(t, "pod-", 3)
	budget := named(&policyv1.PodDisruptionBudget{}, s.namespace, "chat-dispatcher")
	scaler := named(&autoscalingv2.HorizontalPodAutoscaler{}, s.namespace, "chat-dispatcher")
	s.exists(t, budget, true)
	s.exists(t, scaler, false)

	managertest.Change(t, suite, s.app, func(a *pushv1.PushApp) {
		a.Spec.Dispatcher.Replicas = 0
		a.Spec.Dispatcher.Autoscaling = &pushv1.DispatcherAutoscaling{MinReplicas: 2, MaxReplicas: 9}
	})
	s.exists(t, scaler, true)
	if *scaler.Spec.MinReplicas != 2 || scaler.Spec.MaxReplicas != 9 {
		t.Errorf("the autoscaler has %d to %d replicas", *scaler.Spec.MinReplicas, scaler.Spec.MaxReplicas)
	}
	s.replicas(t, 3)

	deployment := s.deployment(t)
	managertest.Change(t, suite, deployment, func(d *appsv1.Deployment) { d.Spec.Replicas = new(int32(5)) })
	managertest.Await(t, suite, s.app, func(a *pushv1.PushApp) error {
		if got := a.Status.Summary.Dispatchers; got != "3/5" {
			return fmt.Errorf("kubectl shows %s dispatchers, want 3/5", got)
		}
		return nil
	})
	managertest.Change(t, suite, scaler, func(h *autoscalingv2.HorizontalPodAutoscaler) { h.Spec.MaxReplicas = 50 })
	managertest.Await(t, suite, scaler, func(h *autoscalingv2.HorizontalPodAutoscaler) error {
		if h.Spec.MaxReplicas != 9 {
			return fmt.Errorf("the autoscaler goes up to %d", h.Spec.MaxReplicas)
		}
		return nil
	})
	s.replicas(t, 5)

	managertest.Change(t, suite, s.app, func(a *pushv1.PushApp) {
		a.Spec.Dispatcher.Replicas, a.Spec.Dispatcher.Autoscaling = 1, nil
	})
	s.exists(t, scaler, false)
	s.exists(t, budget, false)
	s.replicas(t, 1)
}

// exists waits until an object is there and the app's own, or gone.
func (s scene) exists(t *testing.T, object client.Object, wanted bool) {
	t.Helper()
	managertest.Await(t, suite, s.app, func(a *pushv1.PushApp) error {
		err := suite.Client.Get(t.Context(), client.ObjectKeyFromObject(object), object)
		if client.IgnoreNotFound(err) != nil {
			return err
		}
		if is := err == nil && metav1.IsControlledBy(object, a); is != wanted {
			return fmt.Errorf("%T exists: %t, want %t", object, is, wanted)
		}
		return nil
	})
}

// replicas waits until a pass is through, and checks the number of dispatchers then.
func (s scene) replicas(t *testing.T, want int32) {
	t.Helper()
	managertest.Await(t, suite, s.app, func(a *pushv1.PushApp) error { return conditionsOf(a) })
	if got := *s.deployment(t).Spec.Replicas; got != want {
		t.Errorf("the Deployment has %d replicas, want %d", got, want)
	}
}
