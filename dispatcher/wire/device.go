package wire

import "time"

// RegisterDevice is what an installation tells about itself.
type RegisterDevice struct {
	Vendor      string `json:"vendor,omitempty" maxLength:"32" example:"Xiaomi" doc:"The vendor that the token is from, as in PushChannel. Without vendor and token the installation only has sessions, as on a desktop."`
	AppType     int32  `json:"appType,omitempty" minimum:"1" maximum:"9" default:"1" doc:"Tells several credential sets of one vendor apart, as appType of the app's channel does. 1 without it."`
	Region      string `json:"region,omitempty" maxLength:"32" example:"China" doc:"The vendor's region of the device, for vendors that have regions. Without it the vendor's usual region counts."`
	Environment string `json:"environment,omitempty" maxLength:"32" doc:"The APNs environment of the token, Production without it; empty for other vendors."`
	Platform    string `json:"platform,omitempty" maxLength:"64" example:"Android" doc:"Such as Android, iPhoneOS, iPadOS, HarmonyOS, Windows, macOS, Linux or Web; a user's push rule can name it. Without it no platform rule fits the device."`
	Token       string `json:"token,omitempty" maxLength:"4096" doc:"What the vendor's SDK gave. Set it together with vendor."`
	VoIPToken   string `json:"voipToken,omitempty" maxLength:"4096" doc:"What PushKit gave for calls; for APNs only. Without it no VoIP push reaches the device."`
}

// RegisteredDevice is shown once; the device keeps it.
type RegisteredDevice struct {
	PushID       string `json:"pushID" doc:"The stable id of this installation."`
	DeviceSecret string `json:"deviceSecret" doc:"Proves the installation from now on; it cannot be read again."`
}

// SetToken replaces one of the vendor's tokens.
type SetToken struct {
	Token string `json:"token" minLength:"1" maxLength:"4096" doc:"What the vendor's SDK gave."`
	Kind  string `json:"kind,omitempty" enum:"alert,voip" default:"alert" doc:"What the token is for; voip is for APNs only. alert without it."`
}

// SetBadge tells the number on the app's icon.
type SetBadge struct {
	Badge int32 `json:"badge" minimum:"0" maximum:"99999" doc:"The number that the icon shows; 0 shows none."`
}

// BindDevice binds a device to a user, on the server plane.
type BindDevice struct {
	UserID string `json:"userID" minLength:"1" maxLength:"64" doc:"The user to whom the device belongs from now on, 1 to 64 bytes."`
}

// Binding tells to whom a device is bound.
type Binding struct {
	PushID string `json:"pushID" doc:"The device."`
	UserID string `json:"userID" doc:"The user to whom it is bound."`
}

// Devices is a page of the devices of a user.
type Devices struct {
	UserID  string   `json:"userID" doc:"The user of the request."`
	Devices []Device `json:"devices" nullable:"false" doc:"The devices that are bound to the user, in the order of their push ids; empty when there are none."`
	More
}

// Device is a device as the app's servers see it.
type Device struct {
	PushID       string    `json:"pushID" doc:"The stable id of the installation, from register-device."`
	Vendor       string    `json:"vendor" doc:"The vendor of its token, as in PushChannel; empty for a device that only has sessions."`
	AppType      int32     `json:"appType" doc:"The credential set of the vendor, as in registration."`
	Region       string    `json:"region,omitempty" doc:"The vendor's region; absent for vendors without regions."`
	Environment  string    `json:"environment,omitempty" doc:"The APNs environment of its token; absent for other vendors."`
	Platform     string    `json:"platform,omitempty" doc:"What the phone said that it runs; absent when it said nothing."`
	Online       bool      `json:"online" doc:"Whether the device has a session now."`
	RegisteredAt time.Time `json:"registeredAt" doc:"When it was registered."`
}
