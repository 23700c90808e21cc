package session_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/coder/websocket"

	"github.com/offlinepush/operator/dispatcher/accept"
	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/ingress/planetest"
	"github.com/offlinepush/operator/dispatcher/store/sqlite"
	"github.com/offlinepush/operator/dispatcher/wire"
)

func TestLoginTellsWhatThePhoneIs(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	c, _ := bed.Phone(t, "FCM", "")
	login := wire.ClientFrame{
		Type: wire.FrameLogin, Token: bed.UserToken(t, "bob"), PushID: c.PushID, DeviceSecret: c.DeviceSecret,
		Platform: "Android", DeviceName: "Bob's phone",
	}
	p := dial(t, bed)
	p.send(login)
	p.next(wire.FrameWelcome)
	if d, err := bed.Bindings.Find(t.Context(), c.PushID); err != nil || d.Platform != "Android" || d.Name != "Bob's phone" {
		t.Errorf("the device is %+v, %v", d, err)
	}
	login.DeviceName = strings.Repeat("x", 65)
	again := dial(t, bed)
	again.send(login)
	again.closes(websocket.StatusUnsupportedData, "deviceName must be at most 64 bytes")
}

func TestLogoutFrame(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	c, d := bed.Phone(t, "FCM", "bob")
	post(t, bed, "bob", 1)
	p := dial(t, bed)
	p.login(bed, c, "bob")
	p.next(wire.FrameMessage)
	p.send(wire.ClientFrame{Type: wire.FrameAck, Seq: 1})
	release := bed.Fence.Hold() // a vendor call for bob is open
	p.send(wire.ClientFrame{Type: wire.FrameLogout})
	waitFor(t, func() bool {
		asked := bed.Fence.Asked()
		return len(asked) > 0 && asked[len(asked)-1].Device == d.Key && asked[len(asked)-1].FormerUserID == "bob"
	})
	post(t, bed, "bob", 1) // It must not reach the phone.
	release()
	p.next(wire.FrameLoggedOut)
	p.closes(websocket.StatusNormalClosure, "logged out")
	now, err := bed.Bindings.Find(t.Context(), c.PushID)
	if err != nil || now.UserID != "" || now.Epoch != d.Epoch+1 {
		t.Errorf("the device is %+v, %v", now, err)
	}
	back := dial(t, bed)
	if w := back.login(bed, c, "bob"); w.Cursor != 1 {
		t.Errorf("the acknowledgement before the logout is lost: cursor %d", w.Cursor)
	}
	back.next(wire.FrameMessage)
}

func TestLogoutThatIsNotStored(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	c, _ := bed.Phone(t, "FCM", "bob")
	p := dial(t, bed)
	p.login(bed, c, "bob")
	bed.Break(t)
	p.send(wire.ClientFrame{Type: wire.FrameLogout})
	p.closes(websocket.StatusTryAgainLater, "connect again later")
}

// TestResumeInThePage: a phone that loses its connection in the middle of a page gets the rest, once, and what it
// had not acknowledged again.
func TestResumeInThePage(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	c, d := bed.Phone(t, "FCM", "bob")
	post(t, bed, "bob", 50)
	got := map[int64]int{}
	read := func(p *phone, n int) (last int64) {
		for range n {
			last = p.next(wire.FrameMessage).Seq
			got[last]++
		}
		return last
	}
	first := dial(t, bed)
	first.login(bed, c, "bob")
	acked := read(first, 10)
	first.send(wire.ClientFrame{Type: wire.FrameAck, Seq: acked})
	waitFor(t, func() bool { // A connection that breaks may take with it what is not read yet.
		cursor, err := bed.Store.Cursor(t.Context(), d.Key, "bob")
		return err == nil && cursor == acked
	})
	last := read(first, 7) // whose acknowledgements are lost with the connection
	_ = first.conn.CloseNow()

	waitFor(t, func() bool { return !bed.Online(t, "bob") })
	second := dial(t, bed)
	if w := second.login(bed, c, "bob", last); w.Cursor != acked { // It never skips what is not acknowledged.
		t.Errorf("cursor %d, want %d", w.Cursor, acked)
	}
	read(second, 40)
	second.send(wire.ClientFrame{Type: wire.FrameAck, Seq: 50})
	second.ping()
	third := dial(t, bed)
	third.login(bed, c, "bob")
	third.ping() // nothing is left
	for seq := range int64(50) {
		if want := 1; got[seq+1] != want && (seq < acked || seq >= last || got[seq+1] != 2) {
			t.Errorf("%d came %d times", seq+1, got[seq+1])
		}
	}
}

