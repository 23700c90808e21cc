package v1alpha1

// VivoAppSecretKey is the key of a channel's Secret that holds the app's secret.
const VivoAppSecretKey = "appSecret"

// VivoChannel is what vivo Push needs beside the app's secret.
type VivoChannel struct {
	// appID is the app's number in vivo's console. From 1 to 2147483647.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=2147483647
	// +required
	AppID int64 `json:"appID,omitempty"`

	// appKey is the app's AppKey in vivo's console. It is in the app too and no secret.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:Pattern=`^[a-zA-Z0-9-]+$`
	// +required
	AppKey string `json:"appKey,omitempty"`

	// receiptID is the id that vivo's console gave to the app's receipt URL. When unset, pushes to one phone name the URL
	// themselves, and pushes to several have no receipts.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	// +optional
	ReceiptID string `json:"receiptID,omitempty"`
}

// VivoClassification is vivo's first-level class of a message.
//
// +k8s:enum
type VivoClassification string

const (
	// VivoClassificationOperation is news and marketing: limited, and from 07:00 to 23:00 only.
	VivoClassificationOperation VivoClassification = "Operation"
	// VivoClassificationSystem is for messages of people and of accounts.
	VivoClassificationSystem VivoClassification = "System"
)

// VivoProfile is how a push looks on phones reached through vivo Push.
type VivoProfile struct {
	// category is the message's second-level class, such as IM. When unset, the classification alone counts.
	// +optional
	Category Category `json:"category,omitempty"`

	// classification is Operation (limited, 07:00 to 23:00 only) or System. When unset, vivo takes that of the category, or
	// Operation without one. It must fit the category.
	// +optional
	Classification VivoClassification `json:"classification,omitempty"`

	// test sends test messages, which reach only the 20 test phones of vivo's console; needed while the app is under review.
	// Defaults to false.
	// +optional
	Test *bool `json:"test,omitempty"`

	// clickAction is what a tap on the notification does. Defaults to opening the app.
	// +kubebuilder:default={type:OpenApp}
	// +optional
	ClickAction ClickAction `json:"clickAction,omitzero"`
}
