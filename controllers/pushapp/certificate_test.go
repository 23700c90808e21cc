package pushapp

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"k8s.io/apimachinery/pkg/types"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/condition"
)

func TestCertificateWarns(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	applied := condition.True(pushv1.ConditionConfigApplied, pushv1.ReasonConfigApplied, "every dispatcher runs on it")
	pending := condition.False(pushv1.ConditionConfigApplied, pushv1.ReasonConfigPending, "not yet", condition.Pending)
	for name, tt := range map[string]struct {
		ends time.Time
		fact condition.Fact
		want string
	}{
		"plain HTTP":          {time.Time{}, applied, pushv1.ReasonConfigApplied},
		"31 days":             {now.Add(31 * 24 * time.Hour), applied, pushv1.ReasonConfigApplied},
		"29 days":             {now.Add(29 * 24 * time.Hour), applied, pushv1.ReasonCredentialExpiring},
		"not applied, ending": {now.Add(time.Hour), pending, pushv1.ReasonConfigPending},
	} {
		got := serving{ends: tt.ends}.warn(tt.fact, now)
		if got.Reason != tt.want || got.Status != tt.fact.Status {
			t.Errorf("%s: got %s %s, want %s", name, got.Status, got.Reason, tt.want)
		}
		if got.Reason == pushv1.ReasonCredentialExpiring && !strings.Contains(got.Message, "2026-12-24: renew it") {
			t.Errorf("%s: does not say when, or what to do: %s", name, got.Message)
		}
	}
}

// TestCertificateRunsOut: its end is noticed when it comes, and called what it is.
func TestCertificateRunsOut(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		left time.Duration // 0: no certificate
		most time.Duration
		kept string
	}{
		"plain HTTP": {0, resync, ""},
		"tomorrow":   {24 * time.Hour, resync, "keep the certificate that ends on"},
		"soon":       {time.Minute, time.Minute, "keep the certificate that ends on"},
		"over":       {-time.Minute, resync, "clients refuse, because it ended on"},
	} {
		s := serving{}
		if tt.left != 0 {
			s.ends = time.Now().Add(tt.left)
		}
		if got := (outcome{certificate: s}).again(); got > tt.most || got < tt.most-30*time.Second {
			t.Errorf("%s: looks again after %s, want at most %s", name, got, tt.most)
		}
		if got := s.kept(time.Now()); !strings.Contains(got, tt.kept) {
			t.Errorf("%s: says %q", name, got)
		}
	}
}

func TestCertificateIsMeasured(t *testing.T) {
	t.Parallel()
	name := types.NamespacedName{Namespace: "measured", Name: "chat"}
	serving{ends: time.Unix(1_800_000_000, 0)}.publish(name)
	if got := testutil.ToFloat64(certificateMetric.WithLabelValues(name.Namespace, name.Name)); got != 1_800_000_000 {
		t.Errorf("the metric is %f", got)
	}
	serving{}.publish(name)
	if certificateMetric.DeleteLabelValues(name.Namespace, name.Name) {
		t.Error("an app that went back to plain HTTP still has the metric")
	}
}
