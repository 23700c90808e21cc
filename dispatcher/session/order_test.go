package session_test

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"

	"github.com/coder/websocket"

	"github.com/offlinepush/operator/dispatcher/ingress/planetest"
	"github.com/offlinepush/operator/dispatcher/session"
	"github.com/offlinepush/operator/dispatcher/store/sqlite"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// sluggish holds up the first login before its session is in the hub.
type sluggish struct {
	*sqlite.Store
	logins  atomic.Int32
	bound   chan struct{} // closed when the first is bound
	proceed chan struct{}
}

func (s *sluggish) Cursor(ctx context.Context, device int64, userID string) (int64, error) {
	cursor, err := s.Store.Cursor(ctx, device, userID)
	if s.logins.Add(1) == 1 {
		close(s.bound)
		<-s.proceed
	}
	return cursor, err
}

// TestLaterLoginStays: a login that takes its time does not end the session of
// a later login of the same phone.
func TestLaterLoginStays(t *testing.T) {
	t.Parallel()
	for _, user := range []string{"bob", "eve"} {
		t.Run(user, func(t *testing.T) {
			t.Parallel()
			bed := planetest.New(t)
			c, _ := bed.Phone(t, "FCM", "bob")
			slow := &sluggish{Store: bed.Store, bound: make(chan struct{}), proceed: make(chan struct{})}
			bed.Device.Config.Handler = session.NewServer(session.Deps{
				Hub: bed.Hub, Places: bed.Places, Devices: bed.Bindings, Users: bed.Users, Store: slow, Live: bed.Live, Log: slog.New(slog.DiscardHandler),
			})
			older := dial(t, bed)
			older.send(wire.ClientFrame{Type: wire.FrameLogin, Token: bed.UserToken(t, "bob"), PushID: c.PushID, DeviceSecret: c.DeviceSecret})
			<-slow.bound
			newer := dial(t, bed)
			newer.login(bed, c, user)
			close(slow.proceed)
			older.closes(websocket.StatusPolicyViolation, "a later login")
			newer.ping()
		})
	}
}
