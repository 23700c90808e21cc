package vivo

import (
	"slices"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/provider"
)

// Operational messages go out from morning to night, by the hours of China.
const (
	morning = 7
	night   = 23
)

// Quota says how vivo counts the pushes of a day.
func Quota() provider.QuotaRules {
	return provider.QuotaRules{
		Classes: []provider.QuotaClass{provider.QuotaOperation, provider.QuotaSystem, provider.QuotaTest},
		ClassOf: classOf,
		Hours:   map[provider.QuotaClass]provider.Hours{provider.QuotaOperation: {From: morning, To: night}},
	}
}

// classOf leaves a category that it does not know to vivo: as a system message it is held back by nothing here.
func classOf(_ config.Channel, n provider.Notification) provider.QuotaClass {
	var s config.VivoSetting
	if n.Setting.Vivo != nil {
		s = *n.Setting.Vivo
	}
	operational := slices.Contains([]string{"", "NEWS", "CONTENT", "MARKETING", "SOCIAL"}, s.Category)
	switch {
	case s.Test:
		return provider.QuotaTest
	case s.Classification == "System", s.Classification == "" && !operational:
		return provider.QuotaSystem
	}
	return provider.QuotaOperation
}
