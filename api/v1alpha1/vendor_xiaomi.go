package v1alpha1

// XiaomiAppSecretKey is the key of a channel's Secret that holds the app's secret.
const XiaomiAppSecretKey = "appSecret"

// XiaomiRegion is the Mi Push region that an app's phones belong to.
//
// +k8s:enum
type XiaomiRegion string

const (
	// XiaomiRegionChina is mainland China.
	XiaomiRegionChina XiaomiRegion = "China"
	// XiaomiRegionRussia is Russia.
	XiaomiRegionRussia XiaomiRegion = "Russia"
	// XiaomiRegionIndia is India.
	XiaomiRegionIndia XiaomiRegion = "India"
	// XiaomiRegionEurope is the European Economic Area and the United Kingdom.
	XiaomiRegionEurope XiaomiRegion = "Europe"
	// XiaomiRegionGlobal is every other country.
	XiaomiRegionGlobal XiaomiRegion = "Global"
)

// XiaomiChannel is what Mi Push needs beside the app's secret.
type XiaomiChannel struct {
	// packageName is the Android package of the app, as registered in Xiaomi's console. Example: `com.example.chat`.
	// +kubebuilder:validation:MinLength=3
	// +kubebuilder:validation:MaxLength=255
	// +kubebuilder:validation:Pattern=`^[a-zA-Z][a-zA-Z0-9_]*(\.[a-zA-Z][a-zA-Z0-9_]*)+$`
	// +required
	PackageName string `json:"packageName,omitempty"`

	// region is where the phones registered: China, Russia, India, Europe (EEA and United Kingdom) or Global (every other
	// country). It has no default, because in a wrong region every phone looks unknown. Phones of two regions need two channels.
	// +required
	Region XiaomiRegion `json:"region,omitempty"`

	// path is the path of the send call. Defaults to `/v3/message/regid`; Xiaomi's newer SDKs use `/v4/message/regid` with
	// the same fields.
	// +kubebuilder:default="/v3/message/regid"
	// +kubebuilder:validation:MinLength=2
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:Pattern=`^(/[a-zA-Z0-9_-]+)+$`
	// +optional
	Path string `json:"path,omitempty"`
}

// XiaomiProfile is how a push looks on phones reached through Mi Push.
type XiaomiProfile struct {
	// channelID is the id of a notification category approved in Xiaomi's console. Xiaomi limits pushes outside a category to
	// one a day and phone. Example: `110001`.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	// +required
	ChannelID string `json:"channelID,omitempty"`

	// channelName is the category's name as the phone's settings show it. When unset, the name in Xiaomi's console.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	// +optional
	ChannelName string `json:"channelName,omitempty"`

	// channelDescription is the category's description as the phone's settings show it. When unset, the one in Xiaomi's
	// console.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	// +optional
	ChannelDescription string `json:"channelDescription,omitempty"`

	// templateID is the approved template of private messages, which new apps need since 2026-07-01 and every app from
	// 2027 on. Messages give its parameters. When unset, no template is named.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	// +optional
	TemplateID string `json:"templateID,omitempty"`

	// clickAction is what a tap on the notification does. Defaults to opening the app.
	// +kubebuilder:default={type:OpenApp}
	// +optional
	ClickAction ClickAction `json:"clickAction,omitzero"`
}
