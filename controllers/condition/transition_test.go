package condition_test

import (
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/condition"
)

// announced are the events of a change.
func announced(before, after []metav1.Condition) []string {
	recorder := events.NewFakeRecorder(10)
	condition.Announce(recorder, &pushv1.PushChannel{}, before, after)
	close(recorder.Events)
	var told []string
	for event := range recorder.Events {
		told = append(told, event)
	}
	return told
}

// TestEveryTransitionOfReadyIsAnnouncedOnce goes from each state to each other, and to itself with other words.
func TestEveryTransitionOfReadyIsAnnouncedOnce(t *testing.T) {
	t.Parallel()
	facts := map[string]condition.Fact{
		"well":      condition.True(pushv1.ConditionResolved, pushv1.ReasonResolved, "well"),
		"waiting":   condition.Unknown(pushv1.ConditionResolved, pushv1.ReasonVendorUnreachable, "no answer", condition.Pending),
		"missing":   condition.False(pushv1.ConditionResolved, pushv1.ReasonSecretNotFound, "no Secret", condition.Pending),
		"malformed": condition.False(pushv1.ConditionResolved, pushv1.ReasonSecretMalformed, "no JSON", condition.Stuck),
	}
	status := func(f condition.Fact) (conditions []metav1.Condition) {
		condition.Set(&conditions, 1, condition.Ready([]condition.Fact{f}), []condition.Fact{f})
		return conditions
	}
	for from, was := range facts {
		for to, is := range facts {
			told := announced(status(was), status(is))
			switch {
			case from == to && len(told) > 0:
				t.Errorf("%s again is announced: %q", from, told)
			case from != to && len(told) != 1:
				t.Errorf("from %s to %s has the events %q, want one", from, to, told)
			case from != to && strings.HasPrefix(told[0], "Normal") != (to == "well"):
				t.Errorf("from %s to %s is %q", from, to, told[0])
			}
		}
		again := was
		again.Message = "in other words"
		if told := announced(status(was), status(again)); len(told) > 0 {
			t.Errorf("other words for %s are announced: %q", from, told)
		}
	}
}

// TestQuietTransitionsAreAnnounced changes conditions under a Ready that stays as it is.
func TestQuietTransitionsAreAnnounced(t *testing.T) {
	t.Parallel()
	valid := func(reason string) condition.Fact {
		return condition.True(pushv1.ConditionCredentialsValid, reason, reason)
	}
	delivering := func(status metav1.ConditionStatus, reason string) condition.Fact {
		return condition.Fact{Type: pushv1.ConditionDelivering, Status: status, Reason: reason, Message: reason}
	}
	status := func(facts ...condition.Fact) (conditions []metav1.Condition) {
		condition.Set(&conditions, 1, condition.Ready(facts), facts)
		return conditions
	}
	idle := delivering(metav1.ConditionUnknown, pushv1.ReasonNoTraffic)
	before := status(valid(pushv1.ReasonCredentialsAccepted), idle)
	for _, tt := range []struct {
		name  string
		after []metav1.Condition
		want  []string
	}{
		{"nothing", before, nil},
		{"a credential that soon ends", status(valid(pushv1.ReasonCredentialExpiring), idle), []string{"Warning CredentialExpiring CredentialExpiring"}},
		{
			"a configuration on its way", status(valid(pushv1.ReasonCredentialsAccepted), idle, condition.False(pushv1.ConditionConfigApplied, pushv1.ReasonConfigPending, "soon", condition.Pending)),
			[]string{"Normal ConfigPending soon"},
		},
		{"the first push", status(valid(pushv1.ReasonCredentialsAccepted), delivering(metav1.ConditionTrue, pushv1.ReasonDelivering)), []string{"Normal Delivering Delivering"}},
		{
			"both", status(valid(pushv1.ReasonCredentialExpiring), delivering(metav1.ConditionTrue, pushv1.ReasonDelivering)),
			[]string{"Normal Delivering Delivering", "Warning CredentialExpiring CredentialExpiring"},
		},
	} {
		told := announced(before, tt.after)
		slices.Sort(told)
		if !slices.Equal(told, tt.want) {
			t.Errorf("%s: the events are %q, want %q", tt.name, told, tt.want)
		}
	}
	if told := announced(status(valid(pushv1.ReasonCredentialExpiring), delivering(metav1.ConditionTrue, pushv1.ReasonDelivering)), before); !slices.Contains(told, "Normal NoTraffic NoTraffic") {
		t.Errorf("the way back has the events %q", told)
	}
}
