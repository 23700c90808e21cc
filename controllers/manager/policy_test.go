package manager_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/render"
	"github.com/offlinepush/operator/controllers/testenv"
)

// What the policies say.
const (
	noLabel    = "only objects with the label"
	noName     = "only objects with the names that it derives"
	noToken    = "never the token of a ServiceAccount"
	noMount    = "whose token is mounted nowhere"
	noDetour   = "Services that lead to the dispatchers"
	noIdentity = "as their own ServiceAccount, without its token"
	noHost     = "restricted, without the node's namespaces"
	noVolume   = "their configuration and their own volume only"
	noVariable = "no Secret into their environment"
)

// checkPolicies: in a namespace where the manager may write what it needs, it may write nothing else. That it may do its work
// under the policies, the rest of the test shows.
func checkPolicies(t *testing.T, namespace string) {
	t.Helper()
	api, err := client.New(asManager(), client.Options{Scheme: environment.Client.Scheme()})
	if err != nil {
		t.Fatal(err)
	}
	foreign := testenv.KeysSecret(namespace, "somebody-elses", "not-for-you-0123456789")
	create(t, foreign)
	for _, tt := range []struct {
		name string
		try  func(ctx context.Context) error
		want string // nothing: allowed
	}{
		{"own Secret", func(ctx context.Context) error {
			return api.Create(ctx, ownSecret(namespace, "other-keys"), client.DryRunAll)
		}, ""},
		{"Secret without label", func(ctx context.Context) error {
			return api.Create(ctx, testenv.KeysSecret(namespace, "other-keys", "x"), client.DryRunAll)
		}, noLabel},
		{"Secret of another name", func(ctx context.Context) error {
			return api.Create(ctx, ownSecret(namespace, "other"), client.DryRunAll)
		}, noName},
		{"token of a ServiceAccount", func(ctx context.Context) error {
			secret := ownSecret(namespace, "other-keys")
			secret.Type, secret.Annotations = corev1.SecretTypeServiceAccountToken, map[string]string{corev1.ServiceAccountNameKey: "default"}
			return api.Create(ctx, secret, client.DryRunAll)
		}, noToken},
		{"taking over a Secret", func(ctx context.Context) error {
			taken := foreign.DeepCopy()
			taken.Labels = render.Labels("somebody")
			return api.Patch(ctx, taken, client.MergeFrom(foreign), client.DryRunAll)
		}, noLabel},
		{"deleting a Secret", func(ctx context.Context) error { return api.Delete(ctx, foreign.DeepCopy(), client.DryRunAll) }, noLabel},
		{"deleting an own one", func(ctx context.Context) error {
			return api.Delete(ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "chat-dispatcher"}}, client.DryRunAll)
		}, ""},
		{"mounted token", change(api, &corev1.ServiceAccount{}, namespace, "chat-dispatcher", func(a *corev1.ServiceAccount) {
			a.AutomountServiceAccountToken = new(true)
		}), noMount},
		{"Service elsewhere", change(api, &corev1.Service{}, namespace, "chat-server", func(s *corev1.Service) {
			s.Spec.Selector = map[string]string{"app": "thief"}
		}), noDetour},
		{"Service outside", change(api, &corev1.Service{}, namespace, "chat-device", func(s *corev1.Service) {
			s.Spec.ExternalIPs = []string{"192.0.2.1"}
		}), noDetour},
		{"Deployment", dispatcher(api, namespace, func(p *corev1.PodSpec) { p.Containers[0].Image = "registry.example.com/dispatcher:next" }), ""},
		{"another ServiceAccount", dispatcher(api, namespace, func(p *corev1.PodSpec) { p.ServiceAccountName = "admin" }), noIdentity},
		{"token", dispatcher(api, namespace, func(p *corev1.PodSpec) { p.AutomountServiceAccountToken = new(true) }), noIdentity},
		{"host network", dispatcher(api, namespace, func(p *corev1.PodSpec) { p.HostNetwork = true }), noHost},
		{"escalation", dispatcher(api, namespace, func(p *corev1.PodSpec) { p.Containers[0].SecurityContext.AllowPrivilegeEscalation = new(true) }), noHost},
		{"another's Secret", dispatcher(api, namespace, func(p *corev1.PodSpec) {
			p.Volumes[0].Secret = &corev1.SecretVolumeSource{SecretName: foreign.Name}
		}), noVolume},
		{"the node's disk", dispatcher(api, namespace, func(p *corev1.PodSpec) {
			p.Volumes[0].VolumeSource = corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/"}}
		}), noVolume},
		{"Secret as a variable", dispatcher(api, namespace, func(p *corev1.PodSpec) {
			p.Containers[0].Env = append(p.Containers[0].Env, corev1.EnvVar{Name: "X", ValueFrom: &corev1.EnvVarSource{
				SecretKeyRef: &corev1.SecretKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: foreign.Name}, Key: "default"},
			}})
		}), noVariable},
	} {
		if tt.want != "" {
			awaitRefusal(t, tt.name, tt.want, tt.try)
		} else if err := tt.try(t.Context()); err != nil {
			t.Errorf("%s: the manager must be allowed, got %v", tt.name, err)
		}
	}
}

