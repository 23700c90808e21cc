package modeltest

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/offlinepush/operator/dispatcher/wire"
)

// session is an open session of a phone that does as it is told.
type session struct {
	conn *websocket.Conn
	user string
	// binding is that of the installation when the session began.
	binding  int
	openedAt time.Time
	stop     context.CancelFunc
	wake     chan struct{} // holds one token when there is something to acknowledge

	mu      sync.Mutex
	welcome wire.ServerFrame
	got     []wire.Message
	acked   int64 // as far as it says
	acks    bool  // by itself
	silent  bool  // sends nothing
	deaf    bool  // reads nothing
	ended   bool
	kicked  string
}

// login says how to open a session.
type login struct {
	user   string
	device wire.RegisteredDevice
	acks   bool
	after  *int64
}

// dial opens a session, whose goroutines end with it or with ctx.
func dial(ctx context.Context, c *http.Client, l login) (*session, error) {
	conn, resp, err := websocket.Dial(ctx, "ws://device"+wire.SessionPath, &websocket.DialOptions{HTTPClient: c})
	if resp != nil && resp.Body != nil {
		_ = resp.Body.Close()
	}
	if err != nil {
		return nil, err
	}
	conn.SetReadLimit(1 << 20)
	s := &session{conn: conn, user: l.user, acks: l.acks, openedAt: time.Now(), wake: make(chan struct{}, 1)}
	if err := s.logIn(ctx, l); err != nil {
		return nil, errors.Join(err, conn.CloseNow())
	}
	ctx, s.stop = context.WithCancel(ctx)
	go s.receive(ctx)
	go s.speak(ctx)
	return s, nil
}

func (s *session) logIn(ctx context.Context, l login) error {
	f := wire.ClientFrame{
		Type: wire.FrameLogin, Token: userToken(l.user), PushID: l.device.PushID, DeviceSecret: l.device.DeviceSecret, After: l.after,
	}
	if err := s.send(ctx, f); err != nil {
		return err
	}
	var err error
	if s.welcome, err = s.read(ctx); err != nil {
		return err
	}
	if s.welcome.Type != wire.FrameWelcome || s.welcome.UserID != l.user {
		return errors.New("the answer is no welcome of the user")
	}
	return nil
}

func (s *session) send(ctx context.Context, f wire.ClientFrame) error {
	b, err := json.Marshal(f)
	if err != nil {
		return err
	}
	return s.conn.Write(ctx, websocket.MessageText, b)
}

func (s *session) read(ctx context.Context) (f wire.ServerFrame, err error) {
	_, b, err := s.conn.Read(ctx)
	if err != nil {
		return f, err
	}
	return f, json.Unmarshal(b, &f)
}

func (s *session) receive(ctx context.Context) {
	defer s.stop()
	for {
		f, err := s.read(ctx)
		if s.isDeaf() {
			<-ctx.Done()
			return
		}
		if err != nil {
			s.mu.Lock()
			s.ended = true
			s.mu.Unlock()
			return
		}
		s.handle(f)
	}
}

func (s *session) isDeaf() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.deaf
}

func (s *session) handle(f wire.ServerFrame) {
	s.mu.Lock()
	s.got = append(s.got, messagesOf(f)...)
	if f.Type == wire.FrameKicked {
		s.kicked = f.Reason
	}
	acks := s.acks
	s.mu.Unlock()
	if acks {
		s.ack()
	}
}

func (s *session) ackedTo() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.acked
}

func messagesOf(f wire.ServerFrame) []wire.Message {
	if f.Type != wire.FrameMessage {
		return nil
	}
	return []wire.Message{*f.Message}
}

// ack acknowledges everything that came.
func (s *session) ack() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.silent || s.ended || len(s.got) == 0 {
		return
	}
	s.acked = max(s.acked, s.got[len(s.got)-1].Seq)
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// speak sends heartbeats and acknowledgements, beside what receives, so that neither waits for the other.
func (s *session) speak(ctx context.Context) {
	t := time.NewTicker(heartbeat)
	defer t.Stop()
	for {
		f := wire.ClientFrame{Type: wire.FramePing}
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		case <-s.wake:
			f.Type = wire.FrameAck
		}
		s.mu.Lock()
		if f.Type == wire.FrameAck {
			f.Seq = s.acked
		}
		silent := s.silent
		s.mu.Unlock()
		if !silent {
			_ = s.send(ctx, f) // Where it fails the session ends.
		}
	}
}

// quiet makes the phone send nothing any more, and read nothing if it is deaf
// besides. It reports whether that is new.
func (s *session) quiet(deaf bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.silent {
		return false
	}
	s.silent, s.deaf = true, deaf
	return true
}

// close ends the session, in good order or by losing its connection.
func (s *session) close(good bool) {
	if good {
		_ = s.conn.Close(websocket.StatusNormalClosure, "") // It may be closed.
	} else {
		_ = s.conn.CloseNow()
	}
	s.stop()
}
