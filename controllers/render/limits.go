package render

import (
	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/dispatcher/config"
)

// Limits is a row's part of its channel's limits: share of all shares, at least one request per second.
func Limits(spec pushv1.PushChannelSpec, share, allShares int32) config.Limits {
	total := spec.Limits.RequestsPerSecond
	if total == 0 {
		total = grantedPerSecond(spec.Vendor)
	}
	part := int64(total) * int64(share) / int64(max(allShares, share, 1))
	return config.Limits{
		RequestsPerSecond:     int32(max(part, 1)), //nolint:gosec // A part of an int32 is one.
		MaxConcurrentRequests: spec.Limits.MaxConcurrentRequests,
	}
}

// grantedPerSecond is what the vendor grants to a new account: FCM 600,000 a minute and project, Xiaomi 500 a second.
func grantedPerSecond(v pushv1.Vendor) int32 {
	switch v {
	case pushv1.VendorFCM:
		return 10_000
	case pushv1.VendorXiaomi:
		return 500
	}
	return 1
}
