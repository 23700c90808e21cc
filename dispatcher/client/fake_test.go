package client_test

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/offlinepush/operator/dispatcher/client"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// pipes is a network in memory, which a synctest bubble can wait for.
type pipes struct {
	dialed chan net.Conn
	closed chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.dialed:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error { close(p.closed); return nil }
func (*pipes) Addr() net.Addr { return &net.UnixAddr{} }

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case p.dialed <- far:
		return near, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// fake is a dispatcher that the test plays.
type fake struct {
	http *http.Client
	// answer, unless nil, answers requests for a session instead.
	answer func(http.ResponseWriter)
	// greet answers a login.
	greet func(*line)
	// lines are the sessions that were greeted.
	lines chan *line

	mu sync.Mutex
	// logins is when each request for a session came.
	logins []time.Time
	// others are the other requests, but for registrations.
	others []string
}

// line is one session at the fake.
type line struct {
	conn  *websocket.Conn
	login wire.ClientFrame
}

func newFake(t *testing.T) *fake {
	t.Helper()
	p := &pipes{dialed: make(chan net.Conn), closed: make(chan struct{})}
	transport := &http.Transport{DialContext: p.dial, DisableKeepAlives: true}
	f := &fake{http: &http.Client{Transport: transport}, lines: make(chan *line, 100)}
	f.greet = func(l *line) { l.send(wire.ServerFrame{Type: wire.FrameWelcome, UserID: "bob", HeartbeatSeconds: 10}) }
	server := &http.Server{Handler: f, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(p) }()
	t.Cleanup(func() { _ = server.Close() })
	return f
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Method == http.MethodPost:
		_, _ = w.Write([]byte(`{"pushID":"push","deviceSecret":"secret"}`))
		return
	case r.URL.Path != wire.SessionPath:
		f.mu.Lock()
		f.others = append(f.others, r.Method+" "+r.URL.Path)
		f.mu.Unlock()
		_, _ = w.Write([]byte(`{}`))
		return
	}
	if f.answered(w) {
		return
	}
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	l := &line{conn: conn}
	if l.login, err = l.read(); err != nil { //nolint:contextcheck // the session outlives the request
		return
	}
	f.greet(l)
	f.lines <- l
}

// answered notes a request for a session, and answers it if it shall be no session.
func (f *fake) answered(w http.ResponseWriter) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.logins = append(f.logins, time.Now())
	if f.answer == nil {
		return false
	}
	f.answer(w)
	return true
}

// came is when each request for a session came.
func (f *fake) came() []time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.logins)
}

// asked are the other requests so far.
func (f *fake) asked() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.others)
}

func (l *line) send(f wire.ServerFrame) {
	b, _ := json.Marshal(f) // plain texts
	_ = l.conn.Write(context.Background(), websocket.MessageText, b)
}

func (l *line) kick(reason string) {
	l.send(wire.ServerFrame{Type: wire.FrameKicked, Reason: reason})
	_ = l.conn.CloseNow()
}

func (l *line) refuse() {
	_ = l.conn.Close(websocket.StatusPolicyViolation, "the user token is not valid")
}

// say sends a message, and returns what the phone answers; silence ends the wait.
func (l *line) say(m wire.Message) (acked int64) {
	l.send(wire.ServerFrame{Type: wire.FrameMessage, Message: &m})
	for {
		f, err := l.read()
		if err != nil {
			return 0
		}
		if f.Type == wire.FrameAck {
			return f.Seq
		}
	}
}

func (l *line) read() (f wire.ClientFrame, err error) {
	_, b, err := l.conn.Read(context.Background())
	if err != nil {
		return f, err
	}
	return f, json.Unmarshal(b, &f)
}

// source gives the same tokens always.
type source client.Tokens

func (s source) Tokens(context.Context, client.VendorConfig) (client.Tokens, error) {
	return client.Tokens(s), nil
}

// elsewhere is a vendor's client on another vendor's phone.
type elsewhere struct{}

func (elsewhere) Tokens(context.Context, client.VendorConfig) (client.Tokens, error) {
	return client.Tokens{}, client.ErrOtherPhone
}

// shelf is a Storage that outlives a Phone.
type shelf struct{ client.Installation }

func (s *shelf) Load() (client.Installation, error) { return s.Installation, nil }
func (s *shelf) Save(i client.Installation) error   { s.Installation = i; return nil }

// events are what an app was told, in order.
type events chan string

// callbacks tell them.
func (e events) callbacks() client.Callbacks {
	about := func(what string) func(wire.Message) {
		return func(m wire.Message) { e <- what + " " + m.MessageID }
	}
	return client.Callbacks{
		MessageReceived:        func(m wire.Message) error { e <- "received " + m.MessageID; return nil },
		MessageRecalled:        func(m wire.Message) { e <- "recalled " + m.Of },
		CallInvitationReceived: about("invited"), CallChanged: about("changed"), CallEnded: about("ended"), RuleUpdated: about("rule"),
		Kicked:            func(reason string) { e <- "kicked " + reason },
		ConnectionChanged: func(c client.Connection) { e <- string(c) },
	}
}

// all are those so far.
func (e events) all() (list []string) {
	for {
		select {
		case text := <-e:
			list = append(list, text)
		default:
			return list
		}
	}
}

// loggedIn is a phone with a session at the fake.
func (f *fake) loggedIn(t *testing.T, o client.Options) (*client.Phone, *line) {
	t.Helper()
	o.BaseURL, o.HTTP, o.Sources = "http://fake", f.http, map[string]client.TokenSource{"FCM": source{Alert: "token"}}
	p, err := client.NewPhone(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	err = p.SetPushConfig(client.PushConfig{Vendors: []client.VendorConfig{client.FCMConfig{}}})
	if err == nil {
		_, err = p.Register(t.Context())
	}
	if err == nil {
		err = p.Login(t.Context(), "token of bob")
	}
	if err != nil {
		t.Fatal(err)
	}
	return p, <-f.lines
}
