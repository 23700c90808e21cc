package session_test

import (
	"context"
	"log/slog"
	"testing"

	"github.com/coder/websocket"

	"github.com/offlinepush/operator/dispatcher/ingress/planetest"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/session"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// heard gives events as they come.
type heard chan string

func (h heard) Login(d message.Device)   { h <- "login " + d.UserID + " " + d.PushID }
func (h heard) Offline(d message.Device) { h <- "offline " + d.UserID + " " + d.PushID }

func (h heard) next(t *testing.T, want string) {
	t.Helper()
	select {
	case got := <-h:
		if got != want {
			t.Errorf("heard %q, want %q", got, want)
		}
	case <-t.Context().Done():
	}
}

// TestSessionsAreTold: opened, and broken; not replaced, ended or drained.
func TestSessionsAreTold(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	events := make(heard, 10)
	bed.Device.Config.Handler = session.NewServer(session.Deps{
		Hub: bed.Hub, Places: bed.Places, Devices: bed.Bindings, Users: bed.Users, Store: bed.Store, Live: bed.Live,
		Events: events, Log: slog.New(slog.DiscardHandler),
	})
	c, d := bed.Phone(t, "FCM", "bob")
	login, offline := "login bob "+c.PushID, "offline bob "+c.PushID
	first := dial(t, bed)
	first.login(bed, c, "bob")
	events.next(t, login)
	second := dial(t, bed)
	second.login(bed, c, "bob")
	first.next(wire.FrameKicked)
	events.next(t, login)
	_ = second.conn.CloseNow()
	events.next(t, offline)

	third := dial(t, bed)
	third.login(bed, c, "bob")
	events.next(t, login)
	third.send(wire.ClientFrame{Type: wire.FrameLogout})
	third.next(wire.FrameLoggedOut)
	third.closes(websocket.StatusNormalClosure, "")
	if _, err := bed.Bindings.Bind(t.Context(), d.Key, "bob"); err != nil {
		t.Fatal(err)
	}
	fourth := dial(t, bed)
	fourth.login(bed, c, "bob")
	events.next(t, login)
	closed := make(chan error, 1)
	go func() { closed <- bed.Hub.Close(context.WithoutCancel(t.Context())) }()
	fourth.next(wire.FrameKicked)
	fourth.closes(websocket.StatusGoingAway, "")
	if err := <-closed; err != nil {
		t.Error(err)
	}
	if len(events) > 0 {
		t.Errorf("heard %q", <-events)
	}
}
