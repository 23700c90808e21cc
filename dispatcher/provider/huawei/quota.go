package huawei

import (
	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/provider"
)

// Quota says how Huawei counts the pushes of a day.
func Quota() provider.QuotaRules {
	return provider.QuotaRules{
		Classes: []provider.QuotaClass{provider.QuotaMarketing, provider.QuotaService, provider.QuotaTest},
		ClassOf: classOf,
	}
}

// classOf takes data messages for service: the app shows them, or not.
func classOf(_ config.Channel, n provider.Notification) provider.QuotaClass {
	var s config.HuaweiSetting
	if n.Setting.Huawei != nil {
		s = *n.Setting.Huawei
	}
	switch {
	case s.Test:
		return provider.QuotaTest
	case s.MessageType == "Data":
		return provider.QuotaService
	case s.Category == "", s.Category == "MARKETING", s.Importance == "Low":
		return provider.QuotaMarketing
	}
	return provider.QuotaService
}
