package render

import (
	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/dispatcher/config"
)

// Limits is a row's part of its channel's limits: share of all shares, at least one request per second and push a day.
func Limits(spec pushv1.PushChannelSpec, share, allShares int32) config.Limits {
	total := spec.Limits.RequestsPerSecond
	if total == 0 {
		total = grantedPerSecond(spec.Vendor)
	}
	part := func(whole int32) int64 {
		return max(int64(whole)*int64(share)/int64(max(allShares, share, 1)), 1)
	}
	limits := config.Limits{
		RequestsPerSecond:     int32(part(total)), //nolint:gosec // A part of an int32 is one.
		MaxConcurrentRequests: spec.Limits.MaxConcurrentRequests,
		QuotaTimeZone:         zone(spec.Limits.QuotaTimeZone),
	}
	for _, q := range spec.Limits.DailyQuotas {
		limits.DailyQuotas = append(limits.DailyQuotas, config.DailyQuota{
			Class: string(q.Class), Pushes: part(q.Pushes), ChannelIDs: q.ChannelIDs,
		})
	}
	if r := spec.Limits.QuotaReservePercent; r != nil && len(limits.DailyQuotas) > 0 {
		limits.QuotaReservePercent = *r
	}
	return limits
}

// zone leaves out a time zone that nobody knows: one channel's mistake must not keep an app's configuration from being
// loaded. The channel says so.
func zone(name string) string {
	if _, err := (config.Limits{QuotaTimeZone: name}).Zone(); err != nil {
		return ""
	}
	return name
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
