package honor

import (
	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/provider"
)

// Quota says how Honor counts the pushes of a day.
func Quota() provider.QuotaRules {
	return provider.QuotaRules{
		Classes: []provider.QuotaClass{provider.QuotaMarketing, provider.QuotaService, provider.QuotaTest},
		ClassOf: classOf,
	}
}

// classOf takes data messages for service: the app shows them, or not.
func classOf(_ config.Channel, n provider.Notification) provider.QuotaClass {
	var s config.HonorSetting
	if n.Setting.Honor != nil {
		s = *n.Setting.Honor
	}
	switch {
	case s.Test:
		return provider.QuotaTest
	case s.MessageType == "Data", s.Importance == "Normal":
		return provider.QuotaService
	}
	return provider.QuotaMarketing
}
