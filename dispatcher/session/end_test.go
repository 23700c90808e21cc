package session_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/ingress/planetest"
	"github.com/offlinepush/operator/dispatcher/session"
	"github.com/offlinepush/operator/dispatcher/wire"
)

func TestOneSessionPerDevice(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	c, _ := bed.Phone(t, "FCM", "bob")
	other, _ := bed.Phone(t, "Xiaomi", "bob")
	first, second, third := dial(t, bed), dial(t, bed), dial(t, bed)
	first.login(bed, c, "bob")
	third.login(bed, other, "bob")
	first.ping()
	second.login(bed, c, "bob")
	if f := first.next(wire.FrameKicked); f.Reason != wire.KickedReplaced {
		t.Errorf("reason %q", f.Reason)
	}
	first.closes(websocket.StatusPolicyViolation, wire.KickedReplaced)
	post(t, bed, "bob", 1)
	second.next(wire.FrameMessage)
	third.next(wire.FrameMessage)
	if n := testutil.ToFloat64(bed.Sessions); n != 2 {
		waitFor(t, func() bool { return testutil.ToFloat64(bed.Sessions) == 2 })
	}
}

func TestChangesOfTheBindingEndTheSession(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, reason string
		change       func(ctx context.Context, bed *planetest.Bed, device int64) error
	}{
		{"logout", wire.KickedLoggedOut, func(ctx context.Context, bed *planetest.Bed, device int64) error {
			return bed.Bindings.Logout(ctx, device)
		}},
		{"unregister", wire.KickedUnregistered, func(ctx context.Context, bed *planetest.Bed, device int64) error {
			return bed.Bindings.Unregister(ctx, device)
		}},
		{"takeover", wire.KickedRebound, func(ctx context.Context, bed *planetest.Bed, device int64) error {
			_, err := bed.Bindings.Bind(ctx, device, "eve")
			return err
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			bed := planetest.New(t)
			c, d := bed.Phone(t, "FCM", "bob")
			p := dial(t, bed)
			p.login(bed, c, "bob")
			p.ping()
			if err := tt.change(t.Context(), bed, d.Key); err != nil {
				t.Fatal(err)
			}
			post(t, bed, "bob", 1) // It must not reach the phone.
			if f := p.next(wire.FrameKicked); f.Reason != tt.reason {
				t.Errorf("reason %q, want %q", f.Reason, tt.reason)
			}
			p.closes(websocket.StatusPolicyViolation, tt.reason)
			waitFor(t, func() bool { return !bed.Online(t, "bob") })
		})
	}
}

func TestBadFramesCloseTheSession(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	c, _ := bed.Phone(t, "FCM", "bob")
	login := func(token, pushID, secret string) string {
		return fmt.Sprintf(`{"type":"login","token":%q,"pushID":%q,"deviceSecret":%q}`, token, pushID, secret)
	}
	good := bed.UserToken(t, "bob")
	tests := []struct {
		name   string
		logIn  bool
		frame  string
		code   websocket.StatusCode
		reason string
	}{
		{"no JSON", false, "hello", websocket.StatusUnsupportedData, "one JSON object"},
		{"ping first", false, `{"type":"ping"}`, websocket.StatusUnsupportedData, "first frame must be a login"},
		{"wrong token", false, login("wrong", c.PushID, c.DeviceSecret), websocket.StatusPolicyViolation, "user token is not valid"},
		{"unknown device", false, login(good, "nobody", c.DeviceSecret), websocket.StatusPolicyViolation, "no such device"},
		{"wrong secret", false, login(good, c.PushID, "wrong"), websocket.StatusPolicyViolation, "device secret is wrong"},
		{"too large", false, `"` + strings.Repeat("x", 17<<10) + `"`, websocket.StatusMessageTooBig, ""},
		{"second login", true, login(good, c.PushID, c.DeviceSecret), websocket.StatusUnsupportedData, "takes one login"},
		{"unknown type", true, `{"type":"gap"}`, websocket.StatusUnsupportedData, "known type"},
		{"ack ahead", true, `{"type":"ack","seq":1}`, websocket.StatusUnsupportedData, "ahead of what was sent"},
	}
	for _, tt := range tests { // One after the other: they are one device.
		p := dial(t, bed)
		if tt.logIn {
			p.login(bed, c, "bob")
		}
		p.raw(tt.frame)
		t.Log(tt.name)
		p.closes(tt.code, tt.reason)
	}
	binary := dial(t, bed)
	if err := binary.conn.Write(t.Context(), websocket.MessageBinary, []byte(`{"type":"ping"}`)); err != nil {
		t.Fatal(err)
	}
	binary.closes(websocket.StatusUnsupportedData, "one JSON object")
}

func TestSilenceIsOffline(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	bed.Configure(t, func(d *config.Document) { d.Routing.HeartbeatSeconds, d.Routing.OfflineAfterSeconds = 1, 2 })
	c, _ := bed.Phone(t, "FCM", "bob")
	p := dial(t, bed)
	if w := p.login(bed, c, "bob"); w.HeartbeatSeconds != 1 {
		t.Errorf("heartbeat %d", w.HeartbeatSeconds)
	}
	waitFor(t, func() bool { return !bed.Online(t, "bob") })
	if f, err := p.read(); err == nil {
		t.Errorf("the connection lives: %+v", f)
	}
}

func TestDrain(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	c, _ := bed.Phone(t, "FCM", "bob")
	p, guest := dial(t, bed), dial(t, bed)
	p.login(bed, c, "bob")
	p.ping()
	closed := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(t.Context(), 9*time.Second) // less than a login may take
		defer cancel()
		closed <- bed.Hub.Close(ctx)
	}()
	if f := p.next(wire.FrameKicked); f.Reason != wire.KickedDraining {
		t.Errorf("reason %q", f.Reason)
	}
	p.closes(websocket.StatusGoingAway, wire.KickedDraining)
	if f, err := guest.read(); err == nil {
		t.Errorf("a connection before its login lives: %+v", f)
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
	_, said, err := connect(t, bed, websocket.CompressionDisabled)
	if err == nil || said.status != 503 || said.header.Get("Retry-After") == "" {
		t.Errorf("a closed hub takes sessions: %v", err)
	}
}

func TestConnectionsAreBounded(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	bed.Device.Config.Handler = session.NewServer(session.Deps{
		Hub: session.NewHub(2, bed.Sessions), Places: bed.Places, Devices: bed.Bindings, Users: bed.Users, Store: bed.Store, Live: bed.Live,
		Log: slog.New(slog.DiscardHandler),
	})
	for range 2 { // Before the first one's time for a login is over.
		dial(t, bed)
	}
	_, said, err := connect(t, bed, websocket.CompressionDisabled)
	if err == nil || said.status != 503 {
		t.Errorf("one connection too many: %v", err)
	}
}
