package v1alpha1

// PushProfile is a named way to show a push, with settings for every vendor that needs some.
type PushProfile struct {
	// resourcesID is the name that messages refer to. From 1 to 32 printable ASCII characters without blanks. A message that
	// names an unknown one is refused.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^[!-~]+$`
	// +required
	ResourcesID string `json:"resourcesID,omitempty"`

	// settings has one entry for each vendor and appType; the vendor and appType of the receiving phone select it. A phone
	// without an entry gets a plain notification. At most 32.
	// +listType=map
	// +listMapKey=vendor
	// +listMapKey=appType
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	// +required
	Settings []ProfileSettings `json:"settings,omitempty"`
}

// ProfileSettings is how a push looks on the phones of one vendor and appType.
//
// +kubebuilder:validation:XValidation:rule="(self.vendor == 'FCM') == has(self.fcm)",message="`fcm` must be set when `vendor` is 'FCM', and only then"
// +kubebuilder:validation:XValidation:rule="(self.vendor == 'Xiaomi') == has(self.xiaomi)",message="`xiaomi` must be set when `vendor` is 'Xiaomi', and only then"
// +kubebuilder:validation:XValidation:rule="(self.vendor == 'Huawei') == has(self.huawei)",message="`huawei` must be set when `vendor` is 'Huawei', and only then"
// +kubebuilder:validation:XValidation:rule="(self.vendor == 'HarmonyOS') == has(self.harmonyOS)",message="`harmonyOS` must be set when `vendor` is 'HarmonyOS', and only then"
// +kubebuilder:validation:XValidation:rule="(self.vendor == 'OPPO') == has(self.oppo)",message="`oppo` must be set when `vendor` is 'OPPO', and only then"
// +kubebuilder:validation:XValidation:rule="(self.vendor == 'Vivo') == has(self.vivo)",message="`vivo` must be set when `vendor` is 'Vivo', and only then"
// +kubebuilder:validation:XValidation:rule="(self.vendor == 'Honor') == has(self.honor)",message="`honor` must be set when `vendor` is 'Honor', and only then"
// +kubebuilder:validation:XValidation:rule="(self.vendor == 'Meizu') == has(self.meizu)",message="`meizu` must be set when `vendor` is 'Meizu', and only then"
// +kubebuilder:validation:XValidation:rule="(self.vendor == 'APNs') == has(self.apns)",message="`apns` must be set when `vendor` is 'APNs', and only then"
// +kubebuilder:validation:XValidation:rule="(self.vendor == 'WebPush') == has(self.webPush)",message="`webPush` must be set when `vendor` is 'WebPush', and only then"
type ProfileSettings struct {
	// vendor selects the phones: FCM, Xiaomi, Huawei, HarmonyOS, OPPO, Vivo, Honor, Meizu, APNs or WebPush.
	// The member of the same name, written like a field, must be set, the others must not.
	// +required
	Vendor Vendor `json:"vendor,omitempty"`

	// appType selects the phones that registered with this appType. From 1 to 9. Defaults to 1.
	// +kubebuilder:default=1
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=9
	// +optional
	AppType int32 `json:"appType,omitempty"`

	// fcm holds the settings for Firebase Cloud Messaging. Set it, if only to `{}`, when vendor is FCM.
	// +optional
	FCM *FCMProfile `json:"fcm,omitempty"`

	// xiaomi holds the settings for Mi Push. Set it when vendor is Xiaomi.
	// +optional
	Xiaomi *XiaomiProfile `json:"xiaomi,omitempty"`

	// huawei holds the settings for Huawei's Push Kit. Set it, if only to `{}`, when vendor is Huawei.
	// +optional
	Huawei *HuaweiProfile `json:"huawei,omitempty"`

	// harmonyOS holds the settings for HarmonyOS 5 and later. Set it, if only to `{}`, when vendor is HarmonyOS.
	// +optional
	HarmonyOS *HarmonyOSProfile `json:"harmonyOS,omitempty"`

	// oppo holds the settings for OPPO Push. Set it, if only to `{}`, when vendor is OPPO.
	// +optional
	OPPO *OPPOProfile `json:"oppo,omitempty"`

	// vivo holds the settings for vivo Push. Set it, if only to `{}`, when vendor is Vivo.
	// +optional
	Vivo *VivoProfile `json:"vivo,omitempty"`

	// honor holds the settings for Honor Push. Set it, if only to `{}`, when vendor is Honor.
	// +optional
	Honor *HonorProfile `json:"honor,omitempty"`

	// meizu holds the settings for Flyme Push. Set it, if only to `{}`, when vendor is Meizu.
	// +optional
	Meizu *MeizuProfile `json:"meizu,omitempty"`

	// apns holds the settings for the Apple Push Notification service. Set it, if only to `{}`, when vendor is APNs.
	// +optional
	APNs *APNsProfile `json:"apns,omitempty"`

	// webPush holds the settings for Web Push. Set it, if only to `{}`, when vendor is WebPush.
	// +optional
	WebPush *WebPushProfile `json:"webPush,omitempty"`
}

