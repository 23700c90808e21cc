package pushapp_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/managertest"
	"github.com/offlinepush/operator/controllers/testenv"
)

const (
	week = 7 * 24 * time.Hour
	year = 365 * 24 * time.Hour
)

// stageTLS prepares a scene whose dispatchers serve TLS; the Secret is not created yet.
func stageTLS(t *testing.T) (scene, *corev1.Secret) {
	t.Helper()
	s := stage(t)
	s.app.Spec.Exposure.TLS = &pushv1.DispatcherTLS{SecretRef: pushv1.SecretReference{Name: "chat-tls"}}
	return s, testenv.CertificateSecret(t, s.namespace, "chat-tls", "first.example.com", time.Now().Add(year))
}

// served is the pair that dispatchers find beside their configuration.
func (s scene) served(t *testing.T) map[string][]byte {
	t.Helper()
	secret := named(&corev1.Secret{}, s.namespace, "chat-dispatcher")
	managertest.Await(t, suite, secret, func(*corev1.Secret) error { return nil })
	return pairOf(secret)
}

func pairOf(secret *corev1.Secret) map[string][]byte {
	return map[string][]byte{"tls.crt": secret.Data["tls.crt"], "tls.key": secret.Data["tls.key"]}
}

// launchTLS brings the app to Ready with its first certificate.
func launchTLS(t *testing.T) (s scene, secret *corev1.Secret, pod *corev1.Pod) {
	t.Helper()
	s, secret = stageTLS(t)
	suite.Create(t, secret)
	pod = s.launch(t)
	if diff := cmp.Diff(pairOf(secret), s.served(t)); diff != "" {
		t.Fatal("the first certificate is not what is served")
	}
	return s, secret, pod
}

// TestCertificateIsReplaced: the pair reaches the dispatchers with the configuration's hash, and no pod is replaced.
func TestCertificateIsReplaced(t *testing.T) {
	t.Parallel()
	s, secret := stageTLS(t)
	suite.Create(t, s.app)
	await(t, s.app, "ConfigApplied=False/SecretNotFound", "Ready=False/SecretNotFound", "Reconciling=True/SecretNotFound")
	suite.Create(t, secret)
	pod := s.pod(t, "one")
	s.converge(t, pod)
	for _, endpoint := range s.app.Status.Endpoints {
		if !strings.HasPrefix(endpoint.URL, "https://chat-") {
			t.Errorf("endpoint %s is %s, want https", endpoint.Name, endpoint.URL)
		}
	}
	deployment := named(&appsv1.Deployment{}, s.namespace, "chat-dispatcher")
	managertest.Await(t, suite, deployment, func(*appsv1.Deployment) error { return nil })
	template := deployment.Spec.Template.Spec
	if args := template.Containers[0].Args; !slices.Contains(args, "--tls-dir=/etc/offlinepush") {
		t.Errorf("the dispatcher runs with %v", args)
	}
	for _, volume := range template.Volumes {
		if volume.Secret != nil && volume.Secret.SecretName != "chat-dispatcher" {
			t.Errorf("the dispatcher mounts Secret %s, which nobody checked", volume.Secret.SecretName)
		}
	}

	before := s.app.Status.ConfigHash
	next := testenv.CertificateSecret(t, s.namespace, "chat-tls", "second.example.com", time.Now().Add(week))
	managertest.Change(t, suite, secret, func(c *corev1.Secret) { c.Data = next.Data })
	await(t, s.app, "ConfigApplied=False/ConfigPending")
	if s.app.Status.ConfigHash == before {
		t.Error("a new certificate must change the configuration's hash")
	}
	s.converge(t, pod)
	await(t, s.app, "ConfigApplied=True/CredentialExpiring", "Ready=True/Ready", "Stalled=absent", "Reconciling=absent")
	ends := time.Now().Add(week).UTC().Format(time.DateOnly)
	if words := meta.FindStatusCondition(s.app.Status.Conditions, pushv1.ConditionConfigApplied).Message; !strings.Contains(words, ends) {
		t.Errorf("it is not said when the certificate ends: %s", words)
	}
	if diff := cmp.Diff(pairOf(next), s.served(t)); diff != "" {
		t.Error("the new certificate is not what is served")
	}
	managertest.Await(t, suite, deployment, func(*appsv1.Deployment) error { return nil })
	if deployment.Generation != 1 {
		t.Errorf("a new certificate must not touch the Deployment, generation is %d", deployment.Generation)
	}
}

