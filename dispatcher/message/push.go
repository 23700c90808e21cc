package message

// PushConfig is what a sender wants an offline device to show (ZIM's ZIMPushConfig).
type PushConfig struct {
	Title   string `json:"title,omitempty"`
	Content string `json:"content,omitempty"`
	// Payload is opaque to everyone but the receiving app.
	Payload string `json:"payload,omitempty"`
	// ResourcesID names the app's push profile; empty means a plain alert.
	ResourcesID string `json:"resourcesID,omitempty"`
	// ThreadID groups notifications on iOS; other vendors ignore it.
	ThreadID string `json:"threadID,omitempty"`
	// Image is the https URL of a picture beside the text, where the vendor shows one.
	Image string `json:"image,omitempty"`
	// BadgeIncrement raises the number on the app's icon; 0 leaves it. At most MaxBadgeIncrement.
	BadgeIncrement int32 `json:"badgeIncrement,omitempty"`
	// VoIP is what CallKit shows for a VoIP push; nil elsewhere.
	VoIP *VoIP `json:"voIP,omitempty"`
	// Template fills in a private-message template of OPPO or Xiaomi; nil means none.
	Template *Template `json:"template,omitempty"`
	// Mode says how the receivers' rules count; empty means that they do.
	Mode PushMode `json:"mode,omitempty"`
}

// PushMode says how the receivers' rules count for a push.
type PushMode string

// The modes of a push.
const (
	// PushForce pushes despite do-not-disturb, quiet hours and platform rules. Switches that a user turned off, and a
	// message that the device has received, still suppress it.
	PushForce PushMode = "Force"
	// PushNever keeps the push with the message, for an app that shows it by itself, and sends none to vendors.
	PushNever PushMode = "Never"
)

// MaxBadgeIncrement is the largest step of a badge (ZIM server API, MessageBody).
const MaxBadgeIncrement = 99

// MaxBadge is the largest number on an app's icon.
const MaxBadge = 99999

// VoIP describes a call to CallKit (ZIM's voIPConfig).
type VoIP struct {
	// HandleType is Generic, PhoneNumber or EmailAddress.
	HandleType  string `json:"handleType"`
	HandleValue string `json:"handleValue"`
	HasVideo    bool   `json:"hasVideo,omitempty"`
}

// Template fills in an approved private-message template (ZIM's privateMessageTemplate).
type Template struct {
	// ID is OPPO's template; empty means that of the push profile. Xiaomi's is the push profile's always.
	ID string `json:"id,omitempty"`
	// TitleParameters and ContentParameters are JSON objects of texts, by the names in the template; Xiaomi gets both as one.
	TitleParameters   string `json:"titleParameters,omitempty"`
	ContentParameters string `json:"contentParameters,omitempty"`
}
