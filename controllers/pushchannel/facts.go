package pushchannel

import (
	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/condition"
)

// channelFacts are the conditions of a PushChannel from which Ready follows.
type channelFacts struct {
	resolved, valid, delivering condition.Fact
}

// write sets the conditions. Facts that a pass did not get to say that they wait for the one before.
func (f channelFacts) write(channel *pushv1.PushChannel) {
	if f.valid.Type == "" {
		f.valid = condition.Unknown(pushv1.ConditionCredentialsValid, pushv1.ReasonNotProbed,
			"the vendor is asked once the credential is resolved", condition.Fine)
	}
	if f.delivering.Type == "" {
		f.delivering = condition.Unknown(pushv1.ConditionDelivering, pushv1.ReasonNoTraffic, "the PushApps could not be listed", condition.Fine)
	}
	facts := []condition.Fact{f.resolved, f.valid, f.delivering}
	ready := condition.Ready(facts)
	if suspended(channel) {
		ready = condition.Suspended()
	}
	condition.Set(&channel.Status.Conditions, channel.Generation, ready, facts)
	channel.Status.ObservedGeneration = channel.Generation
}

func suspended(channel *pushv1.PushChannel) bool {
	return channel.Spec.Suspend != nil && *channel.Spec.Suspend
}