// ClickActionType says what a tap on a notification opens.
//
// +k8s:enum
type ClickActionType string

const (
	// ClickActionOpenApp opens the app's start page.
	ClickActionOpenApp ClickActionType = "OpenApp"
	// ClickActionOpenURL opens a web page.
	ClickActionOpenURL ClickActionType = "OpenURL"
	// ClickActionOpenPage opens a page inside the app.
	ClickActionOpenPage ClickActionType = "OpenPage"
)

// ClickAction is what a tap on a notification does, where the vendor opens pages by an intent.
//
// +kubebuilder:validation:XValidation:rule="(self.type == 'OpenURL') == has(self.url)",message="`url` must be set when `type` is 'OpenURL', and only then"
// +kubebuilder:validation:XValidation:rule="(self.type == 'OpenPage') == has(self.intentURI)",message="`intentURI` must be set when `type` is 'OpenPage', and only then"
type ClickAction struct {
	// type is OpenApp (the app's start page), OpenURL (a web page) or OpenPage (a page inside the app). Defaults to OpenApp.
	// +kubebuilder:default=OpenApp
	// +optional
	Type ClickActionType `json:"type,omitempty"`

	// url is the https URL of the web page. Only with type: OpenURL.
	// +optional
	URL PageURL `json:"url,omitempty"`

	// intentURI is the Android intent of the page. Only with type: OpenPage. Example:
	// `intent://com.example.chat/detail#Intent;scheme=pushscheme;end`.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:Pattern=`^intent:`
	// +optional
	IntentURI string `json:"intentURI,omitempty"`
}

// PageClickAction is what a tap on a notification does, where the vendor opens pages by their name.
//
// +kubebuilder:validation:XValidation:rule="(self.type == 'OpenURL') == has(self.url)",message="`url` must be set when `type` is 'OpenURL', and only then"
// +kubebuilder:validation:XValidation:rule="(self.type == 'OpenPage') == has(self.page)",message="`page` must be set when `type` is 'OpenPage', and only then"
type PageClickAction struct {
	// type is OpenApp (the app's start page), OpenURL (a web page) or OpenPage (a page inside the app). Defaults to OpenApp.
	// +kubebuilder:default=OpenApp
	// +optional
	Type ClickActionType `json:"type,omitempty"`

	// url is the https URL of the web page. Only with type: OpenURL.
	// +optional
	URL PageURL `json:"url,omitempty"`

	// page is the page inside the app: an activity, for OPPO also its action, for HarmonyOS a uri of module.json5. Only with
	// type: OpenPage. Example: `com.example.chat.DetailActivity`.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=500
	// +kubebuilder:validation:Pattern=`^[!-~]+$`
	// +optional
	Page string `json:"page,omitempty"`
}

// PageURL is the https URL of a web page, for example `https://example.com/news?from=push`.
//
// +kubebuilder:validation:MaxLength=1024
// +kubebuilder:validation:Pattern=`^https://[^/?#@\s]+([/?#]\S*)?$`
type PageURL string

// MessageType says which part of the system shows a message.
//
// +k8s:enum
type MessageType string

const (
	// MessageTypeNotification is shown by the phone's system.
	MessageTypeNotification MessageType = "Notification"
	// MessageTypeData is handed to the app, which shows what it likes.
	MessageTypeData MessageType = "Data"
)

// Importance says how loudly a notification appears.
//
// +k8s:enum
type Importance string

const (
	// ImportanceLow is for news and marketing: silent, in the tray only.
	ImportanceLow Importance = "Low"
	// ImportanceNormal is for service and communication.
	ImportanceNormal Importance = "Normal"
)
