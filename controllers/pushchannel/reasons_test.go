package pushchannel

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/condition"
	"github.com/offlinepush/operator/controllers/testenv"
	"github.com/offlinepush/operator/dispatcher/provider"
)

// TestStatusOfEveryFact writes what tests with a real API server do not come to: what vendors say of traffic, credentials that
// end, vendors that nobody can ask.
func TestStatusOfEveryFact(t *testing.T) {
	t.Parallel()
	resolved := condition.True(pushv1.ConditionResolved, pushv1.ReasonResolved, "the credential has the right shape")
	accepted := credentialsValid(pushv1.VendorXiaomi, source{}, probed{at: time.Unix(1, 0), proof: provider.Proof{Verdict: provider.Valid}}, true)
	checked := credentialsValid(pushv1.VendorVivo, source{}, probed{
		at: time.Unix(1, 0), proof: provider.Proof{Verdict: provider.Unasked, Detail: "the first push shows whether the vendor takes it"},
	}, true)
	silent, _ := delivering(types.NamespacedName{}, nil)
	row := func(ready metav1.ConditionStatus, reason string) condition.Fact {
		row := pushv1.AppChannelStatus{Name: "xiaomi", Ready: ready, Reason: reason, Message: "Xiaomi answered 1: words"}
		return traffic(testenv.App("ns", "chat", "xiaomi"), row)
	}
	says := func(reason string) condition.Fact { return row(metav1.ConditionFalse, reason) }
	over := unusable("apns", source{field: "spec.credentials.secretRef", secret: "apns"}, &provider.ExpiredError{Field: "tls.crt", At: time.Unix(86400, 0)})
	noURL := Endpoints(nil).check(&pushv1.ChannelEndpoint{URL: "https://%zz"})
	for _, tt := range []struct {
		facts channelFacts
		ready string
	}{
		{channelFacts{resolved, accepted, row(metav1.ConditionTrue, pushv1.ReasonDelivering)}, pushv1.ReasonReady},
		{channelFacts{resolved, accepted, row(metav1.ConditionTrue, pushv1.ReasonVendorThrottled)}, pushv1.ReasonReady},
		{channelFacts{resolved, accepted, row(metav1.ConditionUnknown, pushv1.ReasonVendorThrottled)}, pushv1.ReasonVendorThrottled},
		{channelFacts{resolved, checked, silent}, pushv1.ReasonReady},
		{channelFacts{resolved, expiry{time.Unix(86400, 0)}.warn(accepted, time.Unix(0, 0)), silent}, pushv1.ReasonReady},
		{channelFacts{resolved, accepted, says(pushv1.ReasonQuotaExhausted)}, pushv1.ReasonQuotaExhausted},
		{channelFacts{resolved, accepted, says(pushv1.ReasonMassInvalidation)}, pushv1.ReasonMassInvalidation},
		{channelFacts{resolved, accepted, says(pushv1.ReasonMisconfigured)}, pushv1.ReasonMisconfigured},
		{channelFacts{resolved, accepted, says(pushv1.ReasonMessagesRefused)}, pushv1.ReasonMessagesRefused},
		{channelFacts{resolved, accepted, says(pushv1.ReasonVendorUnreachable)}, pushv1.ReasonVendorUnreachable},
		{channelFacts{resolved: condition.FromError(pushv1.ConditionResolved, over), delivering: silent}, pushv1.ReasonCredentialExpired},
		{channelFacts{resolved: condition.FromError(pushv1.ConditionResolved, noURL), delivering: silent}, pushv1.ReasonInvalidSpec},
	} {
		channel := testenv.XiaomiChannel("ns", "xiaomi")
		channel.Generation = 1
		tt.facts.write(channel, false)
		if err := testenv.CheckStatus(channel); err != nil {
			t.Error(err)
		}
		if got := meta.FindStatusCondition(channel.Status.Conditions, pushv1.ConditionReady).Reason; got != tt.ready {
			t.Errorf("Ready is %s, want %s", got, tt.ready)
		}
	}
}
