package config

import (
	"strings"
	"testing"
)

func TestValidateNamesThePath(t *testing.T) {
	t.Parallel()
	if err := valid().Validate(); err != nil {
		t.Fatal(err)
	}
	bare := valid()
	bare.Auth.DeviceJWT = DeviceJWT{}
	bare.Store.Postgres = &Postgres{URI: NewSecret("postgresql://db/push"), Schema: "chat_2", PoolMode: "Transaction"}
	callbackKey := NewSecret(strings.Repeat("k", MinCallbackKey))
	bare.Callback = Callback{URL: "https://app.example/events?of=chat", Key: callbackKey}
	bare.Tracing = Tracing{Endpoint: "http://collector.example:4318"}
	bare.Channels[0] = Channel{Name: "fcm", Vendor: "FCM", AppType: 1, Suspended: true, FCM: &FCMChannel{}}
	if err := bare.Validate(); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		mutate func(*Document)
		want   string
	}{
		{"no appID", func(d *Document) { d.App.AppID = "" }, "app.appID: must be set"},
		{"no database", func(d *Document) { d.Store.Postgres = &Postgres{Schema: "chat"} }, "store.postgres.uri: must be set"},
		{"schema", func(d *Document) { d.Store.Postgres = &Postgres{URI: NewSecret("u"), Schema: `a"; drop`} }, "store.postgres.schema"},
		{"pool mode", func(d *Document) {
			d.Store.Postgres = &Postgres{URI: NewSecret("u"), Schema: "chat", PoolMode: "Statement"}
		}, "store.postgres.poolMode"},
		{"client key", func(d *Document) {
			d.Store.Postgres = &Postgres{URI: NewSecret("u"), Schema: "chat", ClientCertificate: "pem"}
		}, "clientCertificate and clientKey"},
		{"row twice", func(d *Document) { d.Channels[1].Name = "fcm" }, `channels[1].name: "fcm" is there twice`},
		{"appType", func(d *Document) { d.Channels[0].AppType = 10 }, "channels[0].appType: is 10, must be 1 to 9"},
		{"member missing", func(d *Document) { d.Channels[0].FCM = nil }, "channels[0].fcm: must be set for vendor FCM"},
		{"project", func(d *Document) { d.Channels[0].FCM.ProjectID = "" }, "channels[0].fcm.projectID: must be set"},
		{"secret", func(d *Document) { d.Channels[1].Xiaomi.AppSecret = Secret{} }, "channels[1].xiaomi.appSecret: must be set"},
		{"vendor", func(d *Document) { d.Channels[0].Vendor = "Nokia" }, `channels[0].vendor: "Nokia" is not known`},
		{"plain http", func(d *Document) { d.Channels[1].Endpoint.URL = "http://x" }, "channels[1].endpoint.url: must be an https URL"},
		{"zone", func(d *Document) { d.Channels[0].Limits.QuotaTimeZone = "Mars" }, `channels[0].limits.quotaTimeZone: "Mars" is not known`},
		{"local zone", func(d *Document) { d.Channels[0].Limits.QuotaTimeZone = "Local" }, `channels[0].limits.quotaTimeZone: "Local" is no place`},
		{"reserve", func(d *Document) { d.Channels[0].Limits.QuotaReservePercent = 51 }, "channels[0].limits.quotaReservePercent: is 51, must be 0 to 50"},
		{"quota", func(d *Document) {
			d.Channels[0].Limits.DailyQuotas = []DailyQuota{{Class: "Public"}}
		}, "channels[0].limits.dailyQuotas[0].pushes: is 0"},
		{"quota twice", func(d *Document) {
			d.Channels[0].Limits.DailyQuotas = []DailyQuota{{Class: "Public", Pushes: 1}, {Class: "Public", Pushes: 2}}
		}, `channels[0].limits.dailyQuotas[1].class: "Public" is there twice`},
		{"profile twice", func(d *Document) { d.Profiles = append(d.Profiles, d.Profiles[0]) }, `profiles[1].resourcesID: "im" is there twice`},
		{"heartbeat", func(d *Document) { d.Routing.HeartbeatSeconds = 0 }, "routing.heartbeatSeconds: is 0, must be 1 to 300"},
		{"offline", func(d *Document) { d.Routing.OfflineAfterSeconds = 10 }, "routing.offlineAfterSeconds: must be more than"},
		{"rate", func(d *Document) { d.Rates.RequestsPerDevice = -1 }, "rates: every rate must be more than 0"},
		{"endless rate", func(d *Document) { d.Rates.Messages = 1e7 }, "at most 1000000 per second"},
		{"short key", func(d *Document) { d.Auth.ServerKeys[0] = NewSecret("short") }, "shorter than 16"},
		{"no key", func(d *Document) { d.Auth.ServerKeys = nil }, "auth.serverKeys: must hold at least one"},
		{"alg none", func(d *Document) { d.Auth.DeviceJWT.Algorithms = []string{"none"} }, `auth.deviceJWT.algorithms[0]: "none"`},
		{"two key sources", func(d *Document) { d.Auth.DeviceJWT.JWKSURL = "https://x/k" }, "exactly one of jwksURL and jwks"},
		{"issuer", func(d *Document) { d.Auth.DeviceJWT.Issuer = "" }, "auth.deviceJWT.issuer: must be set"},
		{"retention", func(d *Document) { d.Retention.MessagesSeconds = 1 }, "retention.messagesSeconds: is 1"},
		{"retention of dead letters", func(d *Document) { d.Retention.DeadLettersSeconds = 59 }, "retention.deadLettersSeconds: is 59"},
		{"callback nowhere", func(d *Document) { d.Callback = Callback{Key: callbackKey} }, "callback.url: must be set"},
		{"callback in the open", func(d *Document) { d.Callback = Callback{URL: "http://app.example", Key: callbackKey} }, "callback.url: must be an https URL"},
		{"callback key", func(d *Document) { d.Callback = Callback{URL: "https://app.example", Key: NewSecret("short")} }, "callback.key: must be at least 32 bytes"},
		{"callback authority", func(d *Document) {
			d.Callback = Callback{URL: "https://app.example", Key: callbackKey, CABundle: "none"}
		}, "callback.caBundle: holds no PEM certificate"},
		{"traces nowhere", func(d *Document) { d.Tracing.SamplingPercent = 1 }, "tracing.endpoint: must be an http or https URL"},
		{"traces to a user", func(d *Document) { d.Tracing.Endpoint = "https://me@collector.example" }, "tracing.endpoint: must be an http or https URL"},
		{"traces by another protocol", func(d *Document) { d.Tracing.Endpoint = "grpc://collector.example" }, "tracing.endpoint: must be"},
		{"more than all traces", func(d *Document) {
			d.Tracing = Tracing{Endpoint: "http://collector.example", SamplingPercent: 101}
		}, "tracing.samplingPercent: is 101, must be 0 to 100"},
		{"key", func(d *Document) { d.Keys.Peer = NewSecret("x") }, "keys.peer: must be 32 bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := valid()
			tt.mutate(d)
			if err := d.Validate(); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}