// TestDoubleLogin: of two sessions of one device at a time one stays, and together they have no hole.
func TestDoubleLogin(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	c, _ := bed.Phone(t, "FCM", "bob")
	post(t, bed, "bob", 3)
	phones := []*phone{dial(t, bed), dial(t, bed)}
	for _, p := range phones {
		p.send(wire.ClientFrame{Type: wire.FrameLogin, Token: bed.UserToken(t, "bob"), PushID: c.PushID, DeviceSecret: c.DeviceSecret})
	}
	stayed := 0
	for _, p := range phones {
		var last int64
		for last < 3 {
			f, err := p.read()
			if err != nil || f.Type == wire.FrameKicked {
				break
			}
			if f.Type != wire.FrameMessage {
				continue
			}
			if f.Seq != last+1 {
				t.Errorf("got %d after %d", f.Seq, last)
			}
			last = f.Seq
		}
		if last == 3 {
			stayed++
		}
	}
	if stayed == 0 {
		t.Error("no session has the messages")
	}
}

func TestFloodsEndTheSession(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	c, _ := bed.Phone(t, "FCM", "bob")
	post(t, bed, "bob", 1)
	for name, f := range map[string]wire.ClientFrame{
		"pings": {Type: wire.FramePing}, "acknowledgements": {Type: wire.FrameAck, Seq: 1},
	} {
		p := dial(t, bed)
		p.login(bed, c, "bob", 0)
		p.next(wire.FrameMessage)
		for range 200 {
			if p.conn.Write(t.Context(), websocket.MessageText, []byte(`{"type":"`+f.Type+`","seq":1}`)) != nil {
				break
			}
		}
		for {
			_, err := p.read()
			if err == nil {
				continue
			}
			if websocket.CloseStatus(err) != websocket.StatusPolicyViolation || !strings.Contains(err.Error(), "too many frames") {
				t.Errorf("%s: %v", name, err)
			}
			break
		}
	}
}

// slow is a store that takes its time for acknowledgements.
type slow struct {
	*sqlite.Store
	mu    sync.Mutex
	begun chan struct{}
	pass  chan struct{}
	seqs  []int64
}

func (s *slow) Ack(ctx context.Context, device int64, userID string, seq int64) error {
	s.mu.Lock()
	s.seqs = append(s.seqs, seq)
	first := len(s.seqs) == 1
	s.mu.Unlock()
	if first {
		close(s.begun)
		<-s.pass
	}
	return s.Store.Ack(ctx, device, userID, seq)
}

// TestAcknowledgementsBecomeOne: those that come while one is being stored are one write.
func TestAcknowledgementsBecomeOne(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	c, _ := bed.Phone(t, "FCM", "bob")
	s := &slow{Store: bed.Store, begun: make(chan struct{}), pass: make(chan struct{})}
	serveWith(bed, s)
	post(t, bed, "bob", 20)
	p := dial(t, bed)
	p.login(bed, c, "bob")
	for seq := range int64(20) {
		p.next(wire.FrameMessage)
		p.send(wire.ClientFrame{Type: wire.FrameAck, Seq: seq + 1})
		if seq == 0 {
			<-s.begun
		}
	}
	p.raw(`{"type":"ack","seq":20}`)
	p.raw(`{"type":"login","token":"t","pushID":"p","deviceSecret":"s"}`)
	p.closes(websocket.StatusUnsupportedData, "takes one login") // It has read all that came before.
	close(s.pass)
	waitFor(t, func() bool { return !bed.Online(t, "bob") })
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Equal(s.seqs, []int64{1, 20}) {
		t.Errorf("20 acknowledgements were stored as %v", s.seqs)
	}
}

// TestPagesAreBounded: large messages come one by one, none is lost, and small ones come in pages again.
func TestPagesAreBounded(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	c, _ := bed.Phone(t, "FCM", "bob")
	for i := range 60 {
		body := "small"
		if i < 20 {
			body = strings.Repeat("x", 32<<10)
		}
		r := accept.Request{ClientID: fmt.Sprint(i), From: "alice", To: []string{"bob"}, Body: body}
		if err := bed.Acceptor.Accept(t.Context(), []accept.Request{r})[0].Err; err != nil {
			t.Fatal(err)
		}
	}
	p := dial(t, bed)
	p.login(bed, c, "bob")
	for seq := range int64(60) {
		if f := p.next(wire.FrameMessage); f.Seq != seq+1 {
			t.Fatalf("got %d, want %d", f.Seq, seq+1)
		}
	}
}

// TestPaceChangesWithTheConfiguration: the next pong tells it, and it counts from then on.
func TestPaceChangesWithTheConfiguration(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	c, _ := bed.Phone(t, "FCM", "bob")
	p := dial(t, bed)
	p.login(bed, c, "bob")
	bed.Configure(t, func(d *config.Document) { d.Routing.HeartbeatSeconds, d.Routing.OfflineAfterSeconds = 1, 2 })
	p.send(wire.ClientFrame{Type: wire.FramePing})
	if f := p.next(wire.FramePong); f.HeartbeatSeconds != 1 {
		t.Errorf("the pong tells %d", f.HeartbeatSeconds)
	}
	waitFor(t, func() bool { return !bed.Online(t, "bob") })
}
