package client

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/offlinepush/operator/dispatcher/wire"
)

// PushConfig says which vendors' clients the app brings.
type PushConfig struct {
	// AppType tells several credential sets of one vendor apart, 1 to 9; 0 counts as 1.
	AppType int32
	// Vendors are tried in their order until one works on the phone. With FCM only FCM is used, as in ZPNs.
	Vendors []VendorConfig
}

// VendorConfig is what one vendor's client needs on the phone.
type VendorConfig interface {
	// Vendor is the vendor's name in the API.
	Vendor() string
	// scope picks the vendor's channel row beside the appType.
	scope() (region, environment string)
	// needs are the values without which the client does not work, by their names.
	needs() map[string]string
}

// FCMConfig needs nothing: google-services.json is part of the app.
type FCMConfig struct{}

// XiaomiConfig is what MiPushClient.registerPush takes, and the phone's region; empty counts as China.
type XiaomiConfig struct{ AppID, AppKey, Region string }

// HuaweiConfig is what HmsInstanceId.getToken takes.
type HuaweiConfig struct{ AppID string }

// HarmonyOSConfig needs nothing: the client id is in module.json5.
type HarmonyOSConfig struct{}

// OPPOConfig is what HeytapPushManager.register takes, and the phone's region; empty lets the token tell.
type OPPOConfig struct{ AppKey, AppSecret, Region string }

// VivoConfig is what AndroidManifest.xml tells PushClient.
type VivoConfig struct{ AppID, AppKey string }

// HonorConfig is what AndroidManifest.xml tells HonorPushClient.
type HonorConfig struct{ AppID string }

// MeizuConfig is what PushManager.register takes, and the phone's region; empty counts as China.
type MeizuConfig struct{ AppID, AppKey, Region string }

// APNsConfig says of which environment the app's tokens are, Production or Sandbox; empty counts as Production. VoIP asks
// PushKit for a token for calls as well.
type APNsConfig struct {
	Environment string
	VoIP        bool
}

// WebPushConfig is what pushManager.subscribe takes: the channel's public VAPID key.
type WebPushConfig struct{ ApplicationServerKey string }

// Vendor implements VendorConfig.
func (FCMConfig) Vendor() string { return "FCM" }

// Vendor implements VendorConfig.
func (XiaomiConfig) Vendor() string { return "Xiaomi" }

// Vendor implements VendorConfig.
func (HuaweiConfig) Vendor() string { return "Huawei" }

// Vendor implements VendorConfig.
func (HarmonyOSConfig) Vendor() string { return "HarmonyOS" }

// Vendor implements VendorConfig.
func (OPPOConfig) Vendor() string { return "OPPO" }

// Vendor implements VendorConfig.
func (VivoConfig) Vendor() string { return "Vivo" }

// Vendor implements VendorConfig.
func (HonorConfig) Vendor() string { return "Honor" }

// Vendor implements VendorConfig.
func (MeizuConfig) Vendor() string { return "Meizu" }

// Vendor implements VendorConfig.
func (APNsConfig) Vendor() string { return "APNs" }

// Vendor implements VendorConfig.
func (WebPushConfig) Vendor() string { return "WebPush" }

func (FCMConfig) scope() (region, environment string)       { return "", "" }
func (c XiaomiConfig) scope() (region, environment string)  { return c.Region, "" }
func (HuaweiConfig) scope() (region, environment string)    { return "", "" }
func (HarmonyOSConfig) scope() (region, environment string) { return "", "" }
func (c OPPOConfig) scope() (region, environment string)    { return c.Region, "" }
func (VivoConfig) scope() (region, environment string)      { return "", "" }
func (HonorConfig) scope() (region, environment string)     { return "", "" }
func (c MeizuConfig) scope() (region, environment string)   { return c.Region, "" }
func (c APNsConfig) scope() (region, environment string)    { return "", c.Environment }
func (WebPushConfig) scope() (region, environment string)   { return "", "" }

func (FCMConfig) needs() map[string]string { return nil }
func (c XiaomiConfig) needs() map[string]string {
	return map[string]string{"appID": c.AppID, "appKey": c.AppKey}
}
func (c HuaweiConfig) needs() map[string]string  { return map[string]string{"appID": c.AppID} }
func (HarmonyOSConfig) needs() map[string]string { return nil }
func (c OPPOConfig) needs() map[string]string {
	return map[string]string{"appKey": c.AppKey, "appSecret": c.AppSecret}
}

func (c VivoConfig) needs() map[string]string {
	return map[string]string{"appID": c.AppID, "appKey": c.AppKey}
}
func (c HonorConfig) needs() map[string]string { return map[string]string{"appID": c.AppID} }
func (c MeizuConfig) needs() map[string]string {
	return map[string]string{"appID": c.AppID, "appKey": c.AppKey}
}
func (APNsConfig) needs() map[string]string { return nil }
func (c WebPushConfig) needs() map[string]string {
	return map[string]string{"applicationServerKey": c.ApplicationServerKey}
}

// check refuses what no vendor's client could work with.
func (c PushConfig) check() error {
	if len(c.Vendors) == 0 {
		return errors.New("push config: vendors: must name at least one")
	}
	if c.AppType < 0 || c.AppType > 9 {
		return fmt.Errorf("push config: appType: is %d, must be 1 to 9", c.AppType)
	}
	seen := map[string]bool{}
	for _, v := range c.Vendors {
		if seen[v.Vendor()] {
			return fmt.Errorf("push config: %s: must be there once", v.Vendor())
		}
		seen[v.Vendor()] = true
		for name, value := range v.needs() {
			if value == "" {
				return fmt.Errorf("push config: %s.%s: must be set", v.Vendor(), name)
			}
		}
	}
	return nil
}

// tried are the vendors that count.
func (c PushConfig) tried() []VendorConfig {
	if i := slices.IndexFunc(c.Vendors, func(v VendorConfig) bool { return v.Vendor() == "FCM" }); i >= 0 {
		return c.Vendors[i : i+1]
	}
	return c.Vendors
}

// registration is what a phone of the vendor tells about itself.
func (c PushConfig) registration(v VendorConfig, platform string, t Tokens) wire.RegisterDevice {
	region, environment := v.scope()
	return wire.RegisterDevice{
		Vendor: v.Vendor(), AppType: max(c.AppType, 1), Region: region, Environment: environment, Platform: platform,
		Token: t.Alert, VoIPToken: t.VoIP,
	}
}

// Tokens are what a vendor gave an installation.
type Tokens struct {
	Alert string
	// VoIP is PushKit's; empty elsewhere.
	VoIP string
}

// ErrOtherPhone is what a TokenSource says on the phone of another vendor.
var ErrOtherPhone = errors.New("the vendor's push service is not on this phone")

// TokenSource is a vendor's client on the phone.
type TokenSource interface {
	// Tokens asks the vendor for the installation's tokens. ErrOtherPhone lets the next vendor try.
	Tokens(ctx context.Context, c VendorConfig) (Tokens, error)
}
