package session_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/coder/websocket"

	"github.com/offlinepush/operator/dispatcher/accept"
	"github.com/offlinepush/operator/dispatcher/binding"
	"github.com/offlinepush/operator/dispatcher/ingress/planetest"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/session"
	"github.com/offlinepush/operator/dispatcher/store/sqlite"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// TestUsersSwitchOnOnePhone lets two users log in on one phone all the time
// while messages come for both: no session shows a message of another user, and
// every user reads the inbox without a hole.
func TestUsersSwitchOnOnePhone(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	c, d := bed.Phone(t, "FCM", "")
	var enough atomic.Bool
	var senders sync.WaitGroup
	for _, user := range []string{"bob", "eve"} {
		senders.Go(func() {
			for i := 0; !enough.Load(); i++ {
				r := accept.Request{ClientID: fmt.Sprint(user, i), From: "alice", To: []string{user}, Body: "for " + user}
				if err := bed.Acceptor.Accept(t.Context(), []accept.Request{r})[0].Err; err != nil {
					t.Error(err)
				}
			}
		})
	}
	var phones sync.WaitGroup
	for i := range 6 {
		user := []string{"bob", "eve"}[i%2]
		phones.Go(func() {
			for range 10 {
				readAWhile(t, bed, c, user)
			}
		})
	}
	phones.Wait()
	enough.Store(true)
	senders.Wait()
	now, err := bed.Bindings.Find(t.Context(), c.PushID)
	if err != nil || now.Epoch <= d.Epoch {
		t.Errorf("nobody took over: %+v, %v", now, err)
	}
}

func readAWhile(t *testing.T, bed *planetest.Bed, c binding.Credentials, user string) {
	t.Helper()
	p := dial(t, bed)
	p.send(wire.ClientFrame{Type: wire.FrameLogin, Token: bed.UserToken(t, user), PushID: c.PushID, DeviceSecret: c.DeviceSecret})
	var last int64
	for range 10 {
		f, err := p.read()
		switch {
		case err != nil || f.Type == wire.FrameKicked:
			return
		case f.Type == wire.FrameWelcome:
			last = f.Cursor
		case f.Type == wire.FrameMessage:
			if f.Body != "for "+user || f.Seq != last+1 {
				t.Errorf("%s got %q at %d after %d", user, f.Body, f.Seq, last)
			}
			last = f.Seq
		}
	}
	_ = p.conn.CloseNow()
}

// hasty lets another user take the device over between a login's binding and
// its entry into the hub, where the takeover finds no session to end.
type hasty struct {
	*binding.Service
	*sqlite.Store
	// after is the last step of the login before the takeover.
	after string
}

func (h hasty) Bind(ctx context.Context, device int64, userID string) (message.Device, error) {
	bound, err := h.Service.Bind(ctx, device, userID)
	return bound, errors.Join(err, h.takeOver(ctx, "Bind", device))
}

func (h hasty) Describe(ctx context.Context, d message.Device, platform, name string) error {
	return h.Service.Describe(ctx, d, platform, name)
}

func (h hasty) Cursor(ctx context.Context, device int64, userID string) (int64, error) {
	cursor, err := h.Store.Cursor(ctx, device, userID)
	return cursor, errors.Join(err, h.takeOver(ctx, "Cursor", device))
}

func (h hasty) takeOver(ctx context.Context, step string, device int64) error {
	if step != h.after {
		return nil
	}
	_, err := h.Service.Bind(ctx, device, "eve")
	return err
}

func TestTakeoverDuringTheLogin(t *testing.T) {
	t.Parallel()
	for _, step := range []string{"Bind", "Cursor"} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			bed := planetest.New(t)
			c, _ := bed.Phone(t, "FCM", "bob")
			h := hasty{Service: bed.Bindings, Store: bed.Store, after: step}
			bed.Device.Config.Handler = session.NewServer(session.Deps{
				Hub: bed.Hub, Places: bed.Places, Devices: h, Users: bed.Users, Store: h, Live: bed.Live, Log: slog.New(slog.DiscardHandler),
			})
			post(t, bed, "bob", 1)
			p := dial(t, bed)
			p.send(wire.ClientFrame{Type: wire.FrameLogin, Token: bed.UserToken(t, "bob"), PushID: c.PushID, DeviceSecret: c.DeviceSecret})
			p.closes(websocket.StatusPolicyViolation, "somebody else")
			waitFor(t, func() bool { return !bed.Online(t, "bob") })
		})
	}
}
