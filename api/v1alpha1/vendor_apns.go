package v1alpha1

// Keys of the Secret of a channel with vendor APNs.
const (
	// APNsPrivateKeyKey holds the .p8 file of the signing key. Needed with teamID and keyID.
	APNsPrivateKeyKey = "key.p8"
	// APNsCertificateKey and APNsCertificateKeyKey hold the client certificate and its key as PEM, as in a Secret of type
	// kubernetes.io/tls. Needed without teamID and keyID.
	APNsCertificateKey = "tls.crt"
	// APNsCertificateKeyKey stands beside APNsCertificateKey.
	APNsCertificateKeyKey = "tls.key"
)

// APNsEnvironment is an environment of the Apple Push Notification service.
//
// +k8s:enum
type APNsEnvironment string

const (
	// APNsEnvironmentProduction is for apps from the App Store and TestFlight.
	APNsEnvironmentProduction APNsEnvironment = "Production"
	// APNsEnvironmentSandbox is for apps that run from Xcode.
	APNsEnvironmentSandbox APNsEnvironment = "Sandbox"
)

// APNsChannel is what the Apple Push Notification service needs beside the credentials.
//
// +kubebuilder:validation:XValidation:rule="has(self.teamID) == has(self.keyID)",message="`teamID` and `keyID` must be set together, for a signing key; without both, the Secret holds a certificate"
type APNsChannel struct {
	// bundleID is the app's bundle id, the topic of its pushes. A certificate must be for it. Example: `com.example.chat`.
	// +kubebuilder:validation:MinLength=3
	// +kubebuilder:validation:MaxLength=155
	// +kubebuilder:validation:Pattern=`^[a-zA-Z0-9-]+(\.[a-zA-Z0-9-]+)+$`
	// +required
	BundleID string `json:"bundleID,omitempty"`

	// environment is Production (App Store and TestFlight) or Sandbox (apps that run from Xcode); a phone's registration says
	// to which it belongs. An app that serves both has two channels, with the same Secret if the key is for both. Defaults to
	// Production.
	// +kubebuilder:default=Production
	// +optional
	Environment APNsEnvironment `json:"environment,omitempty"`

	// teamID is the ten characters of the developer team. With keyID, the Secret holds a signing key under `key.p8`; without,
	// it holds a certificate under `tls.crt` and `tls.key`.
	// +optional
	TeamID APNsID `json:"teamID,omitempty"`

	// keyID is the ten characters of the signing key.
	// +optional
	KeyID APNsID `json:"keyID,omitempty"`
}

// APNsID is an id of Apple's developer portal.
//
// +kubebuilder:validation:MinLength=10
// +kubebuilder:validation:MaxLength=10
// +kubebuilder:validation:Pattern=`^[A-Z0-9]+$`
type APNsID string

// APNsPushType says what a push does on the phone.
//
// +k8s:enum
type APNsPushType string

const (
	// APNsPushTypeAlert shows an alert.
	APNsPushTypeAlert APNsPushType = "Alert"
	// APNsPushTypeBackground wakes the app without showing anything.
	APNsPushTypeBackground APNsPushType = "Background"
	// APNsPushTypeVoIP announces a call to PushKit.
	APNsPushTypeVoIP APNsPushType = "VoIP"
)

// APNsInterruptionLevel says how far an alert may interrupt.
//
// +k8s:enum
type APNsInterruptionLevel string

const (
	// APNsInterruptionLevelPassive adds to the list only.
	APNsInterruptionLevelPassive APNsInterruptionLevel = "Passive"
	// APNsInterruptionLevelActive lights up the screen and plays the sound.
	APNsInterruptionLevelActive APNsInterruptionLevel = "Active"
	// APNsInterruptionLevelTimeSensitive passes the Focus if the app may.
	APNsInterruptionLevelTimeSensitive APNsInterruptionLevel = "TimeSensitive"
	// APNsInterruptionLevelCritical passes the mute switch if Apple lets the app.
	APNsInterruptionLevelCritical APNsInterruptionLevel = "Critical"
)

// APNsProfile is how a push looks on iOS devices.
//
// +kubebuilder:validation:XValidation:rule="self.pushType == 'Alert' || (!has(self.sound) && !has(self.category) && !has(self.mutableContent) && !has(self.interruptionLevel))",message="`sound`, `category`, `mutableContent` and `interruptionLevel` must be unset unless `pushType` is 'Alert': nothing is shown otherwise"
type APNsProfile struct {
	// pushType is Alert (shown by the system), Background (wakes the app, at Apple's discretion) or VoIP (announces a call to
	// PushKit, through the device's VoIP token). Defaults to Alert.
	// +kubebuilder:default=Alert
	// +optional
	PushType APNsPushType `json:"pushType,omitempty"`

	// sound is the file of a sound in the app's bundle, with its suffix caf, aiff or wav, shorter than 30 s. When unset, the
	// default sound. Example: `ding.caf`.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +optional
	Sound string `json:"sound,omitempty"`

	// mutableContent lets the app's Notification Service Extension change the notification before it is shown. Defaults to
	// false; a push with an image always has it.
	// +optional
	MutableContent *bool `json:"mutableContent,omitempty"`

	// category names the actions that the app registered for the notification. When unset, there are none.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +optional
	Category string `json:"category,omitempty"`

	// interruptionLevel is Passive (list only), Active (screen and sound), TimeSensitive (passes the Focus if the app may) or
	// Critical (passes the mute switch if Apple lets the app). When unset, iOS takes Active.
	// +optional
	InterruptionLevel APNsInterruptionLevel `json:"interruptionLevel,omitempty"`
}
