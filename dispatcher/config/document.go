// Package config is the contract in: the document that the controllers render
// and the dispatchers run. It imports the standard library and fsnotify only.
package config

// Version is the version of the document that this package writes, as
// major.minor. A dispatcher reads any document of its own major version.
const Version = "1.0"

// FileName is the key of the document in its Secret and its name where that is mounted.
const FileName = "config.json"

// MaxSize is the largest document in bytes; a Secret holds 1 MiB and etcd 1.5 MiB.
const MaxSize = 512 << 10

// Document is everything that a dispatcher needs to know about its app.
type Document struct {
	Version   string    `json:"version"`
	App       App       `json:"app"`
	Store     Store     `json:"store,omitzero"`
	Channels  []Channel `json:"channels,omitempty"`
	Profiles  []Profile `json:"profiles,omitempty"`
	Routing   Routing   `json:"routing"`
	Auth      Auth      `json:"auth"`
	Retention Retention `json:"retention"`
	Keys      Keys      `json:"keys"`
}

// App names the PushApp that the document was rendered from.
type App struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	AppID     string `json:"appID"`
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

// Channel is one row of the app's channels: a vendor's endpoint with an accepted credential.
type Channel struct {
	// Name is the row's name in status, metrics and receipts.
	Name string `json:"name"`
	// Vendor names the one member below that is set.
	Vendor  string `json:"vendor"`
	AppType int32  `json:"appType"`
	// Suspended keeps the row's pushes until their deadline; its member may lack the credential.
	Suspended bool           `json:"suspended,omitempty"`
	Endpoint  Endpoint       `json:"endpoint,omitzero"`
	Limits    Limits         `json:"limits,omitzero"`
	FCM       *FCMChannel    `json:"fcm,omitempty"`
	Xiaomi    *XiaomiChannel `json:"xiaomi,omitempty"`
}

// Endpoint replaces the vendor's public addresses; empty fields mean the vendor's own.
type Endpoint struct {
	URL     string `json:"url,omitempty"`
	AuthURL string `json:"authURL,omitempty"`
	// CABundle is PEM; empty means the system's roots.
	CABundle string `json:"caBundle,omitempty"`
}

// Limits bound what one app sends to a vendor; 0 means the vendor package's default.
type Limits struct {
	RequestsPerSecond     int32 `json:"requestsPerSecond,omitempty"`
	MaxConcurrentRequests int32 `json:"maxConcurrentRequests,omitempty"`
}

// FCMChannel is a Firebase project and the service account that may send for it.
type FCMChannel struct {
	ProjectID string `json:"projectID"`
	// Target is Token or InstallationID; empty means Token.
	Target         string `json:"target,omitempty"`
	ServiceAccount Secret `json:"serviceAccount"`
}

// XiaomiChannel is a Mi Push app.
type XiaomiChannel struct {
	PackageName string `json:"packageName"`
	// Region is China, Russia, India, Europe or Global.
	Region string `json:"region"`
	// Path is the path of the send call; empty means /v3/message/regid.
	Path      string `json:"path,omitempty"`
	AppSecret Secret `json:"appSecret"`
}

// Profile is what a resourcesID stands for.
type Profile struct {
	ResourcesID string    `json:"resourcesID"`
	Settings    []Setting `json:"settings"`
}

// Setting holds a profile's parameters for one (vendor, appType).
type Setting struct {
	Vendor  string         `json:"vendor"`
	AppType int32          `json:"appType"`
	FCM     *FCMSetting    `json:"fcm,omitempty"`
	Xiaomi  *XiaomiSetting `json:"xiaomi,omitempty"`
}

// FCMSetting are the parameters of a push profile for FCM.
type FCMSetting struct {
	// MessageType is Notification or Data.
	MessageType string `json:"messageType,omitempty"`
	// Priority is Normal or High.
	Priority  string `json:"priority,omitempty"`
	ChannelID string `json:"channelID,omitempty"`
	Sound     string `json:"sound,omitempty"`
}

// XiaomiSetting are the parameters of a push profile for Xiaomi.
type XiaomiSetting struct {
	ChannelID          string      `json:"channelID,omitempty"`
	ChannelName        string      `json:"channelName,omitempty"`
	ChannelDescription string      `json:"channelDescription,omitempty"`
	ClickAction        ClickAction `json:"clickAction,omitzero"`
}

// ClickAction says what a tap on the notification opens.
type ClickAction struct {
	// Type is OpenApp, OpenURL or OpenPage; empty means OpenApp.
	Type string `json:"type,omitempty"`
	// URI is the web page of OpenURL or the intent URI of OpenPage.
	URI string `json:"uri,omitempty"`
}

// Routing holds the times that decide who is offline; all in seconds.
type Routing struct {
	HeartbeatSeconds    int32 `json:"heartbeatSeconds"`
	OfflineAfterSeconds int32 `json:"offlineAfterSeconds"`
	AckTimeoutSeconds   int32 `json:"ackTimeoutSeconds"`
	PushTTLSeconds      int32 `json:"pushTTLSeconds"`
	MaxBacklog          int32 `json:"maxBacklog"`
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
}

// Keys are the generated keys of the app, 32 random bytes each in base64.
type Keys struct {
	Report      Secret `json:"report"`
	Peer        Secret `json:"peer"`
	Sealing     Secret `json:"sealing"`
	ReceiptPath Secret `json:"receiptPath"`
}
