package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"github.com/offlinepush/operator/dispatcher/wire"
)

// maxFrame is above the largest message with its JSON escapes.
const maxFrame = 512 << 10

// silentBeats is how many heartbeats without a frame end a session: two pongs were lost and a third one is late.
const silentBeats = 3

// Login says how to open a session.
type Login struct {
	// UserToken is the user's JSON Web Token.
	UserToken string
	// Platform is what the phone runs, and DeviceName how it calls itself; empty changes nothing.
	Platform, DeviceName string
	// After asks for messages after a sequence again that were acknowledged before.
	After *int64
	// OnMessage gets every message, strictly by its sequence, one at a time. A message is
	// acknowledged when it returns nil; an error ends the session.
	OnMessage func(wire.Message) error
	// OnGap, unless nil, is told that messages after the sequence are no longer kept.
	OnGap func(after int64)
	// onWelcome is told who is logged in and how far they have acknowledged, before the first message.
	onWelcome func(userID string, cursor int64) error
}

// KickedError says that the dispatcher ended the session, and why.
type KickedError struct{ Reason string }

// Error implements error.
func (e *KickedError) Error() string { return "the dispatcher ended the session: " + e.Reason }

// RefusedError says that the dispatcher refused a login, and why. The same login would be refused again.
type RefusedError struct{ Reason string }

// Error implements error.
func (e *RefusedError) Error() string { return "the dispatcher refused the login: " + e.Reason }

// Session is an open session.
type Session struct {
	conn    *websocket.Conn
	login   Login
	welcome wire.ServerFrame

	cancel context.CancelFunc
	ended  sync.WaitGroup
	err    error // read after ended or left

	// pace is the time between heartbeats in seconds, and paced says that it changed.
	pace  atomic.Int32
	paced chan struct{}

	// last, unless nil, is the type of the frame that ends the session; no message is taken any more. left is closed when
	// nothing is received any more.
	last atomic.Pointer[string]
	left chan struct{}
	// turn is held while a message is taken and acknowledged, and while the last frame is sent: that one comes behind the
	// acknowledgement. unanswered counts the pings without a pong.
	turn       chan struct{}
	unanswered atomic.Int32
}

// Open logs in, which binds the device to the user, and receives in the
// background until ctx ends, Close is called or the dispatcher ends it.
func (d *Device) Open(ctx context.Context, l Login) (*Session, error) { return d.open(ctx, ctx, l) }

// open is Open with a life of its own for the session.
func (d *Device) open(ctx, life context.Context, l Login) (*Session, error) {
	conn, err := d.dial(ctx)
	if err != nil {
		return nil, err
	}
	conn.SetReadLimit(maxFrame)
	s := &Session{conn: conn, login: l, paced: make(chan struct{}, 1), left: make(chan struct{}), turn: make(chan struct{}, 1)}
	if err := s.logIn(ctx, d.Credentials); err != nil {
		_ = conn.CloseNow()
		return nil, refusal(err)
	}
	life, s.cancel = context.WithCancel(life)
	s.ended.Go(func() { s.receive(life) })
	s.ended.Go(func() { s.heartbeat(life) })
	return s, nil
}

