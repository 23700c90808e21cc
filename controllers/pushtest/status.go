package pushtest

import (
	"cmp"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/condition"
)

// noVendor is what people see in a column that must not be blank.
const noVendor = "-"

// write turns what a pass found out into the status. A finished test takes nothing but receipts.
func (a answer) write(test *pushv1.PushTest, now time.Time) {
	status := &test.Status
	if finished(test) {
		addReceipts(status.Devices, a.state)
		return
	}
	status.ObservedGeneration = test.Generation
	status.Target = cmp.Or(test.Spec.PushID, test.Spec.UserID)
	if a.trouble == nil {
		status.MessageID = clip(a.state.MessageID, maxID)
		status.StartTime = timeOf(a.state.StartedAt)
		status.Devices = devicesOf(a.state)
	}
	status.Vendors = cmp.Or(vendorsOf(status.Devices), noVendor)
	fact := complete(status.Devices, a.trouble)
	status.Result = resultOf(fact)
	condition.Set(&status.Conditions, test.Generation, ready(fact), []condition.Fact{fact, failed(fact)})
	if !finished(test) {
		return
	}
	if end := endOf(a.state); !end.IsZero() {
		now = end
	}
	status.CompletionTime = timeOf(now)
}

// finished reports whether the test ended, one way or the other.
func finished(test *pushv1.PushTest) bool {
	return meta.IsStatusConditionTrue(test.Status.Conditions, pushv1.ConditionComplete) ||
		meta.IsStatusConditionTrue(test.Status.Conditions, pushv1.ConditionFailed)
}
