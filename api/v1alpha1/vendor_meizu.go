package v1alpha1

// Keys of the Secret of a channel with vendor Meizu.
const (
	// MeizuAppSecretKey holds the app's secret.
	MeizuAppSecretKey = "appSecret"
	// MeizuReceiptTokenKey holds the callback token of Meizu's console, which receipts bear. Optional.
	MeizuReceiptTokenKey = "receiptToken"
)

// MeizuRegion is the Flyme Push region that an app's phones belong to.
//
// +k8s:enum
type MeizuRegion string

const (
	// MeizuRegionChina is mainland China.
	MeizuRegionChina MeizuRegion = "China"
	// MeizuRegionIndia is India, where Meizu's platform for other countries is.
	MeizuRegionIndia MeizuRegion = "India"
)

// MeizuChannel is what Flyme Push needs beside the app's secret.
type MeizuChannel struct {
	// appID is the app's id in Meizu's console. Example: `100999`.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^[0-9]+$`
	// +required
	AppID string `json:"appID,omitempty"`

	// region is where the phones registered: China or India (Meizu's platform for other countries). Defaults to China.
	// +kubebuilder:default=China
	// +optional
	Region MeizuRegion `json:"region,omitempty"`
}

// MeizuNoticeType is Meizu's class of a message.
//
// +k8s:enum
type MeizuNoticeType string

const (
	// MeizuNoticeTypePublic is news and marketing: three a day and phone.
	MeizuNoticeTypePublic MeizuNoticeType = "Public"
	// MeizuNoticeTypePrivate is for messages of people and of accounts.
	MeizuNoticeTypePrivate MeizuNoticeType = "Private"
)

// MeizuProfile is how a push looks on phones reached through Flyme Push.
type MeizuProfile struct {
	// noticeType is Public (news and marketing, three a day and phone) or Private (messages of people and accounts, without
	// limit). Defaults to Private.
	// +kubebuilder:default=Private
	// +optional
	NoticeType MeizuNoticeType `json:"noticeType,omitempty"`

	// clickAction is what a tap on the notification does. Defaults to opening the app.
	// +kubebuilder:default={type:OpenApp}
	// +optional
	ClickAction PageClickAction `json:"clickAction,omitzero"`
}