// dial connects. An answer that is no upgrade is an *Error.
func (d *Device) dial(ctx context.Context) (*websocket.Conn, error) {
	url := "ws" + strings.TrimPrefix(d.base, "http") + wire.SessionPath
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	conn, resp, err := websocket.Dial(ctx, url, &websocket.DialOptions{HTTPClient: d.http})
	if err == nil {
		return conn, nil
	}
	if resp == nil || resp.Body == nil {
		return nil, fmt.Errorf("opening a session: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, _ := readAnswer(resp) // What is left of it, the library has read.
	return nil, fmt.Errorf("opening a session: %w", errorOf(resp, body))
}

// refusal tells a login that the dispatcher closed for good from trouble on the way.
func refusal(err error) error {
	if closed, ok := errors.AsType[websocket.CloseError](err); ok && closed.Code == websocket.StatusPolicyViolation {
		return fmt.Errorf("logging in: %w", &RefusedError{Reason: closed.Reason})
	}
	return err
}

// UserID is the user who is logged in.
func (s *Session) UserID() string { return s.welcome.UserID }

// Wait returns when the session has ended, with the reason: a *KickedError, the
// error of OnMessage, or that of the connection.
func (s *Session) Wait() error {
	s.ended.Wait()
	return s.err
}

// Close ends the session and waits.
func (s *Session) Close() {
	_ = s.conn.Close(websocket.StatusNormalClosure, "")
	s.cancel()
	s.ended.Wait()
}

// Logout unbinds the device and ends the session. After it nothing is pushed for the user any more. After an error the
// device may be bound still: Device.Logout then says.
func (s *Session) Logout(ctx context.Context) error {
	err := s.finish(ctx, wire.FrameLogout, wire.FrameLoggedOut)
	if err != nil {
		return fmt.Errorf("logging out: %w", err)
	}
	return nil
}

// leave stops messages and returns once the dispatcher has taken every acknowledgement, which it does in the order of the frames:
// the next session then repeats nothing. It does not wait longer than until ctx ends.
func (s *Session) leave(ctx context.Context) error {
	return s.finish(ctx, wire.FramePing, wire.FramePong)
}

// finish stops messages, asks, and returns when the answer has ended the session.
func (s *Session) finish(ctx context.Context, ask, answer string) error {
	if err := s.inTurn(ctx, func() error {
		if !s.last.CompareAndSwap(nil, &answer) {
			return errLeft
		}
		return s.write(ctx, wire.ClientFrame{Type: ask})
	}); err != nil {
		return err
	}
	select {
	case <-s.left:
	case <-ctx.Done():
		return ctx.Err()
	}
	if !errors.Is(s.err, errLeft) {
		return s.err
	}
	return nil
}

// inTurn does something while no message is being taken.
func (s *Session) inTurn(ctx context.Context, do func() error) error {
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-s.turn }()
	return do()
}

func (s *Session) logIn(ctx context.Context, c wire.RegisteredDevice) error {
	frame := wire.ClientFrame{
		Type: wire.FrameLogin, Token: s.login.UserToken, PushID: c.PushID, DeviceSecret: c.DeviceSecret, After: s.login.After,
		Platform: s.login.Platform, DeviceName: s.login.DeviceName,
	}
	if err := s.write(ctx, frame); err != nil {
		return fmt.Errorf("logging in: %w", err)
	}
	var err error
	if s.welcome, err = s.read(ctx); err != nil {
		return fmt.Errorf("logging in: %w", err)
	}
	if s.welcome.Type != wire.FrameWelcome || s.welcome.HeartbeatSeconds < 1 {
		return errors.New("logging in: the answer is no welcome")
	}
	s.pace.Store(s.welcome.HeartbeatSeconds)
	if s.login.onWelcome != nil {
		return s.login.onWelcome(s.welcome.UserID, s.welcome.Cursor)
	}
	return nil
}

func (s *Session) receive(ctx context.Context) {
	defer close(s.left)
	defer s.cancel()
	defer func() { _ = s.conn.CloseNow() }()
	for s.err == nil {
		var f wire.ServerFrame
		if f, s.err = s.readWithin(ctx, silentBeats*s.beat()); s.err == nil {
			s.err = s.handle(ctx, f)
		}
	}
}

func (s *Session) handle(ctx context.Context, f wire.ServerFrame) error {
	owed := f.Type == wire.FramePong && s.unanswered.Add(-1) > 0
	if last := s.last.Load(); last != nil {
		return handleLast(f, *last, owed)
	}
	if f.Message == nil && f.Type == wire.FrameMessage {
		return errors.New("a message frame without a message")
	}
	switch f.Type {
	case wire.FrameMessage:
		return s.inTurn(ctx, func() error { return s.take(ctx, *f.Message) })
	case wire.FrameGap:
		if s.login.OnGap != nil {
			s.login.OnGap(f.Cursor)
		}
	case wire.FramePong:
		s.setPace(f.HeartbeatSeconds)
	case wire.FrameKicked:
		return &KickedError{Reason: f.Reason}
	}
	return nil // Also of a frame that is newer than this client.
}

// take hands a message to the app and acknowledges it, unless the session ends.
func (s *Session) take(ctx context.Context, m wire.Message) error {
	if s.last.Load() != nil {
		return nil
	}
	if err := s.login.OnMessage(m); err != nil {
		return err
	}
	return s.write(ctx, wire.ClientFrame{Type: wire.FrameAck, Seq: m.Seq})
}

// errLeft ends a session that was left in good order.
var errLeft = errors.New("the session was left")

// handleLast waits for the answer to the last frame, but for a pong that was owed before.
func handleLast(f wire.ServerFrame, last string, owed bool) error {
	if f.Type == last && !owed {
		return errLeft
	}
	return nil
}

// setPace takes what a pong says; one of an older dispatcher says nothing.
func (s *Session) setPace(seconds int32) {
	if seconds < 1 || s.pace.Swap(seconds) == seconds {
		return
	}
	select {
	case s.paced <- struct{}{}:
	default:
	}
}

func (s *Session) heartbeat(ctx context.Context) {
	beat := time.NewTicker(s.beat())
	defer beat.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.paced:
			beat.Reset(s.beat())
		case <-beat.C:
			if s.write(ctx, wire.ClientFrame{Type: wire.FramePing}) != nil {
				return // The receiving side says why.
			}
		}
	}
}

func (s *Session) beat() time.Duration {
	return time.Duration(s.pace.Load()) * time.Second
}

func (s *Session) write(ctx context.Context, f wire.ClientFrame) error {
	if f.Type == wire.FramePing {
		s.unanswered.Add(1)
	}
	b, err := json.Marshal(f)
	if err != nil {
		return fmt.Errorf("encoding a frame: %w", err)
	}
	return s.conn.Write(ctx, websocket.MessageText, b)
}

// readWithin gives a connection up on which not even pongs come.
func (s *Session) readWithin(ctx context.Context, silence time.Duration) (wire.ServerFrame, error) {
	ctx, cancel := context.WithTimeout(ctx, silence)
	defer cancel()
	return s.read(ctx)
}

func (s *Session) read(ctx context.Context) (wire.ServerFrame, error) {
	var f wire.ServerFrame
	_, b, err := s.conn.Read(ctx)
	if err != nil {
		return f, err
	}
	if err := json.Unmarshal(b, &f); err != nil {
		return f, fmt.Errorf("decoding a frame: %w", err)
	}
	return f, nil
}
