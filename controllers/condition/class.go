package condition

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
)

// class says what a reason asks of people.
type class int

// The classes of reasons.
const (
	// trouble is for somebody to act on, now or if it does not pass.
	trouble class = iota
	// underway is what goes its way: it just began, waits for what another object's events tell of, or is as people want it.
	underway
	// well is what should be.
	well
)

// classes has every reason; one that is in none is trouble.
var classes = map[class][]string{
	well: {
		pushv1.ReasonReady, pushv1.ReasonResolved, pushv1.ReasonCredentialsAccepted, pushv1.ReasonCredentialsChecked,
		pushv1.ReasonCredentialPromoted, pushv1.ReasonDelivering, pushv1.ReasonNoTraffic, pushv1.ReasonChannelsReady,
		pushv1.ReasonChannelReady, pushv1.ReasonStoreReady, pushv1.ReasonDispatcherAvailable, pushv1.ReasonConfigApplied,
		pushv1.ReasonPushed,
	},
	underway: {
		pushv1.ReasonPending, pushv1.ReasonSuspended, pushv1.ReasonNotProbed, pushv1.ReasonChannelNotReady,
		pushv1.ReasonVolumePending, pushv1.ReasonUpgradePending, pushv1.ReasonRollingOut, pushv1.ReasonConfigPending,
		pushv1.ReasonReportPending, pushv1.ReasonPushing, pushv1.ReasonTooSoon,
	},
	trouble: {
		pushv1.ReasonInvalidSpec, pushv1.ReasonApplyFailed, pushv1.ReasonNameConflict,
		pushv1.ReasonSecretNotFound, pushv1.ReasonSecretKeyMissing, pushv1.ReasonSecretMalformed, pushv1.ReasonCABundleNotFound,
		pushv1.ReasonCABundleMalformed, pushv1.ReasonEndpointNotAllowed, pushv1.ReasonIdentifierMismatch,
		pushv1.ReasonCredentialExpired, pushv1.ReasonCredentialExpiring, pushv1.ReasonCredentialsRejected,
		pushv1.ReasonNewCredentialRejected, pushv1.ReasonVendorUnreachable, pushv1.ReasonVendorThrottled,
		pushv1.ReasonQuotaExhausted, pushv1.ReasonMassInvalidation, pushv1.ReasonMisconfigured, pushv1.ReasonMessagesRefused,
		pushv1.ReasonChannelNotFound, pushv1.ReasonAccessDenied, pushv1.ReasonAmbiguousChannel,
		pushv1.ReasonVolumeLost, pushv1.ReasonStoreUnavailable, pushv1.ReasonStoreMismatch,
		pushv1.ReasonUnschedulable, pushv1.ReasonImagePullFailed, pushv1.ReasonCrashLooping, pushv1.ReasonDeploymentFailed,
		pushv1.ReasonConfigRejected, pushv1.ReasonConfigTooLarge, pushv1.ReasonReportUnavailable,
		pushv1.ReasonAppNotFound, pushv1.ReasonDispatcherUnreachable, pushv1.ReasonUnknownPushID,
		pushv1.ReasonUserWithoutDevices, pushv1.ReasonUnknownResourcesID, pushv1.ReasonDispatcherRefused, pushv1.ReasonVendorRefused,
	},
}

func classOf(reason string) class {
	for c, reasons := range classes {
		if slices.Contains(reasons, reason) {
			return c
		}
	}
	return trouble
}

// eventType is Warning for what somebody has to act on: whatever an object stalls for, and else what its reason says.
func eventType(all []metav1.Condition, c metav1.Condition) string {
	stalled := c.Type == pushv1.ConditionReady && meta.IsStatusConditionTrue(all, pushv1.ConditionStalled)
	if stalled || classOf(c.Reason) == trouble {
		return corev1.EventTypeWarning
	}
	return corev1.EventTypeNormal
}
