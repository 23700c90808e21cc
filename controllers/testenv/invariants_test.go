package testenv

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kstatus "sigs.k8s.io/cli-utils/pkg/kstatus/status"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
)

func condition(name string, status metav1.ConditionStatus) metav1.Condition {
	return metav1.Condition{Type: name, Status: status, Reason: "Because", Message: "because", ObservedGeneration: 2}
}

func channelWith(conditions ...metav1.Condition) *pushv1.PushChannel {
	channel := FCMChannel("default", "fcm")
	channel.Generation = 2
	channel.Status = pushv1.PushChannelStatus{ObservedGeneration: 2, Conditions: conditions}
	return channel
}

func TestCheckStatus(t *testing.T) {
	t.Parallel()
	ready, reconciling, stalled := pushv1.ConditionReady, pushv1.ConditionReconciling, pushv1.ConditionStalled
	const yes, no, unknown = metav1.ConditionTrue, metav1.ConditionFalse, metav1.ConditionUnknown
	tests := []struct {
		name    string
		channel *pushv1.PushChannel
		mutate  func(*pushv1.PushChannel)
		want    string
	}{
		{name: "ready", channel: channelWith(condition(ready, yes))},
		{name: "waiting", channel: channelWith(condition(ready, unknown), condition(reconciling, yes))},
		{name: "failed", channel: channelWith(condition(ready, no), condition(stalled, yes))},
		{name: "no Ready", channel: channelWith(condition(reconciling, yes)), want: "Ready must always be present"},
		{
			name: "Reconciling kept as False", channel: channelWith(condition(ready, yes), condition(reconciling, no)),
			want: "Reconciling must be absent when it is not True",
		},
		{
			name: "both abnormal", channel: channelWith(condition(ready, no), condition(reconciling, yes), condition(stalled, yes)),
			want: "Reconciling and Stalled must never be True together",
		},
		{
			name: "ready and reconciling", channel: channelWith(condition(ready, yes), condition(reconciling, yes)),
			want: "Ready must not be True while Reconciling is True",
		},
		{
			name: "unknown and stalled", channel: channelWith(condition(ready, unknown), condition(stalled, yes)),
			want: "Ready must be False while Stalled is True",
		},
		{
			name: "not ready for no reason", channel: channelWith(condition(ready, no)),
			want: "Reconciling or Stalled must be True while Ready is False",
		},
		{
			name: "suspended", channel: channelWith(condition(ready, no)),
			mutate: func(c *pushv1.PushChannel) { c.Status.Conditions[0].Reason = pushv1.ReasonSuspended },
		},
		{
			name: "from the future", channel: channelWith(condition(ready, no), condition(reconciling, yes)),
			mutate: func(c *pushv1.PushChannel) { c.Generation = 1 }, want: "must not be above generation 1",
		},
		{
			name: "condition from the future", channel: channelWith(condition(ready, yes)),
			mutate: func(c *pushv1.PushChannel) { c.Status.Conditions[0].ObservedGeneration = 3 },
			want:   "observedGeneration 3 of Ready must not be above",
		},
		{
			name: "ready but behind", channel: channelWith(condition(ready, yes)),
			mutate: func(c *pushv1.PushChannel) { c.Generation = 3 }, want: "Ready must not be True while observedGeneration 2 is below generation 3",
		},
		{
			name: "condition behind", channel: channelWith(condition(ready, yes)),
			mutate: func(c *pushv1.PushChannel) { c.Status.Conditions[0].ObservedGeneration = 1 },
			want:   "Ready must have the status's observedGeneration 2, but has 1",
		},
		{
			name: "no message", channel: channelWith(condition(ready, yes)),
			mutate: func(c *pushv1.PushChannel) { c.Status.Conditions[0].Message = "" }, want: "Ready must have a message",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.mutate != nil {
				tt.mutate(tt.channel)
			}
			checkError(t, CheckStatus(tt.channel), tt.want)
		})
	}
}

func TestKStatusAgreesOnlyWithItsOwnReading(t *testing.T) {
	t.Parallel()
	state := observed{generation: 1, observedGeneration: 1, conditions: []metav1.Condition{condition(pushv1.ConditionReady, metav1.ConditionTrue)}}
	for _, status := range []kstatus.Status{kstatus.InProgressStatus, kstatus.FailedStatus, kstatus.TerminatingStatus} {
		state.kstatus = status
		if kstatusAgrees(state) == "" {
			t.Errorf("kstatus %s was accepted for a ready object", status)
		}
	}
}

func checkError(t *testing.T, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("unexpected error: %v", err)
	case want != "" && err == nil:
		t.Errorf("no error, want %q", want)
	case want != "" && !strings.Contains(err.Error(), want):
		t.Errorf("error %q lacks %q", err, want)
	}
}
