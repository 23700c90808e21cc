package wire

import "time"

// RegisterDevice is what an installation tells about itself.
type RegisterDevice struct {
	Vendor      string `json:"vendor,omitempty" maxLength:"32" example:"Xiaomi" doc:"The vendor that the token is from, as in PushChannel. Without vendor and token the installation only has sessions, as on a desktop."`
	AppType     int32  `json:"appType,omitempty" minimum:"1" maximum:"9" default:"1" doc:"Tells several credential sets of one vendor apart."`
	Region      string `json:"region,omitempty" maxLength:"32" example:"China" doc:"The vendor's region of the device, where the vendor has regions."`
	Environment string `json:"environment,omitempty" maxLength:"32" doc:"The APNs environment of the token, Production without it; empty for other vendors."`
	Platform    string `json:"platform,omitempty" maxLength:"64" example:"Android" doc:"Such as Android, iPhoneOS, iPadOS, HarmonyOS, Windows, macOS, Linux or Web; a user's rule can name it."`
	Token       string `json:"token,omitempty" maxLength:"4096" doc:"What the vendor's SDK gave; set it with vendor."`
	VoIPToken   string `json:"voipToken,omitempty" maxLength:"4096" doc:"What PushKit gave for calls; APNs only."`
}

// RegisteredDevice is shown once; the device keeps it.
type RegisteredDevice struct {
	PushID       string `json:"pushID" doc:"The stable id of this installation."`
	DeviceSecret string `json:"deviceSecret" doc:"Proves the installation from now on; it cannot be read again."`
}

// SetToken replaces one of the vendor's tokens.
type SetToken struct {
	Token string `json:"token" minLength:"1" maxLength:"4096" doc:"What the vendor's SDK gave."`
	Kind  string `json:"kind,omitempty" enum:"alert,voip" default:"alert" doc:"What the token is for; voip is for APNs only."`
}

// SetBadge tells the number on the app's icon.
type SetBadge struct {
	Badge int32 `json:"badge" minimum:"0" maximum:"99999" doc:"The number; 0 shows none."`
}

// BindDevice binds a device to a user, on the server plane.
type BindDevice struct {
	UserID string `json:"userID" minLength:"1" maxLength:"64" doc:"The user, 1 to 64 bytes."`
}

// Binding tells to whom a device is bound.
type Binding struct {
	PushID string `json:"pushID"`
	UserID string `json:"userID"`
}

// Devices is a page of the devices of a user.
type Devices struct {
	UserID  string   `json:"userID"`
	Devices []Device `json:"devices" nullable:"false"`
	More
}

// Device is a device as the app's servers see it.
type Device struct {
	PushID       string    `json:"pushID"`
	Vendor       string    `json:"vendor"`
	AppType      int32     `json:"appType"`
	Region       string    `json:"region,omitempty"`
	Environment  string    `json:"environment,omitempty"`
	Platform     string    `json:"platform,omitempty"`
	Online       bool      `json:"online" doc:"Whether the device has a session now."`
	RegisteredAt time.Time `json:"registeredAt"`
}
