package config

// Profile is what a resourcesID stands for.
type Profile struct {
	ResourcesID string    `json:"resourcesID"`
	Settings    []Setting `json:"settings"`
}

// Setting holds a profile's parameters for one (vendor, appType).
type Setting struct {
	Vendor    string            `json:"vendor"`
	AppType   int32             `json:"appType"`
	FCM       *FCMSetting       `json:"fcm,omitempty"`
	Xiaomi    *XiaomiSetting    `json:"xiaomi,omitempty"`
	Huawei    *HuaweiSetting    `json:"huawei,omitempty"`
	HarmonyOS *HarmonyOSSetting `json:"harmonyOS,omitempty"`
	OPPO      *OPPOSetting      `json:"oppo,omitempty"`
	Vivo      *VivoSetting      `json:"vivo,omitempty"`
	Honor     *HonorSetting     `json:"honor,omitempty"`
	Meizu     *MeizuSetting     `json:"meizu,omitempty"`
	APNs      *APNsSetting      `json:"apns,omitempty"`
	WebPush   *WebPushSetting   `json:"webPush,omitempty"`
}

// ClickAction says what a tap on the notification opens.
type ClickAction struct {
	// Type is OpenApp, OpenURL or OpenPage; empty means OpenApp.
	Type string `json:"type,omitempty"`
	// URI is the web page of OpenURL; of OpenPage it is the page in the vendor's own form: an intent URI for
	// Xiaomi, Huawei, vivo and Honor, an activity or action for OPPO, an activity for Meizu, a uri of the app's
	// module.json5 for HarmonyOS.
	URI string `json:"uri,omitempty"`
}

// The types of a click action.
const (
	OpenApp  = "OpenApp"
	OpenURL  = "OpenURL"
	OpenPage = "OpenPage"
)

// FCMSetting are the parameters of a push profile for FCM.
type FCMSetting struct {
	// MessageType is Notification or Data.
	MessageType string `json:"messageType,omitempty"`
	// Priority is Normal or High.
	Priority  string `json:"priority,omitempty"`
	ChannelID string `json:"channelID,omitempty"`
	Sound     string `json:"sound,omitempty"`
}

// XiaomiSetting are the parameters of a push profile for Xiaomi.
type XiaomiSetting struct {
	ChannelID          string `json:"channelID,omitempty"`
	ChannelName        string `json:"channelName,omitempty"`
	ChannelDescription string `json:"channelDescription,omitempty"`
	// TemplateID is the approved template of private messages; empty means none.
	TemplateID  string      `json:"templateID,omitempty"`
	ClickAction ClickAction `json:"clickAction,omitzero"`
}

// HuaweiSetting are the parameters of a push profile for Huawei.
type HuaweiSetting struct {
	// MessageType is Notification or Data; empty means Notification.
	MessageType string `json:"messageType,omitempty"`
	// Test marks test messages (target_user_type 1).
	Test      bool   `json:"test,omitempty"`
	ChannelID string `json:"channelID,omitempty"`
	// Category is the self-classification category, such as IM.
	Category string `json:"category,omitempty"`
	// Importance is Low or Normal; empty means Normal.
	Importance  string      `json:"importance,omitempty"`
	Sound       string      `json:"sound,omitempty"`
	ClickAction ClickAction `json:"clickAction,omitzero"`
}

// HarmonyOSSetting are the parameters of a push profile for HarmonyOS.
type HarmonyOSSetting struct {
	// PushType is Notification (0), Background (6) or VoIP (10); empty means Notification.
	PushType string `json:"pushType,omitempty"`
	// Test marks test messages.
	Test        bool        `json:"test,omitempty"`
	Category    string      `json:"category,omitempty"`
	Sound       string      `json:"sound,omitempty"`
	ClickAction ClickAction `json:"clickAction,omitzero"`
}

// OPPOSetting are the parameters of a push profile for OPPO.
type OPPOSetting struct {
	ChannelID string `json:"channelID,omitempty"`
	Category  string `json:"category,omitempty"`
	// NotifyLevel is 1, 2 or 16; 0 means the category's own.
	NotifyLevel int32 `json:"notifyLevel,omitempty"`
	// Marketing says that the category is one of content and marketing, which takes no private template.
	Marketing bool `json:"marketing,omitempty"`
	// TemplateID is the private template of messages that name none; empty means none.
	TemplateID  string      `json:"templateID,omitempty"`
	ClickAction ClickAction `json:"clickAction,omitzero"`
}

// VivoSetting are the parameters of a push profile for vivo.
type VivoSetting struct {
	Category string `json:"category,omitempty"`
	// Classification is Operation or System; empty leaves it to the category.
	Classification string `json:"classification,omitempty"`
	// Test marks test messages (pushMode 1).
	Test        bool        `json:"test,omitempty"`
	ClickAction ClickAction `json:"clickAction,omitzero"`
}

// HonorSetting are the parameters of a push profile for Honor.
type HonorSetting struct {
	// MessageType is Notification or Data; empty means Notification.
	MessageType string `json:"messageType,omitempty"`
	// Importance is Low (marketing) or Normal (service and communication); empty leaves it to Honor, which takes marketing.
	Importance string `json:"importance,omitempty"`
	// Test marks test messages (targetUserType 1).
	Test        bool        `json:"test,omitempty"`
	ClickAction ClickAction `json:"clickAction,omitzero"`
}

// MeizuSetting are the parameters of a push profile for Meizu.
type MeizuSetting struct {
	// NoticeType is Public or Private; empty means Public.
	NoticeType  string      `json:"noticeType,omitempty"`
	ClickAction ClickAction `json:"clickAction,omitzero"`
}

// APNsSetting are the parameters of a push profile for APNs.
type APNsSetting struct {
	// PushType is Alert, Background or VoIP; empty means Alert.
	PushType string `json:"pushType,omitempty"`
	// Sound is a file of the app's bundle; empty means the default sound.
	Sound          string `json:"sound,omitempty"`
	MutableContent bool   `json:"mutableContent,omitempty"`
	// Category names the actions that the app registered.
	Category string `json:"category,omitempty"`
	// InterruptionLevel is Passive, Active, TimeSensitive or Critical; empty means Active.
	InterruptionLevel string `json:"interruptionLevel,omitempty"`
}

// WebPushSetting are the parameters of a push profile for Web Push.
type WebPushSetting struct {
	// Urgency is VeryLow, Low, Normal or High; empty means Normal.
	Urgency string `json:"urgency,omitempty"`
	// Icon and ClickURL are https URLs that the app's service worker shows and opens.
	Icon     string `json:"icon,omitempty"`
	ClickURL string `json:"clickURL,omitempty"`
}
