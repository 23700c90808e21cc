package session_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/offlinepush/operator/dispatcher/accept"
	"github.com/offlinepush/operator/dispatcher/binding"
	"github.com/offlinepush/operator/dispatcher/ingress/planetest"
	"github.com/offlinepush/operator/dispatcher/ingress/wire"
)

// TestUsersSwitchOnOnePhone lets two users log in on one phone all the time
// while messages come for both: no session shows a message of another user, and
// every user reads the inbox without a hole.
func TestUsersSwitchOnOnePhone(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	c, d := bed.Phone(t, "FCM", "")
	var enough atomic.Bool
	var senders sync.WaitGroup
	for _, user := range []string{"bob", "eve"} {
		senders.Go(func() {
			for i := 0; !enough.Load(); i++ {
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
	enough.Store(true)
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
