package session

import (
	"context"
	"fmt"
	"time"

	"github.com/coder/websocket"

	"github.com/offlinepush/operator/dispatcher/wire"
)

// How many frames that move nothing a device may send: pings, and acknowledgements of what it has
// acknowledged. Acknowledgements that say something new are as many as the messages, at most.
const (
	idleFramesPerSecond = 2
	idleFramesAtOnce    = 60
)

// receive reads the device's frames until the connection ends or the device falls silent.
func (v *Server) receive(ctx context.Context, s *session) error {
	for silence := v.silence(); ; {
		frame, err := read(ctx, s.conn, silence)
		if err == nil {
			err = v.handle(ctx, s, frame)
		}
		if err != nil {
			v.refuse(s.conn, err)
			return err
		}
		if frame.Type == wire.FramePing { // Its pong has told the pace of the configuration in force.
			silence = v.silence()
		}
	}
}

// silence is how long a connected device may say nothing.
func (v *Server) silence() time.Duration {
	doc, _ := v.deps.Live.Current()
	return time.Duration(doc.Routing.OfflineAfterSeconds) * time.Second
}

func (v *Server) handle(ctx context.Context, s *session, f wire.ClientFrame) error {
	switch f.Type {
	case wire.FramePing:
		return v.pong(ctx, s)
	case wire.FrameAck:
		return v.ack(ctx, s, f.Seq)
	case wire.FrameLogout:
		return v.logout(ctx, s)
	}
	return errSecondLogin
}

// pong answers after everything that came before is stored.
func (v *Server) pong(ctx context.Context, s *session) error {
	if !s.idle.Allow() {
		return errFlood
	}
	if err := s.acks.finish(v.storing(ctx, s)); err != nil {
		return err
	}
	doc, _ := v.deps.Live.Current()
	return s.send(ctx, wire.ServerFrame{Type: wire.FramePong, HeartbeatSeconds: doc.Routing.HeartbeatSeconds})
}

func (v *Server) ack(ctx context.Context, s *session, seq int64) error {
	if seq > s.inbox.sent.Load() {
		return errAckAhead
	}
	if !s.acks.add(seq, v.storing(ctx, s)) && !s.idle.Allow() {
		return errFlood
	}
	return nil
}

// storing stores an acknowledgement of the session.
func (v *Server) storing(ctx context.Context, s *session) func(seq int64) error {
	return func(seq int64) error {
		err := v.deps.Store.Ack(ctx, s.device, s.userID, seq)
		if err != nil {
			s.log.Warn("storing an acknowledgement", "error", err)
		}
		return err
	}
}

// logout unbinds the device, and tells it so once nothing of the user is sent any more. The pump leaves the
// connection open for that.
func (v *Server) logout(ctx context.Context, s *session) error {
	s.acks.wait()
	s.stop(endedByLogout)
	if err := v.deps.Devices.Logout(ctx, s.device); err != nil {
		return err
	}
	if err := s.send(ctx, wire.ServerFrame{Type: wire.FrameLoggedOut}); err != nil {
		return err
	}
	return errLoggedOut
}

func read(ctx context.Context, conn *websocket.Conn, timeout time.Duration) (wire.ClientFrame, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	kind, b, err := conn.Read(ctx)
	if err != nil {
		return wire.ClientFrame{}, fmt.Errorf("%w: %w", errGone, err)
	}
	if kind != websocket.MessageText {
		return wire.ClientFrame{}, errFrame
	}
	return decode(b)
}
