package session_test

import (
	"fmt"
	"testing"

	"github.com/coder/websocket"

	"github.com/offlinepush/operator/dispatcher/binding"
	"github.com/offlinepush/operator/dispatcher/ingress/planetest"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// TestOneDeviceTooMany: the device that logged in longest ago is told why it has to go, and gets nothing
// of the user any more.
func TestOneDeviceTooMany(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	phones := make([]*phone, store.MaxDevices+1)
	credentials := make([]binding.Credentials, len(phones))
	for i := range phones {
		c, err := bed.Bindings.Register(t.Context(), binding.Registration{
			Selector: message.Selector{Vendor: "FCM", AppType: 1}, Token: fmt.Sprint("token ", i),
		})
		if err != nil {
			t.Fatal(err)
		}
		credentials[i], phones[i] = c, dial(t, bed)
		phones[i].login(bed, c, "bob")
	}
	first := phones[0]
	if f := first.next(wire.FrameKicked); f.Reason != wire.KickedDeviceLimit {
		t.Errorf("reason %q", f.Reason)
	}
	first.closes(websocket.StatusPolicyViolation, wire.KickedDeviceLimit)
	d, err := bed.Bindings.Find(t.Context(), credentials[0].PushID)
	if err != nil || d.UserID != "" {
		t.Errorf("the device is %+v, %v", d, err)
	}
	if asked := bed.Fence.Asked(); asked[len(asked)-1].Device != d.Key || !asked[len(asked)-1].Evicted {
		t.Errorf("open vendor calls were waited for of %+v", asked)
	}
	post(t, bed, "bob", 1)
	for _, p := range phones[1:] {
		p.next(wire.FrameMessage)
	}
	if n := len(bed.Rows.All()[0].Targets); n != store.MaxDevices {
		t.Errorf("%d devices would be pushed", n)
	}
}
