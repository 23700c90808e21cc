// Package config is the contract in: the document that the controllers render
// and the dispatchers run. It imports the standard library and fsnotify only.
package config

import (
	"cmp"
	"time"
)

// Version is the version of the document that this package writes, as
// major.minor. A dispatcher reads any document of its own major version.
const Version = "1.0"

// FileName is the key of the document in its Secret and its name where that is mounted.
const FileName = "config.json"

// MaxSize is the largest document in bytes; a Secret holds 1 MiB and etcd 1.5 MiB.
const MaxSize = 512 << 10

// Document is everything that a dispatcher needs to know about its app.
type Document struct {
	Version string `json:"version"`
	App     App    `json:"app"`
	// ExternalURL is where vendors and phones reach the device plane; empty when nothing of the outside leads here.
	ExternalURL string    `json:"externalURL,omitempty"`
	TLS         TLS       `json:"tls,omitzero"`
	Store       Store     `json:"store,omitzero"`
	Channels    []Channel `json:"channels,omitempty"`
	Profiles    []Profile `json:"profiles,omitempty"`
	Routing     Routing   `json:"routing"`
	Rates       Rates     `json:"rates,omitzero"`
	Auth        Auth      `json:"auth"`
	Retention   Retention `json:"retention"`
	Callback    Callback  `json:"callback,omitzero"`
	Tracing     Tracing   `json:"tracing,omitzero"`
	Keys        Keys      `json:"keys"`
}

// App names the PushApp that the document was rendered from.
type App struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	AppID     string `json:"appID"`
}

// TLS names the certificate that lies beside the document, as tls.crt with tls.key; zero means that both planes are plain HTTP.
type TLS struct {
	// CertificateHash changes with the certificate, and with it the hash of the document.
	CertificateHash string `json:"certificateHash"`
}

// Store says where the app's data is; zero means SQLite in the process's data folder.
type Store struct {
	Postgres *Postgres `json:"postgres,omitempty"`
}

// Postgres is a PostgreSQL database that the app's dispatchers share.
type Postgres struct {
	// URI is a connection URI of libpq, postgresql://user:password@host:port/database?sslmode=verify-full.
	URI Secret `json:"uri"`
	// Schema holds the app's tables and nothing else.
	Schema string `json:"schema"`
	// PoolMode is Session, or Transaction behind a pooler such as PgBouncer in that mode.
	PoolMode string `json:"poolMode,omitempty"`
	// CABundle is PEM; empty means the system's roots.
	CABundle string `json:"caBundle,omitempty"`
	// ClientCertificate is PEM, with ClientKey; empty when the server asks for none.
	ClientCertificate string `json:"clientCertificate,omitempty"`
	ClientKey         Secret `json:"clientKey,omitzero"`
}

// Routing holds the times that decide who is offline; all in seconds.
type Routing struct {
	HeartbeatSeconds    int32 `json:"heartbeatSeconds"`
	OfflineAfterSeconds int32 `json:"offlineAfterSeconds"`
	AckTimeoutSeconds   int32 `json:"ackTimeoutSeconds"`
	// CallAckTimeoutSeconds is for calls; 0 means DefaultCallAckTimeoutSeconds.
	CallAckTimeoutSeconds int32 `json:"callAckTimeoutSeconds,omitempty"`
	PushTTLSeconds        int32 `json:"pushTTLSeconds"`
	MaxBacklog            int32 `json:"maxBacklog"`
}

// DefaultCallAckTimeoutSeconds is less than for messages: a call rings now.
const DefaultCallAckTimeoutSeconds = 2

// CallAckTimeout is in seconds.
func (r Routing) CallAckTimeout() int32 {
	if r.CallAckTimeoutSeconds == 0 {
		return DefaultCallAckTimeoutSeconds
	}
	return r.CallAckTimeoutSeconds
}

// Auth says who may call the dispatcher.
type Auth struct {
	// ServerKeys open the server plane; any of them does.
	ServerKeys []Secret `json:"serverKeys"`
	// RegistrationKeys allow phones to register; any of them does.
	RegistrationKeys []Secret `json:"registrationKeys"`
	// DeviceJWT is zero when users prove themselves to the app's own servers only.
	DeviceJWT DeviceJWT `json:"deviceJWT,omitzero"`
}

// DeviceJWT says which user tokens the device plane trusts.
type DeviceJWT struct {
	Issuer     string   `json:"issuer"`
	Audience   string   `json:"audience"`
	Algorithms []string `json:"algorithms"`
	// JWKSURL or JWKS holds the keys, never both.
	JWKSURL string `json:"jwksURL,omitempty"`
	JWKS    Secret `json:"jwks,omitzero"`
}

// Retention says how long things are kept, in seconds.
type Retention struct {
	MessagesSeconds        int64 `json:"messagesSeconds"`
	ReceiptsSeconds        int64 `json:"receiptsSeconds"`
	InactiveDevicesSeconds int64 `json:"inactiveDevicesSeconds"`
	// DeadLettersSeconds of 0 means DefaultDeadLettersSeconds.
	DeadLettersSeconds int64 `json:"deadLettersSeconds,omitempty"`
}

// DefaultDeadLettersSeconds is 7 days.
const DefaultDeadLettersSeconds = 7 * 24 * 3600

// DeadLetters is how long pushes that finally failed are kept.
func (r Retention) DeadLetters() time.Duration {
	return time.Duration(cmp.Or(r.DeadLettersSeconds, DefaultDeadLettersSeconds)) * time.Second
}

// Keys are the generated keys of the app, 32 random bytes each in base64.
type Keys struct {
	Report      Secret `json:"report"`
	Peer        Secret `json:"peer"`
	Sealing     Secret `json:"sealing"`
	ReceiptPath Secret `json:"receiptPath"`
}
