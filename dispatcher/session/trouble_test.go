package session_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"

	"github.com/coder/websocket"

	"github.com/offlinepush/operator/dispatcher/ingress/planetest"
	"github.com/offlinepush/operator/dispatcher/session"
	"github.com/offlinepush/operator/dispatcher/store/sqlite"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// failing is a store that answers as a test wants it.
type failing struct {
	*sqlite.Store
	cursor error
	ack    func() error
}

func (f *failing) Cursor(ctx context.Context, device int64, userID string) (int64, error) {
	if f.cursor != nil {
		return 0, f.cursor
	}
	return f.Store.Cursor(ctx, device, userID)
}

func (f *failing) Ack(ctx context.Context, device int64, userID string, seq int64) error {
	if err := f.ack(); err != nil {
		return err
	}
	return f.Store.Ack(ctx, device, userID, seq)
}

// serveWith lets the bed's sessions use another store.
func serveWith(bed *planetest.Bed, s session.Store) {
	bed.Device.Config.Handler = session.NewServer(session.Deps{
		Hub: bed.Hub, Places: bed.Places, Devices: bed.Bindings, Users: bed.Users, Store: s, Live: bed.Live, Log: slog.New(slog.DiscardHandler),
	})
}

// TestAStoreThatTakesTooLongRefusesNobody: a phone that is refused gives its login up.
func TestAStoreThatTakesTooLongRefusesNobody(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	c, _ := bed.Phone(t, "FCM", "bob")
	serveWith(bed, &failing{Store: bed.Store, cursor: fmt.Errorf("committing: %w", context.DeadlineExceeded)})
	p := dial(t, bed)
	p.send(wire.ClientFrame{Type: wire.FrameLogin, Token: bed.UserToken(t, "bob"), PushID: c.PushID, DeviceSecret: c.DeviceSecret})
	p.closes(websocket.StatusTryAgainLater, "trouble")
}

// TestAnAcknowledgementThatTheStoreDidNotTake: a pong says that it is stored.
func TestAnAcknowledgementThatTheStoreDidNotTake(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	c, d := bed.Phone(t, "FCM", "bob")
	left := atomic.Int64{}
	serveWith(bed, &failing{Store: bed.Store, ack: func() error {
		if left.Add(-1) >= 0 {
			return errors.New("the database fails over")
		}
		return nil
	}})
	post(t, bed, "bob", 2)
	p := dial(t, bed)
	p.login(bed, c, "bob")
	p.next(wire.FrameMessage)
	p.next(wire.FrameMessage)
	left.Store(1)
	p.send(wire.ClientFrame{Type: wire.FrameAck, Seq: 1})
	p.ping()
	if acked, err := bed.Store.Cursor(t.Context(), d.Key, "bob"); err != nil || acked != 1 {
		t.Errorf("the cursor is at %d, %v", acked, err)
	}
	left.Store(2)
	p.send(wire.ClientFrame{Type: wire.FrameAck, Seq: 2})
	p.send(wire.ClientFrame{Type: wire.FramePing})
	p.closes(websocket.StatusTryAgainLater, "trouble")
}
