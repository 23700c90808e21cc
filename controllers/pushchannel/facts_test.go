package pushchannel

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/condition"
	"github.com/offlinepush/operator/controllers/testenv"
)

// TestInterruptedPassKeepsWhatItDidNotLookAt: an API server that fails once takes no proof of a credential back.
func TestInterruptedPassKeepsWhatItDidNotLookAt(t *testing.T) {
	t.Parallel()
	resolved := condition.True(pushv1.ConditionResolved, pushv1.ReasonResolved, "the credential has the right shape")
	sending := condition.True(pushv1.ConditionDelivering, pushv1.ReasonDelivering, "the vendor takes pushes")
	for _, tt := range []struct {
		name        string
		valid       condition.Fact
		ready, also string
	}{
		{
			"accepted before", condition.True(pushv1.ConditionCredentialsValid, pushv1.ReasonCredentialsAccepted, "Xiaomi accepted it"),
			pushv1.ReasonApplyFailed, pushv1.ConditionReconciling,
		},
		{
			"refused before", condition.False(pushv1.ConditionCredentialsValid, pushv1.ReasonCredentialsRejected, "Xiaomi refused it", condition.Stuck),
			pushv1.ReasonCredentialsRejected, pushv1.ConditionStalled,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			channel := testenv.XiaomiChannel("ns", "xiaomi")
			channel.Generation = 1
			channelFacts{resolved: resolved, valid: tt.valid, delivering: sending}.write(channel, false)
			before := channel.DeepCopy()

			channel.Generation = 2
			failed := condition.FromError(pushv1.ConditionResolved, errors.New("etcd is away"))
			channelFacts{resolved: failed}.write(channel, true)
			if err := testenv.CheckStatus(channel); err != nil {
				t.Error(err)
			}
			for _, name := range []string{pushv1.ConditionCredentialsValid, pushv1.ConditionDelivering} {
				was, is := meta.FindStatusCondition(before.Status.Conditions, name), meta.FindStatusCondition(channel.Status.Conditions, name)
				if diff := cmp.Diff(was, is); diff != "" {
					t.Errorf("%s (-before +after):\n%s", name, diff)
				}
			}
			for name, want := range map[string]string{
				pushv1.ConditionResolved: pushv1.ReasonApplyFailed, pushv1.ConditionReady: tt.ready, tt.also: tt.ready,
			} {
				if got := meta.FindStatusCondition(channel.Status.Conditions, name); got == nil || got.Reason != want {
					t.Errorf("%s is %+v, want reason %s", name, got, want)
				}
			}
		})
	}
}

// TestFirstPassInterrupted: a status from nothing claims nothing of what was not looked at.
func TestFirstPassInterrupted(t *testing.T) {
	t.Parallel()
	channel := testenv.XiaomiChannel("ns", "xiaomi")
	channel.Generation, channel.Status.ObservedGeneration = 1, -1
	channelFacts{resolved: condition.FromError(pushv1.ConditionResolved, errors.New("etcd is away"))}.write(channel, true)
	if err := testenv.CheckStatus(channel); err != nil {
		t.Error(err)
	}
	for name, want := range map[string]string{
		pushv1.ConditionCredentialsValid: pushv1.ReasonNotProbed, pushv1.ConditionDelivering: pushv1.ReasonNoTraffic,
		pushv1.ConditionReady: pushv1.ReasonApplyFailed,
	} {
		if got := meta.FindStatusCondition(channel.Status.Conditions, name); got == nil || got.Reason != want {
			t.Errorf("%s is %+v, want reason %s", name, got, want)
		}
	}
}
