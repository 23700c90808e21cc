package harmonyos

import (
	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/provider"
)

// Quota says how Huawei counts the pushes of a day to HarmonyOS.
func Quota() provider.QuotaRules {
	return provider.QuotaRules{
		Classes: []provider.QuotaClass{provider.QuotaMarketing, provider.QuotaService, provider.QuotaTest},
		ClassOf: classOf,
	}
}

// classOf takes what shows no notification for service.
func classOf(_ config.Channel, n provider.Notification) provider.QuotaClass {
	var s config.HarmonyOSSetting
	if n.Setting.HarmonyOS != nil {
		s = *n.Setting.HarmonyOS
	}
	switch {
	case s.Test:
		return provider.QuotaTest
	case s.PushType == "Background", s.PushType == "VoIP":
		return provider.QuotaService
	case s.Category == "", s.Category == "MARKETING":
		return provider.QuotaMarketing
	}
	return provider.QuotaService
}
