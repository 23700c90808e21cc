package pushchannel

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/condition"
)

// channelFacts are the conditions of a PushChannel from which Ready follows.
type channelFacts struct {
	resolved, valid, delivering condition.Fact
}

// write sets the conditions. After an interrupted pass, facts that it did not get to stay as they are, and the status speaks
// of the generation that it spoke of.
func (f channelFacts) write(channel *pushv1.PushChannel, interrupted bool) {
	status := &channel.Status
	if !interrupted || status.ObservedGeneration < 1 {
		status.ObservedGeneration = channel.Generation
	}
	if interrupted {
		f.valid = former(status.Conditions, pushv1.ConditionCredentialsValid, f.valid)
		f.delivering = former(status.Conditions, pushv1.ConditionDelivering, f.delivering)
	}
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
	condition.Set(&status.Conditions, status.ObservedGeneration, ready, facts)
}

// former is the fact of a pass, or where the pass did not find it out, what the conditions say of it.
func former(conditions []metav1.Condition, name string, found condition.Fact) condition.Fact {
	if found.Type != "" {
		return found
	}
	for _, f := range condition.Former(conditions, name) {
		return f
	}
	return found
}

func suspended(channel *pushv1.PushChannel) bool {
	return channel.Spec.Suspend != nil && *channel.Spec.Suspend
}
