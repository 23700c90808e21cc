package session_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/offlinepush/operator/dispatcher/accept"
	"github.com/offlinepush/operator/dispatcher/binding"
	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/ingress/planetest"
	"github.com/offlinepush/operator/dispatcher/ingress/wire"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
)

// phone speaks the frames of a device by hand.
type phone struct {
	t    *testing.T
	conn *websocket.Conn
}

func dial(t *testing.T, bed *planetest.Bed) *phone {
	t.Helper()
	url := "wss" + strings.TrimPrefix(bed.Device.URL, "https") + wire.SessionPath
	conn, _, err := websocket.Dial(t.Context(), url, &websocket.DialOptions{HTTPClient: bed.Device.Client()})
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
	ctx, cancel := context.WithTimeout(p.t.Context(), 20*time.Second)
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

func TestStoredThenLive(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	c, _ := bed.Phone(t, "FCM", "bob")
	post(t, bed, "bob", 70) // more than two pages
	p := dial(t, bed)
	welcome := p.login(bed, c, "bob")
	want := wire.ServerFrame{Type: wire.FrameWelcome, UserID: "bob", HeartbeatSeconds: 10}
	if diff := cmp.Diff(want, welcome); diff != "" {
		t.Error(diff)
	}
	for seq := range int64(70) {
		if f := p.next(wire.FrameMessage); f.Seq != seq+1 || f.Body != "body" || f.From != "alice" || f.Push.Title != "title" {
			t.Fatalf("got %+v, want %d", f, seq+1)
		}
	}
	post(t, bed, "bob", 1)
	if f := p.next(wire.FrameMessage); f.Seq != 71 || f.MessageID == "" || f.CreatedAt.IsZero() {
		t.Errorf("live: %+v", f.Message)
	}
}

func TestCursorAndAfter(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	c, _ := bed.Phone(t, "FCM", "bob")
	post(t, bed, "bob", 3)
	p := dial(t, bed)
	p.login(bed, c, "bob")
	for range 3 {
		p.next(wire.FrameMessage)
	}
	p.send(wire.ClientFrame{Type: wire.FrameAck, Seq: 2})
	p.ping()
	tests := []struct {
		after         []int64
		cursor, first int64
	}{
		{nil, 2, 3},
		{[]int64{0}, 0, 1},
		{[]int64{1}, 1, 2},
		{[]int64{99}, 2, 3}, // It never skips.
	}
	for _, tt := range tests {
		again := dial(t, bed)
		if w := again.login(bed, c, "bob", tt.after...); w.Cursor != tt.cursor {
			t.Errorf("after %v: cursor %d, want %d", tt.after, w.Cursor, tt.cursor)
		}
		if f := again.next(wire.FrameMessage); f.Seq != tt.first {
			t.Errorf("after %v: first %d, want %d", tt.after, f.Seq, tt.first)
		}
	}
}

func TestConnectedWaitsForTheAck(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	c, d := bed.Phone(t, "FCM", "bob")
	if bed.Hub.Online("bob") || bed.Hub.Connected([]int64{d.Key})[d.Key] {
		t.Error("online without a session")
	}
	p := dial(t, bed)
	p.login(bed, c, "bob")
	p.ping()
	if !bed.Hub.Online("bob") || !bed.Hub.Connected([]int64{d.Key, 99})[d.Key] || bed.Hub.Connected([]int64{99})[99] {
		t.Error("offline with a session")
	}
	post(t, bed, "bob", 1)
	if wait := time.Until(bed.Rows.All()[0].DueAt); wait < time.Second || wait > 3*time.Second {
		t.Errorf("the push is due in %v, want the time to acknowledge", wait)
	}
	_ = p.conn.Close(websocket.StatusNormalClosure, "")
	waitFor(t, func() bool { return !bed.Hub.Online("bob") })
	post(t, bed, "bob", 1)
	if wait := time.Until(bed.Rows.All()[1].DueAt); wait > 0 {
		t.Errorf("offline, and the push waits %v", wait)
	}
}

// waitFor waits for a state that nothing announces.
func waitFor(t *testing.T, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	limit := time.After(20 * time.Second)
	for !ok() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatal("it never happened")
		}
	}
}

