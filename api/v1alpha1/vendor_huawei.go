package v1alpha1

// Keys of the Secret of a channel with vendor Huawei.
const (
	// HuaweiAppSecretKey holds the app's secret (OAuth client secret).
	HuaweiAppSecretKey = "appSecret"
	// ReceiptUserKey and ReceiptKeyKey hold the user name and the key that sign receipts, for Huawei and HarmonyOS. Optional,
	// both or none.
	ReceiptUserKey = "receiptUser"
	// ReceiptKeyKey stands beside ReceiptUserKey.
	ReceiptKeyKey = "receiptKey"
)

// HuaweiChannel is what Push Kit for EMUI and HarmonyOS up to 4 needs beside the app's secret.
type HuaweiChannel struct {
	// appID is the app's id in AppGallery Connect, which is the OAuth client id. Example: `104888888`.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^[0-9]+$`
	// +required
	AppID string `json:"appID,omitempty"`

	// badgeClass is the launcher activity of the app, whose icon shows the badge. When unset, no badge is sent. Example:
	// `com.example.chat.MainActivity`.
	// +optional
	BadgeClass ActivityName `json:"badgeClass,omitempty"`

	// receiptID selects one of the receipt configurations in AppGallery Connect. When unset, the default one.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	// +optional
	ReceiptID string `json:"receiptID,omitempty"`
}

// ActivityName is the class of an Android activity.
//
// +kubebuilder:validation:MinLength=3
// +kubebuilder:validation:MaxLength=255
// +kubebuilder:validation:Pattern=`^[a-zA-Z][a-zA-Z0-9_]*(\.[a-zA-Z][a-zA-Z0-9_]*)+$`
type ActivityName string

// HuaweiProfile is how a push looks on phones reached through Huawei's Push Kit.
//
// +kubebuilder:validation:XValidation:rule="self.type == 'Notification' || (!has(self.sound) && !has(self.channelID))",message="`sound` and `channelID` must be unset when `type` is 'Data': the app itself shows a data message"
type HuaweiProfile struct {
	// type is Notification (shown by the phone's system) or Data (handed to the app, which needs Huawei's permission for high
	// priority). Defaults to Notification.
	// +kubebuilder:default=Notification
	// +optional
	Type MessageType `json:"type,omitempty"`

	// category is the message's class in Huawei's self-classification, such as IM, VOIP, WORK or MARKETING. When unset, the
	// message counts as marketing, of which a phone gets two a day.
	// +optional
	Category Category `json:"category,omitempty"`

	// importance is Low (silent, in the tray only) or Normal. Defaults to Normal.
	// +kubebuilder:default=Normal
	// +optional
	Importance Importance `json:"importance,omitempty"`

	// channelID is the Android notification channel that the app created. When unset, the app's default one.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +optional
	ChannelID string `json:"channelID,omitempty"`

	// sound is the path of a sound in the app, such as `/raw/shake`. When unset, the phone's default sound.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +optional
	Sound string `json:"sound,omitempty"`

	// test sends test messages, at most 500 a day, which count against no phone's limit. Defaults to false.
	// +optional
	Test *bool `json:"test,omitempty"`

	// clickAction is what a tap on the notification does. Defaults to opening the app.
	// +kubebuilder:default={type:OpenApp}
	// +optional
	ClickAction ClickAction `json:"clickAction,omitzero"`
}

// Category is a class of messages in a vendor's own words.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=64
// +kubebuilder:validation:Pattern=`^[A-Z][A-Z0-9_]*$`
type Category string