// TestCertificateThatCannotBeServed: whatever is wrong with the Secret is told with its cure, dispatchers keep what they
// have, and everything else goes on.
func TestCertificateThatCannotBeServed(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		edit   func(t *testing.T, data map[string][]byte)
		reason string
		words  string
		stuck  bool
	}{
		{"no Secret", nil, pushv1.ReasonSecretNotFound, "does not exist: create it", false},
		{"no key", func(_ *testing.T, data map[string][]byte) { data["tls.key"] = nil }, pushv1.ReasonSecretKeyMissing, "entry tls.key is missing: add it", false},
		{"no PEM", func(_ *testing.T, data map[string][]byte) { data["tls.crt"] = []byte("typo") }, pushv1.ReasonSecretMalformed, "entry tls.crt must hold PEM certificates", true},
		{"key of another", func(t *testing.T, data map[string][]byte) {
			t.Helper()
			data["tls.key"] = testenv.CertificateSecret(t, "", "", "other.example.com", time.Now().Add(year)).Data["tls.key"]
		}, pushv1.ReasonSecretMalformed, "entry tls.key must be the PEM private key of the first certificate", true},
		{"over", func(t *testing.T, data map[string][]byte) {
			t.Helper()
			maps.Copy(data, testenv.CertificateSecret(t, "", "", "first.example.com", time.Now().Add(-week)).Data)
		}, pushv1.ReasonCredentialExpired, "renew it", true},
		{"far too long", func(_ *testing.T, data map[string][]byte) {
			data["tls.crt"] = slices.Repeat(data["tls.crt"], 200)
		}, pushv1.ReasonSecretMalformed, "at most 64 KiB", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, secret, pod := launchTLS(t)
			good := secret.DeepCopy()
			if tt.edit == nil {
				if err := suite.Client.Delete(t.Context(), secret); err != nil {
					t.Fatal(err)
				}
			} else {
				managertest.Change(t, suite, secret, func(c *corev1.Secret) { tt.edit(t, c.Data) })
			}
			abnormal := "Reconciling=True/"
			if tt.stuck {
				abnormal = "Stalled=True/"
			}
			await(t, s.app, "ConfigApplied=False/"+tt.reason, "Ready=False/"+tt.reason, abnormal+tt.reason, "DispatcherAvailable=True/DispatcherAvailable")
			words := meta.FindStatusCondition(s.app.Status.Conditions, pushv1.ConditionReady).Message
			for _, part := range []string{tt.words, "spec.exposure.tls.secretRef: Secret chat-tls", "dispatchers keep the certificate that ends on"} {
				if !strings.Contains(words, part) {
					t.Errorf("the message lacks %q: %s", part, words)
				}
			}
			// Other things go on meanwhile.
			before := s.app.Status.ConfigHash
			managertest.Change(t, suite, s.app, func(a *pushv1.PushApp) { a.Spec.Routing.PushTTLSeconds = 3600 })
			managertest.Await(t, suite, s.app, func(a *pushv1.PushApp) error {
				if a.Status.ConfigHash == before {
					return errors.New("the changed spec is not rendered")
				}
				return nil
			})
			if diff := cmp.Diff(pairOf(good), s.served(t)); diff != "" {
				t.Error("dispatchers lost the certificate that they had")
			}
			if tt.edit == nil {
				good.ResourceVersion = ""
				suite.Create(t, good)
			} else {
				managertest.Change(t, suite, secret, func(c *corev1.Secret) { c.Data = good.Data })
			}
			s.converge(t, pod)
			await(t, s.app, "ConfigApplied=True/ConfigApplied", "Ready=True/Ready")
		})
	}
}
