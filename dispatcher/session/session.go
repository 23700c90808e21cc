package session

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/time/rate"

	"github.com/offlinepush/operator/dispatcher/lease"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/wire"
)

const (
	writeTimeout = 10 * time.Second
	// kickGrace is how long a write may go on after a kick.
	kickGrace = time.Second
	// storeRetry is the wait after the store failed; the session stays.
	storeRetry = time.Second
)

// endedByLogout is the reason of a session that its own device ends.
const endedByLogout = wire.FrameLogout

// errEnded means that somebody ended the session in good order.
var errEnded = errors.New("the session was ended")

// session is one logged-in device.
type session struct {
	conn             *websocket.Conn
	log              *slog.Logger
	device           int64
	epoch            int64
	userID           string
	pushID, platform string
	login            int64 // its number among the logins of this process
	inbox            *reader
	acks             acks
	idle             *rate.Limiter // of frames that move nothing
	// term is the lease under which the store knows of the session. When it is over, the device may have
	// changed hands without a word to this process.
	term atomic.Pointer[lease.Term]

	endOnce sync.Once
	reason  string
	ended   chan struct{} // closed when the session shall end
	abort   context.CancelFunc
	stopped chan struct{} // closed when the pump sends nothing more
}

// laterThan reports whether the login came after the other one of the same device.
func (s *session) laterThan(other *session) bool {
	return cmp.Or(cmp.Compare(s.epoch, other.epoch), cmp.Compare(s.login, other.login)) > 0
}

// place is the session as the store knows it.
func (s *session) place() store.Session {
	return store.Session{Device: s.device, Epoch: s.epoch, Number: s.login}
}

// who is the device as events name it.
func (s *session) who() message.Device {
	return message.Device{Key: s.device, UserID: s.userID, PushID: s.pushID, Platform: s.platform}
}

// stop makes the pump tell the device why and end.
func (s *session) stop(reason string) {
	s.endOnce.Do(func() {
		s.reason = reason
		close(s.ended)
	})
}

// end is stop, and returns once no message is sent any more.
func (s *session) end(reason string) {
	s.stop(reason)
	select {
	case <-s.stopped:
	case <-time.After(kickGrace):
		s.abort()
		<-s.stopped
	}
}

// pump sends the inbox until the session ends. It closes the connection, and
// with it the receiving side, but for a logout.
func (s *session) pump(ctx context.Context) {
	err := s.forward(ctx)
	close(s.stopped)
	switch {
	case errors.Is(err, errEnded) && s.reason == endedByLogout: // The receiving side answers.
	case errors.Is(err, errEnded) && s.reason == wire.KickedDraining:
		s.farewell(ctx, websocket.StatusGoingAway)
	case errors.Is(err, errEnded):
		s.farewell(ctx, websocket.StatusPolicyViolation)
	default:
		s.log.Debug("session broke", "error", err)
		_ = s.conn.CloseNow()
	}
}

func (s *session) farewell(ctx context.Context, code websocket.StatusCode) {
	_ = s.send(ctx, wire.ServerFrame{Type: wire.FrameKicked, Reason: s.reason})
	_ = s.conn.Close(code, s.reason)
}

// forward sends what the store has, then waits for a hint.
func (s *session) forward(ctx context.Context) error {
	for {
		frames, more, err := s.next(ctx)
		if err != nil {
			s.log.Debug("reading an inbox", "error", err)
		}
		if sendErr := s.sendAll(ctx, frames); errors.Is(sendErr, errTermOver) {
			more, err, s.inbox.gapAt = false, sendErr, -1 // a gap that was not told is still one
		} else if sendErr != nil {
			return sendErr
		}
		if more {
			continue
		}
		var retry <-chan time.Time
		if err != nil {
			retry = time.After(storeRetry)
		}
		if err := s.wait(ctx, retry); err != nil {
			return err
		}
	}
}

// errTermOver means that the session has to be noted again before it goes on.
var errTermOver = errors.New("the lease under which the session was noted is over")

func (s *session) next(ctx context.Context) ([]wire.ServerFrame, bool, error) {
	if !s.term.Load().Fits(0) {
		return nil, false, errTermOver
	}
	return s.inbox.next(ctx)
}

func (s *session) sendAll(ctx context.Context, frames []wire.ServerFrame) error {
	for _, f := range frames {
		select {
		case <-s.ended:
			return errEnded
		default:
		}
		if !s.term.Load().Fits(0) {
			return errTermOver
		}
		if f.Message != nil {
			s.inbox.sent.Store(f.Seq)
		}
		if err := s.send(ctx, f); err != nil {
			return err
		}
	}
	return nil
}

// wait returns when there may be more to send.
func (s *session) wait(ctx context.Context, retry <-chan time.Time) error {
	for {
		select {
		case <-retry:
			return nil
		case <-s.inbox.wake:
			if s.inbox.behind() {
				return nil
			}
		case <-s.ended:
			return errEnded
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (s *session) send(ctx context.Context, f wire.ServerFrame) error {
	return send(ctx, s.conn, f)
}

func send(ctx context.Context, conn *websocket.Conn, f wire.ServerFrame) error {
	b, err := json.Marshal(f)
	if err != nil {
		return fmt.Errorf("encoding a frame: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	return conn.Write(ctx, websocket.MessageText, b)
}
