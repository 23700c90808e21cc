package v1alpha1

// HonorClientSecretKey is the key of a channel's Secret that holds the OAuth client secret.
const HonorClientSecretKey = "clientSecret"

// HonorChannel is what Honor Push needs beside the client secret.
type HonorChannel struct {
	// appID is the app's id in Honor's console. Example: `104400000`.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^[0-9]+$`
	// +required
	AppID string `json:"appID,omitempty"`

	// clientID is the OAuth client id in Honor's console.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:Pattern=`^[a-zA-Z0-9_-]+$`
	// +required
	ClientID string `json:"clientID,omitempty"`

	// badgeClass is the launcher activity of the app, whose icon shows the badge. When unset, no badge is sent. Example:
	// `com.example.chat.MainActivity`.
	// +optional
	BadgeClass ActivityName `json:"badgeClass,omitempty"`

	// receiptID selects one of the receipt configurations in Honor's console. When unset, the default one.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	// +optional
	ReceiptID string `json:"receiptID,omitempty"`
}

// HonorProfile is how a push looks on phones reached through Honor Push.
type HonorProfile struct {
	// type is Notification (shown by the phone's system) or Data (handed to the app only). Defaults to Notification.
	// +kubebuilder:default=Notification
	// +optional
	Type MessageType `json:"type,omitempty"`

	// importance is Low (news and marketing, two a day) or Normal (service and communication, needs Honor's
	// self-classification right). When unset, Honor takes Low.
	// +optional
	Importance Importance `json:"importance,omitempty"`

	// test sends test messages, at most 1000 a day, which count against no phone's limit. Defaults to false.
	// +optional
	Test *bool `json:"test,omitempty"`

	// clickAction is what a tap on the notification does. Defaults to opening the app.
	// +kubebuilder:default={type:OpenApp}
	// +optional
	ClickAction ClickAction `json:"clickAction,omitzero"`
}
