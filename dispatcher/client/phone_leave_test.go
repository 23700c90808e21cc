package client_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/offlinepush/operator/dispatcher/client"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// hears waits for the phone's next frame.
func (l *line) hears(t *testing.T, want string) {
	t.Helper()
	if said, err := l.read(); err != nil || said.Type != want {
		t.Fatalf("the phone said %+v, %v, not %s", said, err, want)
	}
}

// TestPhoneLeavesInOrder: it takes no more messages, and goes when its acknowledgements are noted, or too late.
func TestPhoneLeavesInOrder(t *testing.T) {
	t.Parallel()
	for _, answers := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			f, told := newFake(t), make(events, 100)
			c := told.callbacks()
			c.ConnectionChanged = nil
			p, l := f.loggedIn(t, client.Options{Callbacks: c})
			began, closed := time.Now(), make(chan struct{})
			go func() {
				defer close(closed)
				p.Close()
			}()
			l.hears(t, wire.FramePing)
			l.send(wire.ServerFrame{Type: wire.FrameMessage, Message: &wire.Message{Seq: 1, MessageID: "late"}})
			if answers {
				l.send(wire.ServerFrame{Type: wire.FramePong})
			}
			<-closed
			if took := time.Since(began); (took > 0) == answers || took > 3*time.Second {
				t.Errorf("answered: %t, it took %s", answers, took)
			}
			if got := told.all(); len(got) > 0 || len(f.came()) != 1 {
				t.Errorf("the app was told %v, %d logins", got, len(f.came()))
			}
		})
	}
}

// TestPhoneLeavesBehindItsLastAcknowledgement: what the app is taking while it leaves is acknowledged first, and a pong that was
// owed before is none for its leaving.
func TestPhoneLeavesBehindItsLastAcknowledgement(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, taking, taken := newFake(t), make(chan struct{}), make(chan struct{})
		p, l := f.loggedIn(t, client.Options{Callbacks: client.Callbacks{MessageReceived: func(wire.Message) error {
			close(taking)
			<-taken
			return nil
		}}})
		l.hears(t, wire.FramePing)
		l.send(wire.ServerFrame{Type: wire.FrameMessage, Message: &wire.Message{Seq: 7, MessageID: "m"}})
		<-taking
		closed := make(chan struct{})
		go func() {
			defer close(closed)
			p.Close()
		}()
		synctest.Wait() // it leaves, while the app is not done
		close(taken)
		first, _ := l.read()
		second, _ := l.read()
		if first.Type != wire.FrameAck || second.Type != wire.FramePing {
			t.Errorf("it said %s, then %s", first.Type, second.Type)
		}
		l.send(wire.ServerFrame{Type: wire.FramePong})
		synctest.Wait()
		select {
		case <-closed:
			t.Error("it left with the answer to an earlier ping")
		default:
		}
		l.send(wire.ServerFrame{Type: wire.FramePong})
		<-closed
	})
}
