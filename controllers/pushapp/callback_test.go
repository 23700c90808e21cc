package pushapp_test

import (
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/managertest"
	"github.com/offlinepush/operator/controllers/testenv"
	"github.com/offlinepush/operator/dispatcher/config"
)

func stageCallback(t *testing.T) (scene, *corev1.Secret) {
	t.Helper()
	s := stage(t)
	s.app.Spec.Callback = &pushv1.AppCallback{
		URL: "https://chat.example.com/push-events", KeySecretRef: pushv1.SecretReference{Name: "chat-callback"},
	}
	return s, named(&corev1.Secret{}, s.namespace, "chat-callback")
}

// TestCallbackSecret has every way in which the Secret of a callback can be wrong, one after the other; each change cures
// the one before.
func TestCallbackSecret(t *testing.T) {
	t.Parallel()
	s, secret := stageCallback(t)
	suite.Create(t, s.app)
	const about = "spec.callback.keySecretRef: "
	const shape = about + "entry key of Secret chat-callback must be text of at least 32 characters and no blank or newline around them"
	for _, step := range []struct {
		name          string
		data          map[string]string
		reason, state string
		message       string
	}{
		{"no Secret", nil, pushv1.ReasonSecretNotFound, "Reconciling", about + "Secret chat-callback does not exist: create it"},
		{"no key", map[string]string{"default": firstCallback}, pushv1.ReasonSecretKeyMissing, "Reconciling", about + "Secret chat-callback lacks the entry key: add it"},
		{"short", map[string]string{"key": firstCallback[:31]}, pushv1.ReasonSecretMalformed, "Stalled", shape},
		{"no certificate", map[string]string{"key": firstCallback, "ca.crt": secondCallback}, pushv1.ReasonCABundleMalformed, "Stalled", about + "entry ca.crt of Secret chat-callback must hold PEM certificates and nothing else: correct it, or remove it"},
		{"newline", map[string]string{"key": firstCallback + "\n"}, pushv1.ReasonSecretMalformed, "Stalled", shape},
	} {
		write(t, secret, step.data)
		managertest.Await(t, suite, s.app, func(a *pushv1.PushApp) error {
			ready := meta.FindStatusCondition(a.Status.Conditions, pushv1.ConditionReady)
			if ready == nil || ready.Message != step.message {
				return fmt.Errorf("%s: Ready is %+v, want %q", step.name, ready, step.message)
			}
			return conditionsOf(a, "ConfigApplied=False/"+step.reason, "Ready=False/"+step.reason, step.state+"=True/"+step.reason)
		})
		if err := testenv.CheckStatus(s.app); err != nil {
			t.Error(err)
		}
	}
	write(t, secret, map[string]string{"key": firstCallback, "ca.crt": suite.Vendor.CA()})
	s.launchPods(t, "pod-", 1)
	document, _ := s.document(t)
	got := document.Callback
	if got.URL != "https://chat.example.com/push-events" || got.Key.Reveal() != firstCallback || got.CABundle != suite.Vendor.CA() {
		t.Errorf("dispatchers get %+v", got)
	}
}

// TestCallbackChanges is a rotated key, and a callback that is taken away: dispatchers get both, and no pod is replaced.
func TestCallbackChanges(t *testing.T) {
	t.Parallel()
	s, secret := stageCallback(t)
	secret.StringData = map[string]string{"key": firstCallback}
	suite.Create(t, secret)
	pod := s.launch(t)
	before := s.deployment(t)
	key := func(want string) {
		t.Helper()
		managertest.Await(t, suite, named(&corev1.Secret{}, s.namespace, "chat-dispatcher"), func(rendered *corev1.Secret) error {
			document, err := config.ParseStrict(rendered.Data[config.FileName])
			if err == nil && document.Callback.Key.Reveal() != want {
				err = fmt.Errorf("dispatchers do not get the key %.18s", want)
			}
			return err
		})
		s.converge(t, pod)
	}
	key(firstCallback)
	write(t, secret, map[string]string{"key": secondCallback})
	key(secondCallback)
	managertest.Change(t, suite, s.app, func(a *pushv1.PushApp) { a.Spec.Callback = nil })
	key("")
	if document, _ := s.document(t); !document.Callback.IsZero() {
		t.Errorf("a callback is left: %+v", document.Callback)
	}
	if after := s.deployment(t); after.Generation != before.Generation {
		t.Errorf("no change of a callback may touch the Deployment, generation %d became %d", before.Generation, after.Generation)
	}
}
