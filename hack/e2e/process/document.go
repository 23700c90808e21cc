package process

import (
	"crypto/rand"
	"encoding/base64"

	"github.com/offlinepush/operator/dispatcher/config"
)

const (
	day     = 24 * 3600
	keySize = 32
)

// NewDocument is the configuration of an app without channels and profiles, with keys of its own.
func NewDocument(appID string, trust config.DeviceJWT) *config.Document {
	return &config.Document{
		Version: config.Version,
		App:     config.App{Namespace: "e2e", Name: "chat", AppID: appID},
		Routing: config.Routing{
			HeartbeatSeconds: 3, OfflineAfterSeconds: 10, AckTimeoutSeconds: 5, PushTTLSeconds: day, MaxBacklog: 100_000,
		},
		Auth: config.Auth{
			ServerKeys: []config.Secret{plainKey()}, RegistrationKeys: []config.Secret{plainKey()}, DeviceJWT: trust,
		},
		// A phone of the tests does in seconds what others do in days.
		Rates: config.Rates{RegistrationsPerSource: 1000, RequestsPerDevice: 1000}, // All phones have one address.
		Retention: config.Retention{
			MessagesSeconds: day, ReceiptsSeconds: day, InactiveDevicesSeconds: day,
		},
		Keys: config.Keys{Report: randomKey(), Peer: randomKey(), Sealing: randomKey(), ReceiptPath: randomKey()},
	}
}

func randomKey() config.Secret {
	b := make([]byte, keySize)
	_, _ = rand.Read(b) // never fails
	return config.NewSecret(base64.StdEncoding.EncodeToString(b))
}

// plainKey is one that means nothing in a URL: tests put it where it does not belong.
func plainKey() config.Secret { return config.NewSecret(rand.Text()) }
