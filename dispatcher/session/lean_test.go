package session_test

import (
	"net/http/httptest"
	"testing"

	"github.com/offlinepush/operator/dispatcher/ingress/planetest"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// TestLoginTogetherWithTheRequest: what came before the upgrade is not lost with the buffers of the request.
func TestLoginTogetherWithTheRequest(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	c, _ := bed.Phone(t, "FCM", "bob")
	plain := httptest.NewServer(bed.Device.Config.Handler)
	defer plain.Close()
	conn := bareLogin(t, plain.Listener.Addr().String(), wire.ClientFrame{
		Type: wire.FrameLogin, Token: bed.UserToken(t, "bob"), PushID: c.PushID, DeviceSecret: c.DeviceSecret,
	})
	if !bed.Online(t, "bob") {
		t.Error("the login was answered, and bob is not online")
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
}
