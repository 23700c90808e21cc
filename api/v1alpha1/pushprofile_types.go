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
type ProfileSettings struct {
	// vendor selects the phones: FCM or Xiaomi. The member of the same name in lower case must be set, the others must not.
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

// ClickAction is what a tap on a notification does.
//
// +kubebuilder:validation:XValidation:rule="(self.type == 'OpenURL') == has(self.url)",message="`url` must be set when `type` is 'OpenURL', and only then"
// +kubebuilder:validation:XValidation:rule="(self.type == 'OpenPage') == has(self.intentURI)",message="`intentURI` must be set when `type` is 'OpenPage', and only then"
type ClickAction struct {
	// type is OpenApp (the app's start page), OpenURL (a web page) or OpenPage (a page inside the app). Defaults to OpenApp.
	// +kubebuilder:default=OpenApp
	// +optional
	Type ClickActionType `json:"type,omitempty"`

	// url is the https URL of the web page. Only with type: OpenURL.
	// +kubebuilder:validation:MinLength=9
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:XValidation:rule="isURL(self) && url(self).getScheme() == 'https' && url(self).getHostname() != ''",message="`url` must be an https URL, for example `https://example.com/news?from=push`"
	// +optional
	URL string `json:"url,omitempty"`

	// intentURI is the Android intent of the page. Only with type: OpenPage. Example:
	// `intent://com.example.chat/detail#Intent;scheme=pushscheme;launchFlags=0x4000000;end`.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:XValidation:rule="self.startsWith('intent:')",message="`intentURI` must be an Android intent that starts with 'intent:'"
	// +optional
	IntentURI string `json:"intentURI,omitempty"`
}
