package client_test

import (
	"testing"

	"github.com/offlinepush/operator/dispatcher/client"
	"github.com/offlinepush/operator/dispatcher/ingress/planetest"
	"github.com/offlinepush/operator/dispatcher/wire"
)

func TestErase(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	phone, server := both(t, bed)
	ctx := t.Context()
	if _, err := phone.Bind(ctx, bed.UserToken(t, "bob")); err != nil {
		t.Fatal(err)
	}
	sent, err := server.Send(ctx, wire.SendMessage{ClientID: "c", From: "bob", To: []string{"ann", "bob"}, Body: "secret"})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // Once more of who is gone already.
		if done, err := server.Erase(ctx, "bob"); err != nil || !done {
			t.Fatal(done, err)
		}
	}
	if devices, err := server.Devices(ctx, "bob"); err != nil || len(devices) != 0 {
		t.Errorf("devices: %v, %v", devices, err)
	}
	if err := phone.SetToken(ctx, "another token"); client.CodeOf(err) != wire.CodeNotFound {
		t.Errorf("the phone: %v", err)
	}
	if m, err := bed.Store.Message(ctx, sent.MessageID); err != nil || m.Body != "" || m.Sender != "" || !m.Recalled {
		t.Errorf("what bob sent: %+v, %v", m, err)
	}
	again, err := server.Send(ctx, wire.SendMessage{ClientID: "c2", From: "ann", To: []string{"bob"}, Body: "welcome back"})
	if err != nil || again.Recipients[0].Seq != 1 {
		t.Errorf("a message to the new bob: %+v, %v", again, err)
	}
	if _, err := server.Erase(ctx, "a\nb"); client.CodeOf(err) != wire.CodeInvalidRequest {
		t.Errorf("an id that nobody can have: %v", err)
	}
}
