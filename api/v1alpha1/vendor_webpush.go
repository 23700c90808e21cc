package v1alpha1

// WebPushPrivateKeyKey is the key of a channel's Secret that holds the VAPID private key.
const WebPushPrivateKeyKey = "vapidPrivateKey"

// WebPushChannel is what Web Push needs beside the VAPID private key.
type WebPushChannel struct {
	// subject is where push services find the sender when something is wrong: a `mailto:` or `https:` address. Example:
	// `mailto:push@example.com`.
	// +kubebuilder:validation:MinLength=8
	// +kubebuilder:validation:MaxLength=255
	// +kubebuilder:validation:XValidation:rule="self.startsWith('mailto:') || self.startsWith('https://')",message="`subject` must start with 'mailto:' or 'https://'"
	// +required
	Subject string `json:"subject,omitempty"`

	// publicKey is the key that browsers subscribe with (applicationServerKey), in base64url. When unset, it follows from the
	// private key; when set, it must be the one of the private key, which guards against a key that no browser knows.
	// +kubebuilder:validation:MinLength=87
	// +kubebuilder:validation:MaxLength=88
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9_-]+=?$`
	// +optional
	PublicKey string `json:"publicKey,omitempty"`

	// allowedHosts lists the push services that subscriptions may name, because their addresses come from browsers; `*.` at
	// the beginning stands for every host below. At most 32. Defaults to the services of Chrome, Firefox, Safari and Edge:
	// fcm.googleapis.com, updates.push.services.mozilla.com, web.push.apple.com, *.push.apple.com, *.notify.windows.com.
	// +kubebuilder:default={"fcm.googleapis.com","updates.push.services.mozilla.com","web.push.apple.com","*.push.apple.com","*.notify.windows.com"}
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	// +optional
	AllowedHosts []HostPattern `json:"allowedHosts,omitempty"`
}

// HostPattern is a host name, or `*.` and a domain for every host below it.
//
// +kubebuilder:validation:MinLength=3
// +kubebuilder:validation:MaxLength=253
// +kubebuilder:validation:Pattern=`^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)+$`
type HostPattern string

// WebPushUrgency says how much a push may cost a sleeping device.
//
// +k8s:enum
type WebPushUrgency string

const (
	// WebPushUrgencyVeryLow waits for power and Wi-Fi.
	WebPushUrgencyVeryLow WebPushUrgency = "VeryLow"
	// WebPushUrgencyLow waits for power or Wi-Fi.
	WebPushUrgencyLow WebPushUrgency = "Low"
	// WebPushUrgencyNormal waits for neither.
	WebPushUrgencyNormal WebPushUrgency = "Normal"
	// WebPushUrgencyHigh comes also with a low battery.
	WebPushUrgencyHigh WebPushUrgency = "High"
)

// WebPushProfile is how a push looks in browsers.
type WebPushProfile struct {
	// urgency is VeryLow (waits for power and Wi-Fi), Low (for either), Normal or High (also with a low battery). Defaults to
	// Normal. Calls are always High.
	// +kubebuilder:default=Normal
	// +optional
	Urgency WebPushUrgency `json:"urgency,omitempty"`

	// icon is the https URL of the icon that the app's service worker shows. When unset, the service worker's own.
	// +optional
	Icon PageURL `json:"icon,omitempty"`

	// clickURL is the https URL that the app's service worker opens on a tap. When unset, the app's own.
	// +optional
	ClickURL PageURL `json:"clickURL,omitempty"`
}
