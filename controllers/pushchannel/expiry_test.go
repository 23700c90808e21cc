package pushchannel

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/condition"
	"github.com/offlinepush/operator/dispatcher/provider"
)

func TestExpiryWarns(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	accepted := condition.True(pushv1.ConditionCredentialsValid, pushv1.ReasonCredentialsAccepted, "APNs accepted the credential")
	refused := condition.False(pushv1.ConditionCredentialsValid, pushv1.ReasonCredentialsRejected, "no", condition.Stuck)
	for name, tt := range map[string]struct {
		left  time.Duration // 0 means no end
		valid condition.Fact
		want  string
	}{
		"a key has no end":   {0, accepted, pushv1.ReasonCredentialsAccepted},
		"31 days":            {31 * 24 * time.Hour, accepted, pushv1.ReasonCredentialsAccepted},
		"29 days":            {29 * 24 * time.Hour, accepted, pushv1.ReasonCredentialExpiring},
		"over":               {-time.Hour, accepted, pushv1.ReasonCredentialExpiring},
		"refused and ending": {time.Hour, refused, pushv1.ReasonCredentialsRejected},
	} {
		e := expiry{}
		if tt.left != 0 {
			e.at = now.Add(tt.left)
		}
		got := e.warn(tt.valid, now)
		if got.Reason != tt.want || got.Status != tt.valid.Status {
			t.Errorf("%s: got %s %s, want %s", name, got.Status, got.Reason, tt.want)
		}
		if got.Reason == pushv1.ReasonCredentialExpiring && !strings.Contains(got.Message, e.at.Format(time.DateOnly)) {
			t.Errorf("%s: does not say when: %s", name, got.Message)
		}
	}
}

func TestExpiryIsLookedAtAgain(t *testing.T) {
	t.Parallel()
	now := time.Now()
	const day = 24 * time.Hour
	for _, tt := range []struct{ left, wait, want time.Duration }{
		{0, time.Hour, time.Hour},
		{40 * day, time.Hour, time.Hour},
		{40 * day, 0, 10 * day},
		{30*day + time.Minute, time.Hour, time.Minute},
		{time.Minute, time.Hour, time.Minute},
		{time.Minute, 0, time.Minute},
		{-time.Minute, time.Hour, time.Hour},
	} {
		e := expiry{}
		if tt.left != 0 {
			e.at = now.Add(tt.left)
		}
		if got := e.recheck(tt.wait, now); got != tt.want {
			t.Errorf("%s left, wait of %s: got %s, want %s", tt.left, tt.wait, got, tt.want)
		}
	}
}

// dated is a provider whose credential ends.
type dated struct {
	provider.Provider
	at time.Time
}

// CredentialExpires implements provider.Expiring.
func (d dated) CredentialExpires() time.Time { return d.at }

func TestExpiryIsShown(t *testing.T) {
	t.Parallel()
	at := time.Unix(1_800_000_000, 0)
	channel := &pushv1.PushChannel{
		ObjectMeta: metav1.ObjectMeta{Namespace: "expiry", Name: "apns"},
		Status:     pushv1.PushChannelStatus{Credentials: &pushv1.ChannelCredentialsStatus{Active: &pushv1.ActiveCredential{}}},
	}
	expiryOf(dated{at: at}).publish(channel, true)
	if got := testutil.ToFloat64(expiryMetric.WithLabelValues("expiry", "apns")); got != 1_800_000_000 {
		t.Errorf("the metric is %f", got)
	}
	if got := channel.Status.Credentials.Active.NotAfter; got == nil || !got.Time.Equal(at) {
		t.Errorf("the status says %v", got)
	}
	forgetExpiry(types.NamespacedName{Namespace: "expiry", Name: "apns"})
	if n := testutil.CollectAndCount(expiryMetric); n != 0 {
		t.Errorf("%d metrics are left", n)
	}
	expiryOf(struct{ provider.Provider }{}).publish(channel, true)
	if n := testutil.CollectAndCount(expiryMetric); n != 0 {
		t.Errorf("a credential without an end has %d metrics", n)
	}
}
