package pushapp_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/managertest"
	"github.com/offlinepush/operator/dispatcher/report"
)

// TestFirstStartAsksNobody goes the way of a pod on a node: it starts, listens, opens the store, loads the configuration, and
// accepts work. No event on the way is a Warning.
func TestFirstStartAsksNobody(t *testing.T) {
	t.Parallel()
	s := stage(t)
	suite.Create(t, s.app)
	await(t, s.app, "ConfigApplied=False/ConfigPending", "StoreReady=False/VolumePending")
	pod := suite.StartingPod(t, s.app, "one")
	await(t, s.app, "ConfigApplied=Unknown/ReportPending")
	suite.Settle(t, s.app)
	opening := healthy("")
	opening.Store = report.Store{Opening: true, Error: "the store is being opened"}
	suite.Dispatchers.Report(pod.Status.PodIP, opening)
	await(t, s.app, "ConfigApplied=False/ConfigPending", "StoreReady=Unknown/ReportPending")
	_, hash := s.document(t)
	opening.Config.Hash = hash
	suite.Dispatchers.Report(pod.Status.PodIP, opening)
	await(t, s.app, "Ready=False/ReportPending")
	suite.Dispatchers.Report(pod.Status.PodIP, healthy(hash))
	await(t, s.app, "StoreReady=True/StoreReady", "Ready=False/RollingOut")
	suite.BecomeReady(t, pod)
	await(t, s.app, "Ready=True/Ready")
	told := s.told(t, "Normal Ready")
	if slices.ContainsFunc(told, func(event string) bool { return strings.HasPrefix(event, corev1.EventTypeWarning) }) {
		t.Errorf("the events are %q, want no Warning", told)
	}

	suite.Dispatchers.Silence(pod.Status.PodIP)
	await(t, s.app, "Ready=False/ReportUnavailable")
	s.told(t, "Warning ReportUnavailable")
}

// told waits for events about the app, "Type Reason" each, and returns all that there are.
func (s scene) told(t *testing.T, want ...string) (told []string) {
	t.Helper()
	managertest.Await(t, suite, s.app, func(*pushv1.PushApp) error {
		var list eventsv1.EventList
		if err := suite.Client.List(t.Context(), &list, client.InNamespace(s.namespace)); err != nil {
			return err
		}
		told = nil
		for _, e := range list.Items {
			if e.Regarding.Kind == "PushApp" && e.Regarding.Name == s.app.Name {
				told = append(told, e.Type+" "+e.Reason)
			}
		}
		for _, event := range want {
			if !slices.Contains(told, event) {
				return fmt.Errorf("no event %q among %q", event, told)
			}
		}
		return nil
	})
	return told
}
