package xiaomi

import (
	"slices"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/provider"
)

// Quota says how Xiaomi counts the pushes of a day. Whether a category is public or private, only Xiaomi's console and the
// channel's limits know: one that no limit names is private, which has no quota.
func Quota() provider.QuotaRules {
	return provider.QuotaRules{
		Classes: []provider.QuotaClass{provider.QuotaDefault, provider.QuotaPublic, provider.QuotaPrivate},
		ClassOf: classOf,
	}
}

func classOf(row config.Channel, n provider.Notification) provider.QuotaClass {
	s := n.Setting.Xiaomi
	if s == nil || s.ChannelID == "" {
		return provider.QuotaDefault
	}
	for _, q := range row.Limits.DailyQuotas {
		if slices.Contains(q.ChannelIDs, s.ChannelID) {
			return provider.QuotaClass(q.Class)
		}
	}
	return provider.QuotaPrivate
}
