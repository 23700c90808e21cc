package render

import (
	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/dispatcher/config"
)

func profiles(in []pushv1.PushProfile) []config.Profile {
	out := make([]config.Profile, 0, len(in))
	for _, p := range in {
		settings := make([]config.Setting, 0, len(p.Settings))
		for _, s := range p.Settings {
			settings = append(settings, setting(s))
		}
		out = append(out, config.Profile{ResourcesID: p.ResourcesID, Settings: settings})
	}
	return out
}

func setting(s pushv1.ProfileSettings) config.Setting {
	out := config.Setting{Vendor: string(s.Vendor), AppType: s.AppType}
	switch s.Vendor {
	case pushv1.VendorFCM:
		out.FCM = &config.FCMSetting{
			MessageType: string(s.FCM.Type), Priority: string(s.FCM.Priority), ChannelID: s.FCM.ChannelID, Sound: s.FCM.Sound,
		}
	case pushv1.VendorXiaomi:
		out.Xiaomi = xiaomiSetting(s.Xiaomi)
	case pushv1.VendorHuawei:
		out.Huawei = huaweiSetting(s.Huawei)
	case pushv1.VendorHarmonyOS:
		out.HarmonyOS = harmonyOSSetting(s.HarmonyOS)
	case pushv1.VendorOPPO:
		out.OPPO = oppoSetting(s.OPPO)
	case pushv1.VendorVivo:
		out.Vivo = &config.VivoSetting{
			Category: string(s.Vivo.Category), Classification: string(s.Vivo.Classification), Test: isTrue(s.Vivo.Test),
			ClickAction: intentAction(s.Vivo.ClickAction),
		}
	case pushv1.VendorHonor:
		out.Honor = &config.HonorSetting{
			MessageType: string(s.Honor.Type), Importance: string(s.Honor.Importance), Test: isTrue(s.Honor.Test),
			ClickAction: intentAction(s.Honor.ClickAction),
		}
	case pushv1.VendorMeizu:
		out.Meizu = &config.MeizuSetting{NoticeType: string(s.Meizu.NoticeType), ClickAction: pageAction(s.Meizu.ClickAction)}
	case pushv1.VendorAPNs:
		out.APNs = &config.APNsSetting{
			PushType: string(s.APNs.PushType), Sound: s.APNs.Sound, MutableContent: isTrue(s.APNs.MutableContent),
			Category: s.APNs.Category, InterruptionLevel: string(s.APNs.InterruptionLevel),
		}
	case pushv1.VendorWebPush:
		out.WebPush = &config.WebPushSetting{
			Urgency: string(s.WebPush.Urgency), Icon: string(s.WebPush.Icon), ClickURL: string(s.WebPush.ClickURL),
		}
	}
	return out
}

func xiaomiSetting(p *pushv1.XiaomiProfile) *config.XiaomiSetting {
	return &config.XiaomiSetting{
		ChannelID: p.ChannelID, ChannelName: p.ChannelName, ChannelDescription: p.ChannelDescription,
		TemplateID: p.TemplateID, ClickAction: intentAction(p.ClickAction),
	}
}

func huaweiSetting(p *pushv1.HuaweiProfile) *config.HuaweiSetting {
	return &config.HuaweiSetting{
		MessageType: string(p.Type), Test: isTrue(p.Test), ChannelID: p.ChannelID, Category: string(p.Category),
		Importance: string(p.Importance), Sound: p.Sound, ClickAction: intentAction(p.ClickAction),
	}
}

func harmonyOSSetting(p *pushv1.HarmonyOSProfile) *config.HarmonyOSSetting {
	return &config.HarmonyOSSetting{
		PushType: string(p.PushType), Test: isTrue(p.Test), Category: string(p.Category), Sound: p.Sound,
		ClickAction: pageAction(p.ClickAction),
	}
}

func oppoSetting(p *pushv1.OPPOProfile) *config.OPPOSetting {
	return &config.OPPOSetting{
		ChannelID: p.ChannelID, Category: string(p.Category), NotifyLevel: p.NotifyLevel,
		Marketing: isTrue(p.Marketing), TemplateID: p.TemplateID, ClickAction: pageAction(p.ClickAction),
	}
}

func isTrue(b *bool) bool { return b != nil && *b }

func intentAction(a pushv1.ClickAction) config.ClickAction {
	return action(a.Type, string(a.URL), a.IntentURI)
}

func pageAction(a pushv1.PageClickAction) config.ClickAction {
	return action(a.Type, string(a.URL), a.Page)
}

func action(kind pushv1.ClickActionType, url, page string) config.ClickAction {
	out := config.ClickAction{Type: string(kind)}
	switch kind {
	case pushv1.ClickActionOpenApp:
	case pushv1.ClickActionOpenURL:
		out.URI = url
	case pushv1.ClickActionOpenPage:
		out.URI = page
	}
	return out
}