func TestGapsAreTold(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	c, _ := bed.Phone(t, "FCM", "bob")
	push := &message.PushConfig{Title: "title"} // What waits for a vendor is kept.
	for i, p := range []*message.PushConfig{nil, nil, push, nil, push} {
		r := accept.Request{ClientID: fmt.Sprint(i), From: "alice", To: []string{"bob"}, Body: "body", Push: p}
		if err := bed.Acceptor.Accept(t.Context(), []accept.Request{r})[0].Err; err != nil {
			t.Fatal(err)
		}
	}
	if _, err := bed.Store.Prune(t.Context(), store.Cutoffs{Messages: time.Now().Add(time.Hour)}, 1000); err != nil {
		t.Fatal(err)
	}
	p := dial(t, bed)
	p.login(bed, c, "bob")
	type told struct{ gap, seq int64 }
	var got []told
	for range 4 {
		f, err := p.read()
		if err != nil {
			t.Fatal(err)
		}
		one := told{gap: f.Cursor}
		if f.Message != nil {
			one.seq = f.Seq
		}
		got = append(got, one)
	}
	if diff := cmp.Diff([]told{{gap: 0}, {seq: 3}, {gap: 3}, {seq: 5}}, got, cmp.AllowUnexported(told{})); diff != "" {
		t.Error(diff)
	}
	p.ping() // Nothing is told twice.
	p.send(wire.ClientFrame{Type: wire.FrameAck, Seq: 5})
	p.ping()
}

func TestGapAtTheEndIsToldOnce(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	c, _ := bed.Phone(t, "FCM", "bob")
	say := func(id string) {
		t.Helper()
		r := accept.Request{ClientID: id, From: "alice", To: []string{"bob"}, Body: id}
		if err := bed.Acceptor.Accept(t.Context(), []accept.Request{r})[0].Err; err != nil {
			t.Fatal(err)
		}
	}
	say("gone")
	if _, err := bed.Store.Prune(t.Context(), store.Cutoffs{Messages: time.Now().Add(time.Hour)}, 1000); err != nil {
		t.Fatal(err)
	}
	p := dial(t, bed)
	p.login(bed, c, "bob")
	if f := p.next(wire.FrameGap); f.Cursor != 0 {
		t.Errorf("gap after %d", f.Cursor)
	}
	say("new")
	if f := p.next(wire.FrameMessage); f.Seq != 2 {
		t.Errorf("after the gap: %+v", f.Message)
	}
}

func TestLoginBinds(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	c, _ := bed.Phone(t, "FCM", "")
	p := dial(t, bed)
	p.login(bed, c, "bob")
	if d, err := bed.Bindings.Find(t.Context(), c.PushID); err != nil || d.UserID != "bob" {
		t.Errorf("%+v, %v", d, err)
	}
}

func TestOneSessionPerDevice(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	c, _ := bed.Phone(t, "FCM", "bob")
	other, _ := bed.Phone(t, "Xiaomi", "bob")
	first, second, third := dial(t, bed), dial(t, bed), dial(t, bed)
	first.login(bed, c, "bob")
	third.login(bed, other, "bob")
	first.ping()
	second.login(bed, c, "bob")
	if f := first.next(wire.FrameKicked); f.Reason != wire.KickedReplaced {
		t.Errorf("reason %q", f.Reason)
	}
	first.closes(websocket.StatusPolicyViolation, wire.KickedReplaced)
	post(t, bed, "bob", 1)
	second.next(wire.FrameMessage)
	third.next(wire.FrameMessage)
	if n := testutil.ToFloat64(bed.Sessions); n != 2 {
		waitFor(t, func() bool { return testutil.ToFloat64(bed.Sessions) == 2 })
	}
}

func TestChangesOfTheBindingEndTheSession(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, reason string
		change       func(ctx context.Context, bed *planetest.Bed, device int64) error
	}{
		{"logout", wire.KickedLoggedOut, func(ctx context.Context, bed *planetest.Bed, device int64) error {
			return bed.Bindings.Logout(ctx, device)
		}},
		{"unregister", wire.KickedUnregistered, func(ctx context.Context, bed *planetest.Bed, device int64) error {
			return bed.Bindings.Unregister(ctx, device)
		}},
		{"takeover", wire.KickedRebound, func(ctx context.Context, bed *planetest.Bed, device int64) error {
			_, err := bed.Bindings.Bind(ctx, device, "eve")
			return err
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			bed := planetest.New(t)
			c, d := bed.Phone(t, "FCM", "bob")
			p := dial(t, bed)
			p.login(bed, c, "bob")
			p.ping()
			if err := tt.change(t.Context(), bed, d.Key); err != nil {
				t.Fatal(err)
			}
			post(t, bed, "bob", 1) // It must not reach the phone.
			if f := p.next(wire.FrameKicked); f.Reason != tt.reason {
				t.Errorf("reason %q, want %q", f.Reason, tt.reason)
			}
			p.closes(websocket.StatusPolicyViolation, tt.reason)
			waitFor(t, func() bool { return !bed.Hub.Online("bob") })
		})
	}
}

