package client

import (
	"context"
	"net/http"

	"github.com/offlinepush/operator/dispatcher/wire"
)

// Device is one installation of the app on a phone. It is safe for concurrent use.
type Device struct {
	caller
	// Credentials are what the installation keeps.
	Credentials wire.RegisteredDevice
}

// Register registers an installation at the device plane with a registration
// key; a nil client means the default one.
func Register(ctx context.Context, baseURL, registrationKey string, d wire.RegisterDevice, c *http.Client) (*Device, error) {
	out := &Device{caller: newCaller(baseURL, c)}
	r := call{method: http.MethodPost, path: "/v1/devices", bearer: registrationKey, body: d}
	if err := out.do(ctx, r, &out.Credentials); err != nil {
		return nil, err
	}
	return out, nil
}

// Restore is a Device that was registered before.
func Restore(baseURL string, credentials wire.RegisteredDevice, c *http.Client) *Device {
	return &Device{caller: newCaller(baseURL, c), Credentials: credentials}
}

func (d *Device) call(method, rest, userToken string, body any) call {
	return call{
		method: method, path: devicePath(d.Credentials.PushID, rest), bearer: userToken,
		secret: d.Credentials.DeviceSecret, body: body,
	}
}

// SetToken replaces the vendor's ordinary token.
func (d *Device) SetToken(ctx context.Context, token string) error {
	return d.do(ctx, d.call(http.MethodPut, "/token", "", wire.SetToken{Token: token}), nil)
}

// SetVoIPToken replaces PushKit's token for calls.
func (d *Device) SetVoIPToken(ctx context.Context, token string) error {
	return d.do(ctx, d.call(http.MethodPut, "/token", "", wire.SetToken{Token: token, Kind: "voip"}), nil)
}

// SetBadge tells the number on the app's icon, from which pushes count on.
func (d *Device) SetBadge(ctx context.Context, badge int32) error {
	return d.do(ctx, d.call(http.MethodPut, "/badge", "", wire.SetBadge{Badge: badge}), nil)
}

// Bind binds the device to the user of the token, and gives the user id.
func (d *Device) Bind(ctx context.Context, userToken string) (string, error) {
	var out wire.Binding
	err := d.do(ctx, d.call(http.MethodPut, "/binding", userToken, nil), &out)
	return out.UserID, err
}

// Logout unbinds the device. After it nothing is pushed for the user any more.
func (d *Device) Logout(ctx context.Context) error {
	return d.do(ctx, d.call(http.MethodDelete, "/binding", "", nil), nil)
}

// Unregister deletes the device.
func (d *Device) Unregister(ctx context.Context) error {
	return d.do(ctx, d.call(http.MethodDelete, "", "", nil), nil)
}
