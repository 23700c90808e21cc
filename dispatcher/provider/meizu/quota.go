package meizu

import (
	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/provider"
)

// Quota says how Meizu counts the pushes of a day.
func Quota() provider.QuotaRules {
	return provider.QuotaRules{
		Classes: []provider.QuotaClass{provider.QuotaPublic, provider.QuotaPrivate},
		ClassOf: classOf,
	}
}

func classOf(_ config.Channel, n provider.Notification) provider.QuotaClass {
	if s := n.Setting.Meizu; s != nil && s.NoticeType == "Private" {
		return provider.QuotaPrivate
	}
	return provider.QuotaPublic
}
