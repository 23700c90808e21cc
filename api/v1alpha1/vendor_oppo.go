package v1alpha1

// OPPOMasterSecretKey is the key of a channel's Secret that holds the app's master secret.
const OPPOMasterSecretKey = "masterSecret"

// OPPORegion is the OPPO Push region that an app's phones belong to.
//
// +k8s:enum
type OPPORegion string

const (
	// OPPORegionChina is mainland China.
	OPPORegionChina OPPORegion = "China"
	// OPPORegionGlobal is every other country.
	OPPORegionGlobal OPPORegion = "Global"
)

// OPPOChannel is what OPPO Push needs beside the master secret.
type OPPOChannel struct {
	// appKey is the app's AppKey in OPPO's console. It is in the app too and no secret.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:Pattern=`^[a-zA-Z0-9]+$`
	// +required
	AppKey string `json:"appKey,omitempty"`

	// region is where the phones registered: China or Global (every other country). It has no default, because in a wrong
	// region every phone looks unknown. Phones of both regions need two channels.
	// +required
	Region OPPORegion `json:"region,omitempty"`
}

// OPPOProfile is how a push looks on phones reached through OPPO Push.
//
// +kubebuilder:validation:XValidation:rule="!has(self.notifyLevel) || has(self.category)",message="`notifyLevel` needs a `category`: OPPO takes no level without one"
type OPPOProfile struct {
	// channelID is the Android notification channel that is registered in OPPO's console and created by the app. When unset,
	// OPPO's default one.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +optional
	ChannelID string `json:"channelID,omitempty"`

	// category is the message's class by OPPO's rules of 2024-11-20, such as IM. When unset, the message counts as content and
	// marketing.
	// +optional
	Category Category `json:"category,omitempty"`

	// notifyLevel is how the message appears: 1 (tray), 2 (tray and lock screen) or 16 (banner, vibration and sound besides),
	// by what OPPO approved for the category. When unset, the category's own.
	// +kubebuilder:validation:Enum=1;2;16
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=16
	// +optional
	NotifyLevel int32 `json:"notifyLevel,omitempty"`

	// marketing says that the category is one of content and marketing: a message's private template is left out then.
	// Defaults to false.
	// +optional
	Marketing *bool `json:"marketing,omitempty"`

	// templateID is the approved private-message template of messages that name none. When unset, no template is named.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	// +optional
	TemplateID string `json:"templateID,omitempty"`

	// clickAction is what a tap on the notification does. Defaults to opening the app.
	// +kubebuilder:default={type:OpenApp}
	// +optional
	ClickAction PageClickAction `json:"clickAction,omitzero"`
}
