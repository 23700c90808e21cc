package catalog

import (
	"slices"
	"testing"
	"time"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/provider"
)

func TestQuotaClasses(t *testing.T) {
	t.Parallel()
	type setting = config.Setting
	xiaomiRow := config.Channel{Limits: config.Limits{DailyQuotas: []config.DailyQuota{
		{Class: "Default", Pushes: 1}, {Class: "Public", Pushes: 1, ChannelIDs: []string{"news", "offers"}},
	}}}
	for _, tt := range []struct {
		vendor  Vendor
		name    string
		setting setting
		want    provider.QuotaClass
	}{
		{Xiaomi, "no profile", setting{}, provider.QuotaDefault},
		{Xiaomi, "no category", setting{Xiaomi: &config.XiaomiSetting{}}, provider.QuotaDefault},
		{Xiaomi, "public category", setting{Xiaomi: &config.XiaomiSetting{ChannelID: "offers", TemplateID: "t"}}, provider.QuotaPublic},
		{Xiaomi, "other category", setting{Xiaomi: &config.XiaomiSetting{ChannelID: "chat"}}, provider.QuotaPrivate},
		{Huawei, "no profile", setting{}, provider.QuotaMarketing},
		{Huawei, "marketing", setting{Huawei: &config.HuaweiSetting{Category: "MARKETING"}}, provider.QuotaMarketing},
		{Huawei, "silent", setting{Huawei: &config.HuaweiSetting{Category: "WORK", Importance: "Low"}}, provider.QuotaMarketing},
		{Huawei, "chat", setting{Huawei: &config.HuaweiSetting{Category: "IM", Importance: "Normal"}}, provider.QuotaService},
		{Huawei, "data", setting{Huawei: &config.HuaweiSetting{MessageType: "Data"}}, provider.QuotaService},
		{Huawei, "test", setting{Huawei: &config.HuaweiSetting{Category: "IM", Test: true}}, provider.QuotaTest},
		{HarmonyOS, "no profile", setting{}, provider.QuotaMarketing},
		{HarmonyOS, "marketing", setting{HarmonyOS: &config.HarmonyOSSetting{Category: "MARKETING"}}, provider.QuotaMarketing},
		{HarmonyOS, "chat", setting{HarmonyOS: &config.HarmonyOSSetting{Category: "IM"}}, provider.QuotaService},
		{HarmonyOS, "background", setting{HarmonyOS: &config.HarmonyOSSetting{PushType: "Background"}}, provider.QuotaService},
		{HarmonyOS, "call", setting{HarmonyOS: &config.HarmonyOSSetting{PushType: "VoIP"}}, provider.QuotaService},
		{HarmonyOS, "test", setting{HarmonyOS: &config.HarmonyOSSetting{Category: "IM", Test: true}}, provider.QuotaTest},
		{OPPO, "no profile", setting{}, provider.QuotaMarketing},
		{OPPO, "no category", setting{OPPO: &config.OPPOSetting{ChannelID: "c"}}, provider.QuotaMarketing},
		{OPPO, "news", setting{OPPO: &config.OPPOSetting{Category: "NEWS"}}, provider.QuotaMarketing},
		{OPPO, "said to be marketing", setting{OPPO: &config.OPPOSetting{Category: "OTHER", Marketing: true}}, provider.QuotaMarketing},
		{OPPO, "chat", setting{OPPO: &config.OPPOSetting{Category: "IM"}}, provider.QuotaService},
		{Vivo, "no profile", setting{}, provider.QuotaOperation},
		{Vivo, "news", setting{Vivo: &config.VivoSetting{Category: "NEWS"}}, provider.QuotaOperation},
		{Vivo, "operation", setting{Vivo: &config.VivoSetting{Classification: "Operation"}}, provider.QuotaOperation},
		{Vivo, "chat", setting{Vivo: &config.VivoSetting{Category: "IM"}}, provider.QuotaSystem},
		{Vivo, "system", setting{Vivo: &config.VivoSetting{Classification: "System"}}, provider.QuotaSystem},
		{Vivo, "test", setting{Vivo: &config.VivoSetting{Category: "NEWS", Test: true}}, provider.QuotaTest},
		{Honor, "no profile", setting{}, provider.QuotaMarketing},
		{Honor, "low", setting{Honor: &config.HonorSetting{Importance: "Low"}}, provider.QuotaMarketing},
		{Honor, "normal", setting{Honor: &config.HonorSetting{Importance: "Normal"}}, provider.QuotaService},
		{Honor, "data", setting{Honor: &config.HonorSetting{MessageType: "Data"}}, provider.QuotaService},
		{Honor, "test", setting{Honor: &config.HonorSetting{Importance: "Normal", Test: true}}, provider.QuotaTest},
		{Meizu, "no profile", setting{}, provider.QuotaPublic},
		{Meizu, "public", setting{Meizu: &config.MeizuSetting{NoticeType: "Public"}}, provider.QuotaPublic},
		{Meizu, "private", setting{Meizu: &config.MeizuSetting{NoticeType: "Private"}}, provider.QuotaPrivate},
	} {
		rules := Quota(tt.vendor)
		got := rules.ClassOf(xiaomiRow, provider.Notification{Setting: tt.setting})
		if got != tt.want || !slices.Contains(rules.Classes, got) {
			t.Errorf("%s, %s: class %s, want %s, one of %v", tt.vendor, tt.name, got, tt.want, rules.Classes)
		}
	}
}

// TestQuotaOfEveryVendor: whoever has receipts of pushes counts them, too, and only vivo has hours.
func TestQuotaOfEveryVendor(t *testing.T) {
	t.Parallel()
	for _, v := range Vendors() {
		rules := Quota(v)
		if counts := rules.ClassOf != nil; counts != Reports(v) || counts != (len(rules.Classes) > 0) {
			t.Errorf("%s has the classes %v", v, rules.Classes)
		}
		for class, hours := range rules.Hours {
			if v != Vivo || class != provider.QuotaOperation || hours != (provider.Hours{From: 7, To: 23}) {
				t.Errorf("%s takes %s from %d to %d", v, class, hours.From, hours.To)
			}
		}
	}
}

// TestHoursOfVivo: what the dispatcher holds back at night is what vivo would refuse.
func TestHoursOfVivo(t *testing.T) {
	t.Parallel()
	hours := Quota(Vivo).Hours[provider.QuotaOperation]
	for hour := range 24 {
		at := time.Date(2026, 11, 26, hour, 59, 59, 0, provider.China())
		if night, held := hour < 7 || hour >= 23, !hours.Begins(at).IsZero(); night != held {
			t.Errorf("at %s it is held: %v", at, held)
		}
	}
}
