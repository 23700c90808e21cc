package pushchannel

import (
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/condition"
	"github.com/offlinepush/operator/dispatcher/provider"
)

// warnBefore is how long before its end a credential is called expiring.
const warnBefore = 30 * 24 * time.Hour

// expiryMetric lets an alert ask for a new certificate in time.
var expiryMetric = promauto.With(metrics.Registry).NewGaugeVec(prometheus.GaugeOpts{
	Name: "offlinepush_channel_credential_expiry_timestamp_seconds",
	Help: "When the credential of a PushChannel runs out, in seconds since 1970; absent where it does not.",
}, []string{"namespace", "name"})

// expiry is when a credential runs out; zero means never.
type expiry struct{ at time.Time }

func expiryOf(vendor provider.Provider) expiry {
	if e, ok := vendor.(provider.Expiring); ok {
		return expiry{e.CredentialExpires()}
	}
	return expiry{}
}

// warn says of a credential that the vendor accepted that it ends soon.
func (e expiry) warn(valid condition.Fact, now time.Time) condition.Fact {
	if valid.Reason != pushv1.ReasonCredentialsAccepted || e.at.IsZero() || e.at.Sub(now) >= warnBefore {
		return valid
	}
	return condition.True(valid.Type, pushv1.ReasonCredentialExpiring,
		fmt.Sprintf("%s, which ends on %s: renew it and put it into the Secret", valid.Message, e.at.UTC().Format(time.DateOnly)))
}

// recheck is the time until the next thing to say about the end, if that is before the wait, where 0 waits for ever.
func (e expiry) recheck(wait time.Duration, now time.Time) time.Duration {
	if e.at.IsZero() {
		return wait
	}
	for _, turn := range []time.Time{e.at.Add(-warnBefore), e.at} {
		left := turn.Sub(now)
		if left > 0 && (wait == 0 || left < wait) {
			return left
		}
	}
	return wait
}

// publish shows the end of the named credential as a metric, and that of the one in use in the status.
func (e expiry) publish(channel *pushv1.PushChannel, inUse bool) {
	labels := prometheus.Labels{"namespace": channel.Namespace, "name": channel.Name}
	if e.at.IsZero() {
		expiryMetric.Delete(labels)
		return
	}
	expiryMetric.With(labels).Set(float64(e.at.Unix()))
	if credentials := channel.Status.Credentials; inUse && credentials != nil {
		credentials.Active.NotAfter = new(metav1.NewTime(e.at))
	}
}

func forgetExpiry(name types.NamespacedName) {
	expiryMetric.Delete(prometheus.Labels{"namespace": name.Namespace, "name": name.Name})
}
