package render

import (
	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/dispatcher/config"
)

// maxBacklog is the number of pending pushes at which an app's dispatchers refuse new messages. At 2 KiB each it fits the
// smallest sensible volume.
const maxBacklog = 1_000_000

// Row is a channel row that was found, whose owner lets the app in.
type Row struct {
	Name    string
	AppType int32
	// Accepted is the channel with the credential that was accepted last; without one, Suspended keeps its pushes.
	Accepted config.Channel
	// Limits are the app's part of the channel's limits.
	Limits    config.Limits
	Suspended bool
}

func document(in Input) *config.Document {
	spec := in.App.Spec
	return &config.Document{
		Version:  config.Version,
		App:      config.App{Namespace: in.App.Namespace, Name: in.App.Name, AppID: spec.AppID},
		Store:    store(in),
		Channels: channels(in.Rows),
		Profiles: profiles(spec.PushProfiles),
		Routing: config.Routing{
			HeartbeatSeconds:    spec.Routing.HeartbeatSeconds,
			OfflineAfterSeconds: spec.Routing.OfflineAfterSeconds,
			AckTimeoutSeconds:   spec.Routing.AckTimeoutSeconds,
			PushTTLSeconds:      spec.Routing.PushTTLSeconds,
			MaxBacklog:          maxBacklog,
		},
		Auth: in.Auth,
		Retention: config.Retention{
			MessagesSeconds:        int64(spec.Retention.MessagesSeconds),
			ReceiptsSeconds:        int64(spec.Retention.ReceiptsSeconds),
			InactiveDevicesSeconds: int64(spec.Retention.InactiveDevicesSeconds),
		},
		Keys: in.Keys,
	}
}

func channels(rows []Row) []config.Channel {
	out := make([]config.Channel, 0, len(rows))
	for _, r := range rows {
		c := r.Accepted
		c.Name, c.AppType, c.Limits, c.Suspended = r.Name, r.AppType, r.Limits, r.Suspended
		out = append(out, c)
	}
	return out
}

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
			MessageType: string(s.FCM.Type),
			Priority:    string(s.FCM.Priority),
			ChannelID:   s.FCM.ChannelID,
			Sound:       s.FCM.Sound,
		}
	case pushv1.VendorXiaomi:
		out.Xiaomi = &config.XiaomiSetting{
			ChannelID:          s.Xiaomi.ChannelID,
			ChannelName:        s.Xiaomi.ChannelName,
			ChannelDescription: s.Xiaomi.ChannelDescription,
			ClickAction:        clickAction(s.Xiaomi.ClickAction),
		}
	}
	return out
}

func clickAction(a pushv1.ClickAction) config.ClickAction {
	out := config.ClickAction{Type: string(a.Type)}
	switch a.Type {
	case pushv1.ClickActionOpenApp:
	case pushv1.ClickActionOpenURL:
		out.URI = a.URL
	case pushv1.ClickActionOpenPage:
		out.URI = a.IntentURI
	}
	return out
}
