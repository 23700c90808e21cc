package pushchannel

import (
	"context"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/condition"
	"github.com/offlinepush/operator/controllers/reference"
)

// observe counts the PushApps that send through the channel and aggregates what their rows say of its traffic.
func (r *Reconciler) observe(ctx context.Context, channel *pushv1.PushChannel) (condition.Fact, error) {
	name := client.ObjectKeyFromObject(channel)
	apps, err := reference.AppsOf(ctx, r.Client, name)
	if err != nil {
		return condition.Fact{}, err
	}
	fact, count := delivering(name, apps)
	channel.Status.Apps = new(count)
	return fact, nil
}

// delivering is the worst of what the rows say of the channel's traffic, and the number of apps that are let in.
func delivering(channel types.NamespacedName, apps []pushv1.PushApp) (condition.Fact, int32) {
	worst := condition.Unknown(pushv1.ConditionDelivering, pushv1.ReasonNoTraffic, "nothing was sent lately", condition.Fine)
	count := int32(0)
	for i := range apps {
		said := said(&apps[i], channel)
		for _, f := range said {
			if rank(f) > rank(worst) {
				worst = f
			}
		}
		if len(said) > 0 {
			count++
		}
	}
	return worst, count
}

// said is what the rows of an app that the channel lets in say of its traffic. A row that the app's controller did not see yet
// says nothing was sent.
func said(app *pushv1.PushApp, channel types.NamespacedName) []condition.Fact {
	var facts []condition.Fact
	for _, row := range app.Spec.Channels {
		if reference.Channel(app, row) != channel {
			continue
		}
		status := pushv1.AppChannelStatus{}
		if i := slices.IndexFunc(app.Status.Channels, func(s pushv1.AppChannelStatus) bool { return s.Name == row.Name }); i >= 0 {
			status = app.Status.Channels[i]
		}
		if status.Reason != pushv1.ReasonAccessDenied {
			facts = append(facts, traffic(app, status))
		}
	}
	return facts
}

// traffic is what a row says of the channel's traffic.
func traffic(app *pushv1.PushApp, row pushv1.AppChannelStatus) condition.Fact {
	const name = pushv1.ConditionDelivering
	says := fmt.Sprintf("PushApp %s/%s, channel %s: %s", app.Namespace, app.Name, row.Name, row.Message)
	switch row.Reason {
	case pushv1.ReasonCredentialsRejected, pushv1.ReasonMassInvalidation, pushv1.ReasonMisconfigured, pushv1.ReasonMessagesRefused:
		return condition.False(name, row.Reason, says, condition.Stuck)
	case pushv1.ReasonQuotaExhausted:
		return condition.False(name, row.Reason, says, condition.Pending)
	case pushv1.ReasonVendorUnreachable:
		return condition.Unknown(name, row.Reason, says, condition.Pending)
	case pushv1.ReasonVendorThrottled:
		if row.Ready != metav1.ConditionTrue {
			return condition.Unknown(name, row.Reason, says, condition.Pending)
		}
		return condition.Unknown(name, row.Reason, says, condition.Fine)
	case pushv1.ReasonDelivering:
		return condition.True(name, pushv1.ReasonDelivering, "the vendor takes pushes")
	}
	return condition.Unknown(name, pushv1.ReasonNoTraffic, "nothing was sent lately", condition.Fine)
}

// rank orders facts: trouble before traffic before silence.
func rank(f condition.Fact) int {
	switch {
	case f.Severity != condition.Fine:
		return 3*int(f.Severity) + 3
	case f.Reason == pushv1.ReasonNoTraffic:
		return 0
	case f.Status == metav1.ConditionTrue:
		return 1
	}
	return 2
}
