package v1alpha1

// FCMServiceAccountKey is the key of a channel's Secret that holds the service account's JSON file.
const FCMServiceAccountKey = "service-account.json"

// FCMTarget says which field of an FCM message carries a device's address.
//
// +k8s:enum
type FCMTarget string

const (
	// FCMTargetToken addresses devices by registration token.
	FCMTargetToken FCMTarget = "Token"
	// FCMTargetInstallationID addresses devices by Firebase installation id.
	FCMTargetInstallationID FCMTarget = "InstallationID"
)

// FCMChannel is what Firebase Cloud Messaging needs beside the service account.
type FCMChannel struct {
	// projectID is the Firebase project. When unset, it is read from the service account; when set, it must be the one in the
	// service account, which guards against a credential of another project. Example: `chat-prod-4711`.
	// +kubebuilder:validation:MinLength=6
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:Pattern=`^([a-z0-9.-]+:)?[a-z][-a-z0-9]{4,28}[a-z0-9]$`
	// +optional
	ProjectID string `json:"projectID,omitempty"`

	// target says how phones are addressed: Token (registration token, what `getToken` returns) or InstallationID (Firebase
	// installation id, field `fid`). Defaults to Token. It must be what the app registers.
	// +kubebuilder:default=Token
	// +optional
	Target FCMTarget `json:"target,omitempty"`
}

// FCMPriority is the urgency of an FCM message.
//
// +k8s:enum
type FCMPriority string

const (
	// FCMPriorityNormal may wait until a dozing phone wakes up.
	FCMPriorityNormal FCMPriority = "Normal"
	// FCMPriorityHigh wakes a dozing phone.
	FCMPriorityHigh FCMPriority = "High"
)

// FCMProfile is how a push looks on phones reached through FCM.
//
// +kubebuilder:validation:XValidation:rule="self.type == 'Notification' || (!has(self.sound) && !has(self.channelID))",message="`sound` and `channelID` must be unset when `type` is 'Data': the app itself shows a data message"
type FCMProfile struct {
	// type is Notification (shown by the system tray) or Data (handed to the app only). Defaults to Notification.
	// +kubebuilder:default=Notification
	// +optional
	Type MessageType `json:"type,omitempty"`

	// priority is Normal (may wait until a dozing phone wakes up) or High (wakes it at once). Defaults to Normal. Calls are
	// always High.
	// +kubebuilder:default=Normal
	// +optional
	Priority FCMPriority `json:"priority,omitempty"`

	// sound is the name of a sound in the app's `res/raw`, without suffix. When unset, the phone's default sound. Since
	// Android 8 the sound of the notification channel wins, see channelID.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +optional
	Sound string `json:"sound,omitempty"`

	// channelID is the Android notification channel that the app created. When unset, the default channel of the app's
	// manifest.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +optional
	ChannelID string `json:"channelID,omitempty"`
}
