package pushapp

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/condition"
	"github.com/offlinepush/operator/dispatcher/report"
)

// rowState is a row with the fact that its status shows.
type rowState struct {
	row  row
	fact condition.Fact
}

func (s rowState) vendor() pushv1.Vendor {
	if s.row.channel == nil {
		return ""
	}
	return s.row.channel.Spec.Vendor
}

// stateOf decides what a row's status shows. What is in the way of the row comes first, then what the dispatchers saw of
// the vendor, then what the channel's own probe saw; a channel's Ready is not asked, because it follows from the rows.
func stateOf(r row, o observed) rowState {
	if r.trouble != nil {
		return rowState{r, condition.FromError(r.spec.Name, r.trouble)}
	}
	traffic := trafficOf(r, o)
	if traffic.Severity != condition.Fine || traffic.Reason == pushv1.ReasonVendorThrottled {
		return rowState{r, traffic}
	}
	valid := meta.FindStatusCondition(r.channel.Status.Conditions, pushv1.ConditionCredentialsValid)
	switch {
	case valid != nil && valid.Reason == pushv1.ReasonCredentialsRejected:
		return rowState{r, condition.False(r.spec.Name, pushv1.ReasonChannelNotReady, valid.Message, condition.Stuck)}
	case traffic.Reason == pushv1.ReasonDelivering:
		return rowState{r, traffic}
	case valid != nil && valid.Status == metav1.ConditionUnknown:
		return rowState{r, condition.Unknown(r.spec.Name, pushv1.ReasonChannelNotReady, readyMessage(r.channel), condition.Pending)}
	}
	return rowState{r, traffic}
}

// trafficOf is the worst that the dispatchers report of a row.
func trafficOf(r row, o observed) condition.Fact {
	worst := condition.True(r.spec.Name, pushv1.ReasonChannelReady, "the channel is ready")
	for _, pod := range o.pods {
		for _, c := range o.readings[pod.Name].report.Channels {
			if c.Name != r.spec.Name {
				continue
			}
			if f := reported(r, c); trafficRank(f) > trafficRank(worst) {
				worst = f
			}
		}
	}
	return worst
}

func reported(r row, c report.Channel) condition.Fact {
	name, words := r.spec.Name, vendorWords(r.channel.Spec.Vendor, c)
	switch c.State {
	case report.NoTraffic:
		return condition.True(name, pushv1.ReasonNoTraffic, "ready; nothing was sent lately"+quotaNotes(c))
	case report.Delivering:
		return condition.True(name, pushv1.ReasonDelivering, "the vendor takes pushes"+quotaNotes(c))
	case report.Throttled:
		if c.Blocked {
			return condition.Unknown(name, pushv1.ReasonVendorThrottled,
				words+"; nothing got through for half a minute; sending more slowly: if it lasts, lower spec.limits.requestsPerSecond of the channel",
				condition.Pending)
		}
		return condition.True(name, pushv1.ReasonVendorThrottled, words+"; sending more slowly"+quotaNotes(c))
	case report.CredentialRejected:
		return condition.False(name, pushv1.ReasonCredentialsRejected, words+"; pushes wait for a valid credential in the channel's Secret", condition.Stuck)
	case report.MassInvalidation:
		return condition.False(name, pushv1.ReasonMassInvalidation,
			words+"; so many known tokens cannot be invalid: check that the credential belongs to the app", condition.Stuck)
	case report.Misconfigured:
		return condition.False(name, pushv1.ReasonMisconfigured,
			"a dispatcher cannot use the channel: "+c.Message+"; pushes wait", condition.Stuck)
	case report.Refusing:
		return condition.False(name, pushv1.ReasonMessagesRefused,
			words+"; it takes none of the messages: correct the push profiles of its vendor, or what the senders put into messages", condition.Stuck)
	case report.QuotaExhausted:
		return condition.False(name, pushv1.ReasonQuotaExhausted, quotaWords(words, c)+"; pushes wait for the next quota"+quotaCure(c), condition.Pending)
	case report.Unreachable:
		return condition.Unknown(name, pushv1.ReasonVendorUnreachable, words+
			"; trying again; if it lasts, see the vendor's state page, and DNS, proxy and egress rules of the app's namespace", condition.Pending)
	}
	return condition.Unknown(name, pushv1.ReasonReportUnavailable,
		fmt.Sprintf("the dispatcher reports %q, which this manager does not know: update the manager", c.State), condition.Pending)
}

// vendorWords says what the vendor said, in its own code and words.
func vendorWords(vendor pushv1.Vendor, c report.Channel) string {
	if c.Code == "" && c.Message == "" {
		return string(vendor) + " gave no reason"
	}
	if c.Code == "" && c.State == report.Unreachable {
		return fmt.Sprintf("%s did not answer: %s", vendor, c.Message)
	}
	words := strings.Trim(c.Code+": "+c.Message, ": ")
	return fmt.Sprintf("%s answered %s", vendor, words)
}

func trafficRank(f condition.Fact) int {
	if f.Severity != condition.Fine {
		return 4 + int(f.Severity)
	}
	switch f.Reason {
	case pushv1.ReasonChannelReady:
		return 0
	case pushv1.ReasonNoTraffic:
		return 1
	case pushv1.ReasonDelivering:
		return 2
	}
	return 3
}

// channelsReady is False while a required row is not ready; the first of the worst decides.
func channelsReady(states []rowState) condition.Fact {
	worst := condition.True(pushv1.ConditionChannelsReady, pushv1.ReasonChannelsReady, "every required channel is ready")
	for _, s := range states {
		if s.row.spec.Required == pushv1.ChannelOptional || s.fact.Severity <= worst.Severity {
			continue
		}
		worst = s.fact
		worst.Type = pushv1.ConditionChannelsReady
		worst.Message = fmt.Sprintf("channel %s: %s", s.row.spec.Name, s.fact.Message)
	}
	return worst
}
