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
		Version:     config.Version,
		App:         config.App{Namespace: in.App.Namespace, Name: in.App.Name, AppID: spec.AppID},
		ExternalURL: string(spec.Exposure.ExternalURL),
		TLS:         in.Certificate.named(),
		Store:       store(in),
		Channels:    channels(in.Rows),
		Profiles:    profiles(spec.PushProfiles),
		Routing: config.Routing{
			HeartbeatSeconds:      spec.Routing.HeartbeatSeconds,
			OfflineAfterSeconds:   spec.Routing.OfflineAfterSeconds,
			AckTimeoutSeconds:     spec.Routing.AckTimeoutSeconds,
			CallAckTimeoutSeconds: config.DefaultCallAckTimeoutSeconds,
			PushTTLSeconds:        spec.Routing.PushTTLSeconds,
			MaxBacklog:            maxBacklog,
		},
		Auth: in.Auth,
		Retention: config.Retention{
			MessagesSeconds:        int64(spec.Retention.MessagesSeconds),
			ReceiptsSeconds:        int64(spec.Retention.ReceiptsSeconds),
			InactiveDevicesSeconds: int64(spec.Retention.InactiveDevicesSeconds),
			DeadLettersSeconds:     int64(spec.Retention.DeadLettersSeconds),
		},
		Callback: in.Callback,
		Tracing:  tracing(spec.Tracing),
		Keys:     in.Keys,
	}
}

func tracing(want *pushv1.AppTracing) config.Tracing {
	if want == nil {
		return config.Tracing{}
	}
	out := config.Tracing{Endpoint: want.Endpoint}
	if want.SamplingPercent != nil {
		out.SamplingPercent = *want.SamplingPercent
	}
	return out
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
