package session

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/offlinepush/operator/dispatcher/lease"
	"github.com/offlinepush/operator/dispatcher/wire"
)

func newSession() *session {
	return &session{inbox: newReader(nil, "bob", 0), ended: make(chan struct{}), stopped: make(chan struct{})}
}

func TestEndWaitsForThePump(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		writing time.Duration // how long the pump's last write goes on by itself
		aborts  bool
		want    time.Duration
	}{
		{"short write", kickGrace / 2, false, kickGrace / 2},
		{"stuck write", writeTimeout, true, kickGrace},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newSession()
				aborted := make(chan struct{})
				s.abort = func() { close(aborted) }
				go func() { // the pump
					select {
					case <-time.After(tt.writing):
					case <-aborted:
					}
					close(s.stopped)
				}()
				start := time.Now()
				s.end(wire.KickedLoggedOut)
				if took := time.Since(start); took != tt.want {
					t.Errorf("took %v, want %v", took, tt.want)
				}
				select {
				case <-aborted:
					if !tt.aborts {
						t.Error("a short write was cut off")
					}
				default:
					if tt.aborts {
						t.Error("a stuck write goes on")
					}
				}
				s.end(wire.KickedReplaced)
				if s.reason != wire.KickedLoggedOut {
					t.Errorf("the reason is %q, want the first one", s.reason)
				}
			})
		})
	}
}

func TestNothingIsSentAfterTheEnd(t *testing.T) {
	t.Parallel()
	s := newSession()
	s.stop(wire.KickedRebound)
	frames := []wire.ServerFrame{{Type: wire.FrameMessage, Message: &wire.Message{Seq: 1}}}
	// The session has no connection: a frame that is sent is a panic.
	if err := s.sendAll(t.Context(), frames); !errors.Is(err, errEnded) || s.inbox.sent.Load() != 0 {
		t.Errorf("got %v, sent up to %d", err, s.inbox.sent.Load())
	}
}

// A lease that is over may have let the device change hands without a word to this process.
func TestNothingIsSentAfterTheLease(t *testing.T) {
	t.Parallel()
	s := newSession()
	s.term.Store(&lease.Term{})
	if _, _, err := s.next(t.Context()); !errors.Is(err, errTermOver) {
		t.Errorf("reading the inbox: %v, want errTermOver", err)
	}
	err := s.sendAll(t.Context(), []wire.ServerFrame{{Type: wire.FrameMessage, Message: &wire.Message{Seq: 1}}})
	if !errors.Is(err, errTermOver) || s.inbox.sent.Load() != 0 {
		t.Errorf("sending what was read: %v, sent up to %d; want errTermOver and nothing", err, s.inbox.sent.Load())
	}
}
