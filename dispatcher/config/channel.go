package config

import (
	"fmt"
	"reflect"
)

// Channel is one row of the app's channels: a vendor's endpoint with an accepted credential.
type Channel struct {
	// Name is the row's name in status, metrics and receipts.
	Name string `json:"name"`
	// Vendor names the one member below that is set.
	Vendor  string `json:"vendor"`
	AppType int32  `json:"appType"`
	// Suspended keeps the row's pushes until their deadline; its member may lack the credential.
	Suspended bool              `json:"suspended,omitempty"`
	Endpoint  Endpoint          `json:"endpoint,omitzero"`
	Limits    Limits            `json:"limits,omitzero"`
	FCM       *FCMChannel       `json:"fcm,omitempty"`
	Xiaomi    *XiaomiChannel    `json:"xiaomi,omitempty"`
	Huawei    *HuaweiChannel    `json:"huawei,omitempty"`
	HarmonyOS *HarmonyOSChannel `json:"harmonyOS,omitempty"`
	OPPO      *OPPOChannel      `json:"oppo,omitempty"`
	Vivo      *VivoChannel      `json:"vivo,omitempty"`
	Honor     *HonorChannel     `json:"honor,omitempty"`
	Meizu     *MeizuChannel     `json:"meizu,omitempty"`
	APNs      *APNsChannel      `json:"apns,omitempty"`
	WebPush   *WebPushChannel   `json:"webPush,omitempty"`
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
	// RequestsPerSecond is for all dispatchers of the app together, MaxConcurrentRequests for each.
	RequestsPerSecond     int32 `json:"requestsPerSecond,omitempty"`
	MaxConcurrentRequests int32 `json:"maxConcurrentRequests,omitempty"`
	// DailyQuotas are the pushes of a day that the app has of the vendor's classes of messages; a class that is not there
	// is counted and not limited.
	DailyQuotas []DailyQuota `json:"dailyQuotas,omitempty"`
	// QuotaTimeZone names the zone in which the vendor's day ends; empty means China's.
	QuotaTimeZone string `json:"quotaTimeZone,omitempty"`
	// QuotaReservePercent is the part of each daily quota that messages leave to calls, and pushes to many to messages.
	QuotaReservePercent int32 `json:"quotaReservePercent,omitempty"`
}

