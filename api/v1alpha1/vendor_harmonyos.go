package v1alpha1

// HarmonyOSServiceAccountKey is the key of a channel's Secret that holds the service account's JSON file.
const HarmonyOSServiceAccountKey = "service-account.json"

// HarmonyOSChannel is what Push Kit v3 needs beside the service account.
type HarmonyOSChannel struct {
	// projectID is the project in AppGallery Connect. When unset, it is read from the service account; when set, it must be
	// the one in the service account, which guards against a credential of another project. Example: `388421841222050000`.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^[0-9]+$`
	// +optional
	ProjectID string `json:"projectID,omitempty"`

	// receiptID selects one of the receipt configurations in AppGallery Connect. When unset, the default one.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	// +optional
	ReceiptID string `json:"receiptID,omitempty"`
}

// HarmonyOSPushType says what a push does on the phone.
//
// +k8s:enum
type HarmonyOSPushType string

const (
	// HarmonyOSPushTypeNotification shows a notification (push-type 0).
	HarmonyOSPushTypeNotification HarmonyOSPushType = "Notification"
	// HarmonyOSPushTypeBackground wakes the app without showing anything (push-type 6).
	HarmonyOSPushTypeBackground HarmonyOSPushType = "Background"
	// HarmonyOSPushTypeVoIP announces a call (push-type 10).
	HarmonyOSPushTypeVoIP HarmonyOSPushType = "VoIP"
)

// HarmonyOSProfile is how a push looks on phones with HarmonyOS 5 and later.
type HarmonyOSProfile struct {
	// pushType is Notification (shown by the system), Background (wakes the app) or VoIP (announces a call). Defaults to
	// Notification.
	// +kubebuilder:default=Notification
	// +optional
	PushType HarmonyOSPushType `json:"pushType,omitempty"`

	// category is the message's class in Huawei's self-classification, such as IM, VOIP, WORK or MARKETING. When unset, the
	// message counts as marketing.
	// +optional
	Category Category `json:"category,omitempty"`

	// sound is the name of a sound in the app's `rawfile` folder. When unset, the phone's default sound.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +optional
	Sound string `json:"sound,omitempty"`

	// test sends test messages, which count against no phone's limit. Defaults to false.
	// +optional
	Test *bool `json:"test,omitempty"`

	// clickAction is what a tap on the notification does. Defaults to opening the app. HarmonyOS opens no web pages.
	// +kubebuilder:default={type:OpenApp}
	// +kubebuilder:validation:XValidation:rule="self.type != 'OpenURL'",message="`type` must be 'OpenApp' or 'OpenPage': HarmonyOS opens no web pages"
	// +optional
	ClickAction PageClickAction `json:"clickAction,omitzero"`
}
