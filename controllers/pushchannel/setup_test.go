package pushchannel

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/event"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/testenv"
)

// TestRowsChanged: a channel looks again at an app that says something else of it, and not while an app only settles.
func TestRowsChanged(t *testing.T) {
	t.Parallel()
	row := func(reason, message string) pushv1.AppChannelStatus {
		return pushv1.AppChannelStatus{Name: "xiaomi", Ready: metav1.ConditionTrue, Reason: reason, Message: message}
	}
	for _, tt := range []struct {
		name          string
		before, after []pushv1.AppChannelStatus
		spec          bool
		want          bool
	}{
		{name: "the app is seen for the first time", after: []pushv1.AppChannelStatus{row(pushv1.ReasonChannelNotReady, "no accepted credential yet")}},
		{
			name:   "the app settles",
			before: []pushv1.AppChannelStatus{row(pushv1.ReasonChannelNotReady, "no accepted credential yet")},
			after:  []pushv1.AppChannelStatus{row(pushv1.ReasonNoTraffic, "ready; nothing was sent lately")},
		},
		{
			name:   "the first push",
			before: []pushv1.AppChannelStatus{row(pushv1.ReasonNoTraffic, "ready")},
			after:  []pushv1.AppChannelStatus{row(pushv1.ReasonDelivering, "the vendor takes pushes")}, want: true,
		},
		{
			name:   "the vendor refuses",
			before: []pushv1.AppChannelStatus{row(pushv1.ReasonNoTraffic, "ready")},
			after:  []pushv1.AppChannelStatus{row(pushv1.ReasonCredentialsRejected, "Xiaomi answered 21301")}, want: true,
		},
		{
			name:   "the vendor says why in other words",
			before: []pushv1.AppChannelStatus{row(pushv1.ReasonVendorUnreachable, "timeout")},
			after:  []pushv1.AppChannelStatus{row(pushv1.ReasonVendorUnreachable, "connection refused")}, want: true,
		},
		{
			name:   "access is taken away",
			before: []pushv1.AppChannelStatus{row(pushv1.ReasonNoTraffic, "ready")},
			after:  []pushv1.AppChannelStatus{row(pushv1.ReasonAccessDenied, "not let in")}, want: true,
		},
		{
			name:   "another row's trouble",
			before: []pushv1.AppChannelStatus{{Name: "other", Reason: pushv1.ReasonDelivering}},
			after:  []pushv1.AppChannelStatus{{Name: "other", Reason: pushv1.ReasonCredentialsRejected}},
		},
		{name: "the spec", spec: true, want: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			before := testenv.App("ns", "chat", "xiaomi")
			after := before.DeepCopy()
			before.Status.Channels, after.Status.Channels = tt.before, tt.after
			if tt.spec {
				after.Generation++
			}
			if got := rowsChanged().Update(event.UpdateEvent{ObjectOld: before, ObjectNew: after}); got != tt.want {
				t.Errorf("rowsChanged is %t, want %t", got, tt.want)
			}
		})
	}
}
