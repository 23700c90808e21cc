package oppo

import (
	"slices"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/provider"
)

// Quota says how OPPO counts the pushes of a day.
func Quota() provider.QuotaRules {
	return provider.QuotaRules{
		Classes: []provider.QuotaClass{provider.QuotaMarketing, provider.QuotaService},
		ClassOf: classOf,
	}
}

func classOf(_ config.Channel, n provider.Notification) provider.QuotaClass {
	s := n.Setting.OPPO
	if s == nil || s.Marketing || slices.Contains([]string{"", "NEWS", "CONTENT", "MARKETING", "SOCIAL"}, s.Category) {
		return provider.QuotaMarketing
	}
	return provider.QuotaService
}
