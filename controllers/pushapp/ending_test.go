package pushapp_test

import (
	"slices"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/offlinepush/operator/controllers/managertest"
)

// TestNamespaceThatEnds takes an app's objects away one by one, as the deletion of its namespace does. That they cannot be made
// again is no trouble.
func TestNamespaceThatEnds(t *testing.T) {
	t.Parallel()
	s := stage(t)
	s.launch(t)
	told := s.told(t, "Normal Ready")
	suite.EndNamespace(t, s.namespace)
	managertest.AwaitLeftAlone(t, suite, s.app,
		named(&appsv1.Deployment{}, s.namespace, "chat-dispatcher"), named(&corev1.Service{}, s.namespace, "chat-device"),
		named(&corev1.Secret{}, s.namespace, "chat-dispatcher"), named(&corev1.Secret{}, s.namespace, "chat-keys"))
	if now := s.told(t); !slices.Equal(now, told) {
		t.Errorf("the events are %q, and were %q", now, told)
	}
}
