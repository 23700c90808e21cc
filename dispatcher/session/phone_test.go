package session_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/offlinepush/operator/dispatcher/accept"
	"github.com/offlinepush/operator/dispatcher/binding"
	"github.com/offlinepush/operator/dispatcher/ingress/planetest"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// phone speaks the frames of a device by hand.
type phone struct {
	t    *testing.T
	conn *websocket.Conn
}

// answer is what the dispatcher says to a request for a session.
type answer struct {
	status int
	header http.Header
}

// connect opens a connection that nobody has logged in on.
func connect(t *testing.T, bed *planetest.Bed, mode websocket.CompressionMode) (*websocket.Conn, answer, error) {
	t.Helper()
	url := "wss" + strings.TrimPrefix(bed.Device.URL, "https") + wire.SessionPath
	conn, resp, err := websocket.Dial(t.Context(), url, &websocket.DialOptions{HTTPClient: bed.Device.Client(), CompressionMode: mode})
	if resp == nil {
		return conn, answer{}, err
	}
	if resp.Body != nil {
		_ = resp.Body.Close()
	}
	return conn, answer{resp.StatusCode, resp.Header}, err
}

func dial(t *testing.T, bed *planetest.Bed) *phone {
	t.Helper()
	conn, _, err := connect(t, bed, websocket.CompressionDisabled)
	if err != nil {
		t.Fatal(err)
	}
	conn.SetReadLimit(1 << 20)
	t.Cleanup(func() { _ = conn.CloseNow() })
	return &phone{t: t, conn: conn}
}

func (p *phone) send(f wire.ClientFrame) {
	p.t.Helper()
	b, err := json.Marshal(f)
	if err != nil {
		p.t.Fatal(err)
	}
	p.raw(string(b))
}

func (p *phone) raw(text string) {
	p.t.Helper()
	if err := p.conn.Write(p.t.Context(), websocket.MessageText, []byte(text)); err != nil {
		p.t.Fatal(err)
	}
}

func (p *phone) read() (f wire.ServerFrame, err error) {
	ctx, cancel := context.WithTimeout(p.t.Context(), time.Minute)
	defer cancel()
	_, b, err := p.conn.Read(ctx)
	if err != nil {
		return f, err
	}
	return f, json.Unmarshal(b, &f)
}

func (p *phone) next(kind string) wire.ServerFrame {
	p.t.Helper()
	f, err := p.read()
	if err != nil || f.Type != kind {
		p.t.Fatalf("got %+v, %v, want %s", f, err, kind)
	}
	return f
}

// closes expects the end of the connection.
func (p *phone) closes(code websocket.StatusCode, reason string) {
	p.t.Helper()
	f, err := p.read()
	if err == nil || websocket.CloseStatus(err) != code || !strings.Contains(err.Error(), reason) {
		p.t.Errorf("got %+v, %v, want %v %s", f, err, code, reason)
	}
}

func (p *phone) login(bed *planetest.Bed, c binding.Credentials, user string, after ...int64) wire.ServerFrame {
	p.t.Helper()
	f := wire.ClientFrame{Type: wire.FrameLogin, Token: bed.UserToken(p.t, user), PushID: c.PushID, DeviceSecret: c.DeviceSecret}
	if len(after) > 0 {
		f.After = &after[0]
	}
	p.send(f)
	return p.next(wire.FrameWelcome)
}

// ping comes back after everything that was received before it.
func (p *phone) ping() {
	p.t.Helper()
	p.send(wire.ClientFrame{Type: wire.FramePing})
	p.next(wire.FramePong)
}

func post(t *testing.T, bed *planetest.Bed, to string, n int) {
	t.Helper()
	reqs := make([]accept.Request, n)
	for i := range reqs {
		reqs[i] = accept.Request{
			ClientID: fmt.Sprintf("%d-%d", time.Now().UnixNano(), i), From: "alice", To: []string{to}, Body: "body",
			Push: &message.PushConfig{Title: "title"},
		}
	}
	for _, r := range bed.Acceptor.Accept(t.Context(), reqs) {
		if r.Err != nil {
			t.Fatal(r.Err)
		}
	}
}

// waitFor waits for a state that nothing announces.
func waitFor(t *testing.T, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	limit := time.After(time.Minute)
	for !ok() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatal("it never happened")
		}
	}
}
