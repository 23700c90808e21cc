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

// grantedPerSecond is what the vendor grants to a new account, by the vendors' documents: FCM 600,000 requests a minute and
// project, Huawei at least 6,000 a second, OPPO 5,000 phones a second, vivo 3,000, Honor 3,000, Xiaomi 500, Meizu 200. Apple
// and the push services of browsers name no number.
func grantedPerSecond(v pushv1.Vendor) int32 {
	switch v {
	case pushv1.VendorFCM:
		return 10_000
	case pushv1.VendorHuawei, pushv1.VendorHarmonyOS:
		return 6_000
	case pushv1.VendorOPPO:
		return 5_000
	case pushv1.VendorVivo, pushv1.VendorHonor:
		return 3_000
	case pushv1.VendorAPNs, pushv1.VendorWebPush:
		return 1_000
	case pushv1.VendorXiaomi:
		return 500
	case pushv1.VendorMeizu:
		return 200
	}
	return 1
}
