package session

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/time/rate"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// loginTimeout bounds the time from the handshake to the login frame.
const loginTimeout = 10 * time.Second

// Devices authenticates and binds devices.
type Devices interface {
	Authenticate(ctx context.Context, pushID, secret string) (message.Device, error)
	Bind(ctx context.Context, device int64, userID string) (message.Device, error)
	// Describe notes what the device says of itself.
	Describe(ctx context.Context, device message.Device, platform, name string) error
	// Logout unbinds the device, and returns once nothing of the user is sent to it any more.
	Logout(ctx context.Context, device int64) error
}

// Users checks user tokens.
type Users interface {
	// Verify gives the user id of a good token.
	Verify(ctx context.Context, token string) (string, error)
}

// Store is the part of the store that sessions need.
type Store interface {
	Inbox(ctx context.Context, userID string, after int64, limit int) (entries []message.InboxEntry, gap bool, err error)
	Cursor(ctx context.Context, device int64, userID string) (int64, error)
	Ack(ctx context.Context, device int64, userID string, seq int64) error
	// Call finds a call, with store.ErrNotFound, and Now is the time by which it rings.
	Call(ctx context.Context, id string) (message.Call, error)
	Now() time.Time
}

// Events hears of sessions. Its methods never block.
type Events interface {
	// Login tells that the device's user logged in on it.
	Login(message.Device)
	// Offline tells that the device's connection broke or fell silent.
	Offline(message.Device)
}

// Deps is what a Server needs.
type Deps struct {
	Hub     *Hub
	Places  *Places
	Devices Devices
	Users   Users
	Store   Store
	Live    *config.Live
	// Events hears of sessions; nil is nobody.
	Events Events
	Log    *slog.Logger
}

// Server opens sessions.
type Server struct{ deps Deps }

// NewServer makes a Server.
func NewServer(d Deps) *Server { return &Server{deps: d} }

// ServeHTTP upgrades the request to a WebSocket and opens the session, which goes on
// when it has returned: a request's stack and buffers are larger than all that a
// session needs. It implements http.Handler.
func (v *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// The request's own context means nothing after the upgrade.
	ctx, cancel := context.WithCancel(context.WithoutCancel(r.Context()))
	g := v.deps.Hub.enter(cancel)
	if g == nil {
		cancel()
		problem := wire.Problem{Status: http.StatusServiceUnavailable, Code: wire.CodeDraining, Detail: "this dispatcher is full or stopping, connect again"}
		w.Header().Set("Retry-After", "1")
		problem.Write(w)
		return
	}
	conn, err := websocket.Accept(lean{w}, r, nil)
	if err != nil {
		v.deps.Hub.leave(g)
		cancel()
		return // Accept has answered.
	}
	conn.SetReadLimit(maxFrame)
	s, err := v.login(ctx, g, conn)
	if err != nil {
		v.refuse(conn, err)
		v.depart(g, conn)
		return
	}
	go func() {
		defer v.depart(g, conn)
		defer v.close(s)
		v.serve(ctx, s)
	}()
}

// depart lets go of a connection.
func (v *Server) depart(g *guest, conn *websocket.Conn) {
	_ = conn.CloseNow()
	v.deps.Hub.leave(g)
	g.cancel()
}

// serve runs the two directions of a session.
func (v *Server) serve(ctx context.Context, s *session) {
	var pump sync.WaitGroup
	pump.Go(func() { s.pump(ctx) })
	err := v.receive(ctx, s)
	s.acks.wait()
	s.abort()
	pump.Wait()
	v.lost(s)
	s.log.Debug("session ended", "error", err)
}

// lost tells of a session that nobody ended.
func (v *Server) lost(s *session) {
	select {
	case <-s.ended:
	default:
		if v.deps.Events != nil {
			v.deps.Events.Offline(s.who())
		}
	}
}

func (v *Server) close(s *session) {
	v.deps.Hub.remove(s)
	v.deps.Places.leave(s)
}

// login reads the first frame, binds the device to the user and enters the
// session into the hub.
func (v *Server) login(ctx context.Context, g *guest, conn *websocket.Conn) (*session, error) {
	frame, err := read(ctx, conn, loginTimeout)
	if err != nil {
		return nil, err
	}
	if frame.Type != wire.FrameLogin {
		return nil, errNotLogin
	}
	number := v.deps.Hub.logins.Add(1) // before anything that may take longer for one than for another
	userID, err := v.deps.Users.Verify(ctx, frame.Token)
	if err != nil {
		return nil, err
	}
	device, err := v.deps.Devices.Authenticate(ctx, frame.PushID, frame.DeviceSecret)
	if err != nil {
		return nil, err
	}
	if err := v.deps.Devices.Describe(ctx, device, frame.Platform, frame.DeviceName); err != nil {
		return nil, err
	}
	former := device.UserID
	if device, err = v.deps.Devices.Bind(ctx, device.Key, userID); err != nil {
		return nil, err
	}
	s, err := v.open(ctx, g, conn, opening{device: device, frame: frame, login: number})
	if err == nil && former == userID && v.deps.Events != nil { // Of a new binding its own room tells.
		v.deps.Events.Login(s.who())
	}
	return s, err
}

// opening is a login that is proven.
type opening struct {
	device message.Device
	frame  wire.ClientFrame
	login  int64
}

func (v *Server) open(ctx context.Context, g *guest, conn *websocket.Conn, o opening) (*session, error) {
	cursor, err := v.deps.Store.Cursor(ctx, o.device.Key, o.device.UserID)
	if errors.Is(err, store.ErrNotFound) {
		return nil, errRebound // The cursor went with the binding.
	}
	if err != nil {
		return nil, err
	}
	if o.frame.After != nil {
		cursor = min(cursor, *o.frame.After)
	}
	s := &session{
		conn: conn, log: v.deps.Log, device: o.device.Key, epoch: o.device.Epoch, userID: o.device.UserID, login: o.login,
		pushID: o.device.PushID, platform: o.device.Platform,
		inbox: newReader(v.deps.Store, o.device.UserID, cursor),
		idle:  rate.NewLimiter(idleFramesPerSecond, idleFramesAtOnce), abort: g.cancel, ended: make(chan struct{}), stopped: make(chan struct{}),
	}
	if err := v.deps.Hub.add(g, s); err != nil {
		return nil, err
	}
	if err := v.welcome(ctx, s); err != nil {
		close(s.stopped)
		v.close(s)
		return nil, err
	}
	return s, nil
}

// welcome tells the device that the session is open, after everybody else can
// see it: from then on the device expects messages here and no pushes. Of a
// message that was accepted before that, the inbox will tell.
func (v *Server) welcome(ctx context.Context, s *session) error {
	if err := v.deps.Places.take(ctx, s); err != nil {
		return err
	}
	doc, _ := v.deps.Live.Current()
	return s.send(ctx, wire.ServerFrame{
		Type: wire.FrameWelcome, UserID: s.userID, Cursor: s.inbox.sent.Load(), HeartbeatSeconds: doc.Routing.HeartbeatSeconds,
	})
}