// DailyQuota is what an app may push in a day of one class of messages.
type DailyQuota struct {
	// Class is one of the vendor's.
	Class  string `json:"class"`
	Pushes int64  `json:"pushes"`
	// ChannelIDs are the push profiles' categories that make up the class, where the vendor does not say so.
	ChannelIDs []string `json:"channelIDs,omitempty"`
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

// HuaweiChannel is an app of Push Kit for EMUI and HarmonyOS up to 4.
type HuaweiChannel struct {
	// AppID is the OAuth client id, which is the app's id.
	AppID string `json:"appID"`
	// BadgeClass is the launcher activity, which a badge needs; empty means no badges.
	BadgeClass string `json:"badgeClass,omitempty"`
	// ReceiptID selects one of the receipt configurations of AppGallery Connect; empty means the default one.
	ReceiptID string `json:"receiptID,omitempty"`
	AppSecret Secret `json:"appSecret"`
	// ReceiptUser and ReceiptKey sign receipts, where they are set in AppGallery Connect; both or none.
	ReceiptUser Secret `json:"receiptUser,omitzero"`
	ReceiptKey  Secret `json:"receiptKey,omitzero"`
}

// HarmonyOSChannel is a project of Push Kit v3, for HarmonyOS 5 and later.
type HarmonyOSChannel struct {
	ProjectID string `json:"projectID"`
	// ReceiptID selects one of the receipt configurations of AppGallery Connect; empty means the default one.
	ReceiptID      string `json:"receiptID,omitempty"`
	ServiceAccount Secret `json:"serviceAccount"`
	// ReceiptUser and ReceiptKey sign receipts, where they are set in AppGallery Connect; both or none.
	ReceiptUser Secret `json:"receiptUser,omitzero"`
	ReceiptKey  Secret `json:"receiptKey,omitzero"`
}

// OPPOChannel is an app of OPPO Push.
type OPPOChannel struct {
	AppKey string `json:"appKey"`
	// Region is China or Global.
	Region       string `json:"region"`
	MasterSecret Secret `json:"masterSecret"`
}

// VivoChannel is an app of vivo Push.
type VivoChannel struct {
	AppID  int64  `json:"appID"`
	AppKey string `json:"appKey"`
	// ReceiptID is the id of a receipt URL registered in vivo's console; empty means that single pushes
	// name the URL themselves and pushes to a list have no receipts.
	ReceiptID string `json:"receiptID,omitempty"`
	AppSecret Secret `json:"appSecret"`
}

// HonorChannel is an app of Honor Push.
type HonorChannel struct {
	AppID    string `json:"appID"`
	ClientID string `json:"clientID"`
	// BadgeClass is the launcher activity, which a badge needs; empty means no badges.
	BadgeClass   string `json:"badgeClass,omitempty"`
	ReceiptID    string `json:"receiptID,omitempty"`
	ClientSecret Secret `json:"clientSecret"`
}

// MeizuChannel is an app of Flyme Push.
type MeizuChannel struct {
	AppID string `json:"appID"`
	// Region is China or India.
	Region    string `json:"region"`
	AppSecret Secret `json:"appSecret"`
	// ReceiptToken is what receipts bear as access_token; empty means that none are asked for.
	ReceiptToken Secret `json:"receiptToken,omitzero"`
}

// APNsChannel is an iOS app in one environment, with a signing key or a certificate.
type APNsChannel struct {
	BundleID string `json:"bundleID"`
	// Environment is Production or Sandbox.
	Environment string `json:"environment"`
	// TeamID and KeyID belong to PrivateKey; both are empty with Certificate.
	TeamID string `json:"teamID,omitempty"`
	KeyID  string `json:"keyID,omitempty"`
	// PrivateKey is the .p8 file of the signing key, or the PEM key of Certificate.
	PrivateKey Secret `json:"privateKey"`
	// Certificate is PEM.
	Certificate Secret `json:"certificate,omitzero"`
}

// WebPushChannel is a VAPID identity.
type WebPushChannel struct {
	// Subject is a mailto: or https: address that push services can complain to.
	Subject string `json:"subject"`
	// PublicKey is what browsers subscribed with, in base64url; empty means that of PrivateKey.
	PublicKey string `json:"publicKey,omitempty"`
	// AllowedHosts are the push services' host names that subscriptions may name; "*.example" stands for every host below it.
	AllowedHosts []string `json:"allowedHosts"`
	// PrivateKey is the P-256 key, as 32 bytes in base64url or as PEM.
	PrivateKey Secret `json:"privateKey"`
}

// member is what one vendor needs of a channel.
type member interface {
	// validate checks what the vendor cannot do without. The secret may be missing of a suspended channel.
	validate(path string, suspended bool) error
}

// members are all members by the name of their vendor, with the name of their JSON field.
func (c Channel) members() map[string]namedMember {
	return map[string]namedMember{
		"FCM":       {"fcm", c.FCM},
		"Xiaomi":    {"xiaomi", c.Xiaomi},
		"Huawei":    {"huawei", c.Huawei},
		"HarmonyOS": {"harmonyOS", c.HarmonyOS},
		"OPPO":      {"oppo", c.OPPO},
		"Vivo":      {"vivo", c.Vivo},
		"Honor":     {"honor", c.Honor},
		"Meizu":     {"meizu", c.Meizu},
		"APNs":      {"apns", c.APNs},
		"WebPush":   {"webPush", c.WebPush},
	}
}

type namedMember struct {
	name string
	member
}

func (m namedMember) missing() bool { return reflect.ValueOf(m.member).IsNil() }

// Credential joins the secrets of the channel's member; it is zero when the channel has none.
func (c Channel) Credential() Secret {
	m, known := c.members()[c.Vendor]
	if !known || m.missing() {
		return Secret{}
	}
	all := ""
	secretsOf(reflect.ValueOf(m.member), func(s *Secret) {
		if s.value != "" {
			all += s.value + "\x00"
		}
	})
	return NewSecret(all)
}

func (c Channel) validateMember(path string) error {
	m, known := c.members()[c.Vendor]
	if !known {
		return fmt.Errorf("%s.vendor: %q is not known to this dispatcher", path, c.Vendor)
	}
	path += "." + m.name
	if m.missing() {
		return fmt.Errorf("%s: must be set for vendor %s", path, c.Vendor)
	}
	return m.validate(path, c.Suspended)
}