// awaitRefusal waits until the API server refuses something with the words: what it read of a policy or of a namespace's labels
// may be older than what was applied.
func awaitRefusal(t *testing.T, name, words string, try func(context.Context) error) {
	t.Helper()
	eventually(t, func(ctx context.Context) error {
		err := try(ctx)
		if !apierrors.IsInvalid(err) && !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), words) {
			return fmt.Errorf("%s: it must be refused with %q, got %w", name, words, err)
		}
		return nil
	})
}

// checkSeveral: the policies let the manager run dispatchers on a database, with a certificate and an autoscaler, and let it
// take back what the app no longer asks for.
func checkSeveral(t *testing.T, namespace string) {
	t.Helper()
	app := testenv.App(namespace, "many", "xiaomi")
	app.Spec.Auth.ServerKeysSecretRef.Name, app.Spec.Auth.RegistrationKeysSecretRef.Name = "chat-server", "chat-registration"
	app.Spec.Store.Postgres = &pushv1.PostgresStore{SecretRef: pushv1.SecretReference{Name: "many-db"}}
	app.Spec.Exposure.TLS = &pushv1.DispatcherTLS{SecretRef: pushv1.SecretReference{Name: "many-tls"}}
	app.Spec.Dispatcher.Autoscaling = &pushv1.DispatcherAutoscaling{MinReplicas: 2, MaxReplicas: 3}
	database := testenv.KeysSecret(namespace, "many-db", "")
	database.Data = map[string][]byte{pushv1.PostgresURIKey: []byte("postgresql://many:password-0123456789@db:5432/push")}
	create(t, database, testenv.CertificateSecret(t, namespace, "many-tls", "many.example.com", time.Now().AddDate(1, 0, 0)), app)
	name := metav1.ObjectMeta{Namespace: namespace, Name: "many-dispatcher"}
	scaler, budget := &autoscalingv2.HorizontalPodAutoscaler{ObjectMeta: name}, &policyv1.PodDisruptionBudget{ObjectMeta: name}
	await(t, scaler, func() error { return nil })
	await(t, budget, func() error { return nil })
	await(t, app, func() error {
		return conditionIs(app.Status.Conditions, pushv1.ConditionConfigApplied, pushv1.ReasonConfigPending)
	})

	before := app.DeepCopy()
	app.Spec.Dispatcher.Autoscaling, app.Spec.Dispatcher.Replicas = nil, 1
	if err := environment.Client.Patch(t.Context(), app, client.MergeFrom(before)); err != nil {
		t.Fatal(err)
	}
	await(t, app, func() error {
		for _, object := range []client.Object{scaler, budget} {
			if err := environment.Client.Get(t.Context(), client.ObjectKeyFromObject(object), object); !apierrors.IsNotFound(err) {
				return fmt.Errorf("%T is still there (error %w)", object, err)
			}
		}
		return nil
	})
}

func ownSecret(namespace, name string) *corev1.Secret {
	secret := testenv.KeysSecret(namespace, name, "x")
	secret.Labels, secret.Type = render.Labels("other"), corev1.SecretTypeOpaque
	return secret
}

// change tries to edit an object that the manager made.
func change[T client.Object](api client.Client, object T, namespace, name string, edit func(T)) func(context.Context) error {
	return func(ctx context.Context) error {
		if err := environment.Client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, object); err != nil {
			return err
		}
		before := object.DeepCopyObject().(client.Object) //nolint:forcetypeassert // It is a copy of one.
		edit(object)
		return api.Patch(ctx, object, client.MergeFrom(before), client.DryRunAll)
	}
}

func dispatcher(api client.Client, namespace string, edit func(*corev1.PodSpec)) func(context.Context) error {
	return change(api, &appsv1.Deployment{}, namespace, "chat-dispatcher", func(d *appsv1.Deployment) { edit(&d.Spec.Template.Spec) })
}

// restrict lets a namespace take pods of the restricted standard only, as the manager's own does.
func restrict(t *testing.T, namespace string) {
	t.Helper()
	environment.Kubectl(t, "label", "namespace", namespace, "pod-security.kubernetes.io/enforce=restricted")
}

// TestManagersPodIsRestricted: the namespace of config/default takes the manager's pod, and not one that may do more.
func TestManagersPodIsRestricted(t *testing.T) {
	install(t, "default")
	deployment := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: home, Name: "offlinepush-manager"}}
	await(t, deployment, func() error { return nil })
	template := deployment.Spec.Template
	for name, edit := range map[string]func(*corev1.PodSpec){
		"as it is":       func(*corev1.PodSpec) {},
		"root":           func(p *corev1.PodSpec) { p.SecurityContext.RunAsNonRoot = nil },
		"with rights":    func(p *corev1.PodSpec) { p.Containers[0].SecurityContext.Capabilities = nil },
		"on the network": func(p *corev1.PodSpec) { p.HostNetwork = true },
	} {
		pod := &corev1.Pod{ObjectMeta: *template.ObjectMeta.DeepCopy(), Spec: *template.Spec.DeepCopy()}
		pod.Namespace, pod.Name = home, "manager"
		edit(&pod.Spec)
		try := func(ctx context.Context) error {
			return environment.Client.Create(ctx, pod.DeepCopy(), client.DryRunAll)
		}
		if name != "as it is" {
			awaitRefusal(t, name, "PodSecurity", try)
		} else if err := try(t.Context()); err != nil {
			t.Errorf("the manager's pod is refused: %v", err)
		}
	}
}