func TestBadFramesCloseTheSession(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	c, _ := bed.Phone(t, "FCM", "bob")
	login := func(token, pushID, secret string) string {
		return fmt.Sprintf(`{"type":"login","token":%q,"pushID":%q,"deviceSecret":%q}`, token, pushID, secret)
	}
	good := bed.UserToken(t, "bob")
	tests := []struct {
		name   string
		logIn  bool
		frame  string
		code   websocket.StatusCode
		reason string
	}{
		{"no JSON", false, "hello", websocket.StatusUnsupportedData, "one JSON object"},
		{"ping first", false, `{"type":"ping"}`, websocket.StatusUnsupportedData, "first frame must be a login"},
		{"wrong token", false, login("wrong", c.PushID, c.DeviceSecret), websocket.StatusPolicyViolation, "user token is not valid"},
		{"unknown device", false, login(good, "nobody", c.DeviceSecret), websocket.StatusPolicyViolation, "no such device"},
		{"wrong secret", false, login(good, c.PushID, "wrong"), websocket.StatusPolicyViolation, "device secret is wrong"},
		{"too large", false, `"` + strings.Repeat("x", 17<<10) + `"`, websocket.StatusMessageTooBig, ""},
		{"second login", true, login(good, c.PushID, c.DeviceSecret), websocket.StatusUnsupportedData, "takes one login"},
		{"unknown type", true, `{"type":"gap"}`, websocket.StatusUnsupportedData, "known type"},
		{"ack ahead", true, `{"type":"ack","seq":1}`, websocket.StatusUnsupportedData, "ahead of what was sent"},
	}
	for _, tt := range tests { // One after the other: they are one device.
		p := dial(t, bed)
		if tt.logIn {
			p.login(bed, c, "bob")
		}
		p.raw(tt.frame)
		t.Log(tt.name)
		p.closes(tt.code, tt.reason)
	}
	binary := dial(t, bed)
	if err := binary.conn.Write(t.Context(), websocket.MessageBinary, []byte(`{"type":"ping"}`)); err != nil {
		t.Fatal(err)
	}
	binary.closes(websocket.StatusUnsupportedData, "one JSON object")
}

func TestSilenceIsOffline(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	bed.Configure(t, func(d *config.Document) { d.Routing.HeartbeatSeconds, d.Routing.OfflineAfterSeconds = 1, 2 })
	c, _ := bed.Phone(t, "FCM", "bob")
	p := dial(t, bed)
	if w := p.login(bed, c, "bob"); w.HeartbeatSeconds != 1 {
		t.Errorf("heartbeat %d", w.HeartbeatSeconds)
	}
	p.ping()
	waitFor(t, func() bool { return !bed.Hub.Online("bob") })
	if f, err := p.read(); err == nil {
		t.Errorf("the connection lives: %+v", f)
	}
}

func TestDrain(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	c, _ := bed.Phone(t, "FCM", "bob")
	p, guest := dial(t, bed), dial(t, bed)
	p.login(bed, c, "bob")
	p.ping()
	closed := make(chan error, 1)
	go func() { closed <- bed.Hub.Close(t.Context()) }()
	if f := p.next(wire.FrameKicked); f.Reason != wire.KickedDraining {
		t.Errorf("reason %q", f.Reason)
	}
	p.closes(websocket.StatusGoingAway, wire.KickedDraining)
	if f, err := guest.read(); err == nil {
		t.Errorf("a connection before its login lives: %+v", f)
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
	url := "wss" + strings.TrimPrefix(bed.Device.URL, "https") + wire.SessionPath
	_, resp, err := websocket.Dial(t.Context(), url, &websocket.DialOptions{HTTPClient: bed.Device.Client()})
	if err == nil || resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" {
		t.Errorf("a closed hub takes sessions: %v", err)
	}
}

func TestConnectionsAreBounded(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	for range planetest.MaxSessions {
		dial(t, bed)
	}
	url := "wss" + strings.TrimPrefix(bed.Device.URL, "https") + wire.SessionPath
	_, resp, err := websocket.Dial(t.Context(), url, &websocket.DialOptions{HTTPClient: bed.Device.Client()})
	if err == nil || resp.StatusCode != 503 {
		t.Errorf("one connection too many: %v", err)
	}
}

// TestUsersSwitchOnOnePhone lets two users log in on one phone all the time
// while messages come for both: no session shows a message of another user, and
// every user reads the inbox without a hole.
func TestUsersSwitchOnOnePhone(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	c, d := bed.Phone(t, "FCM", "")
	ctx, stop := context.WithCancel(t.Context())
	var senders sync.WaitGroup
	for _, user := range []string{"bob", "eve"} {
		senders.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
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
	stop()
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
