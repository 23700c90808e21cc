package client

import (
	"context"
	"net/http"

	"github.com/offlinepush/operator/dispatcher/wire"
)

// BeginCall invites users to a call; the same request may be sent again until there is an answer. Like all steps of
// calls it needs the token of the user to whom the device is bound.
func (d *Device) BeginCall(ctx context.Context, userToken string, b wire.BeginCall) (wire.Call, error) {
	var out wire.Call
	err := d.do(ctx, d.call(http.MethodPost, "/calls", userToken, b), &out)
	return out, err
}

// InviteToCall invites more users to a call.
func (d *Device) InviteToCall(ctx context.Context, userToken, callID string, i wire.CallInvitation) (wire.Call, error) {
	return d.callStep(ctx, userToken, callPath(callID, "/invite"), i)
}

// AcceptCall accepts a call on this device; the user's other devices cannot accept it then.
func (d *Device) AcceptCall(ctx context.Context, userToken, callID string) (wire.Call, error) {
	return d.callStep(ctx, userToken, callPath(callID, "/accept"), nil)
}

// RejectCall rejects a call.
func (d *Device) RejectCall(ctx context.Context, userToken, callID string) (wire.Call, error) {
	return d.callStep(ctx, userToken, callPath(callID, "/reject"), nil)
}

// CancelCall takes invitations back that are not answered.
func (d *Device) CancelCall(ctx context.Context, userToken, callID string, c wire.CallCancellation) (wire.Call, error) {
	return d.callStep(ctx, userToken, callPath(callID, "/cancel"), c)
}

// QuitCall leaves a call.
func (d *Device) QuitCall(ctx context.Context, userToken, callID string, l wire.CallLeaving) (wire.Call, error) {
	return d.callStep(ctx, userToken, callPath(callID, "/quit"), l)
}

// EndCall ends a call for everybody.
func (d *Device) EndCall(ctx context.Context, userToken, callID string, l wire.CallLeaving) (wire.Call, error) {
	return d.callStep(ctx, userToken, callPath(callID, "/end"), l)
}

func (d *Device) callStep(ctx context.Context, userToken, path string, body any) (wire.Call, error) {
	var out wire.Call
	err := d.do(ctx, d.call(http.MethodPost, path, userToken, body), &out)
	return out, err
}
