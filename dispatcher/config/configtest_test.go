package config

import (
	"encoding/base64"
	"strings"
)

// The secrets of the valid document; no test output may contain them.
const (
	fixtureServerKey = "server-key-0123456789"
	fixtureAppSecret = "xiaomi-app-secret-0123"
	fixtureAccount   = `{"private_key":"fcm-private-key-0123"}`
)

func valid() *Document {
	key := NewSecret(base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32))))
	return &Document{
		Version: Version,
		App:     App{Namespace: "ns", Name: "chat", AppID: "app-1"},
		Channels: []Channel{
			{Name: "fcm", Vendor: "FCM", AppType: 1, FCM: &FCMChannel{ProjectID: "p", ServiceAccount: NewSecret(fixtureAccount)}},
			{
				Name: "xiaomi", Vendor: "Xiaomi", AppType: 1, Endpoint: Endpoint{URL: "https://sim.example/xiaomi"},
				Xiaomi: &XiaomiChannel{PackageName: "com.example", Region: "China", AppSecret: NewSecret(fixtureAppSecret)},
			},
		},
		Profiles: []Profile{{ResourcesID: "im", Settings: []Setting{{Vendor: "FCM", AppType: 1, FCM: &FCMSetting{Priority: "High"}}}}},
		Routing:  Routing{HeartbeatSeconds: 10, OfflineAfterSeconds: 35, AckTimeoutSeconds: 3, PushTTLSeconds: 86400, MaxBacklog: 1000},
		Auth: Auth{
			ServerKeys:       []Secret{NewSecret(fixtureServerKey)},
			RegistrationKeys: []Secret{NewSecret("registration-key-0123")},
			DeviceJWT:        DeviceJWT{Issuer: "iss", Audience: "aud", Algorithms: []string{"EdDSA"}, JWKS: NewSecret(`{"keys":[]}`)},
		},
		Retention: Retention{MessagesSeconds: 604800, ReceiptsSeconds: 604800, InactiveDevicesSeconds: 604800},
		Keys:      Keys{Report: key, Peer: key, Sealing: key, ReceiptPath: key},
	}
}
