package http_test

import (
	"errors"
	"testing"
	"time"

	"github.com/offlinepush/operator/dispatcher/simulator/traffic"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// What one dispatcher accepts reaches the session that another holds, in order, and needs no push; a
// user is online wherever the session is.
func TestMessageReachesSessionOfAnotherDispatcher(t *testing.T) {
	t.Parallel()
	const messages = 20
	w := newWorld(t, postgres())
	far := w.another(t)
	h := w.newPhone(t, vendors()[0])
	_, live := h.openAt(t, far, "olive")
	if !must1(w.server().Online(t.Context(), "olive"))(t) {
		t.Error("olive is not online for the dispatcher without her session")
	}
	for n := range int64(messages) {
		at := w.all[n%2]
		m := w.newMessage("alice", "olive")
		sent := must1(w.serverAt(at).Send(t.Context(), m))(t)
		want := wire.Message{Seq: n + 1, MessageID: sent.MessageID, Kind: "Chat", From: "alice", Body: m.Body, Push: m.Push}
		sameMessage(t, want, next(t, live))
	}
	w.settled(t)
	h.silent(t, 0)
}

// A takeover at one dispatcher ends the former user's session at another, and waits for its open vendor call.
func TestTakeoverReachesEveryDispatcher(t *testing.T) {
	t.Parallel()
	w := newWorld(t, postgres())
	far := w.another(t)
	online, offline := w.newPhone(t, vendors()[1]), w.newPhone(t, vendors()[0])
	session, messages := online.openAt(t, far, "olive")
	offline.bind(t, "oscar")
	w.fault(t, "fcm", traffic.Fault{LatencyMs: 1500, Path: "messages:send"})
	must1(w.serverAt(far).Send(t.Context(), w.newMessage("alice", "oscar")))(t)
	w.asksForToken(t)
	offline.bind(t, "ben")
	answered := time.Now()
	if a := offline.arrivals(t, 1)[0]; a.ArrivedAt.After(answered) {
		t.Errorf("the takeover was answered at %s, the former user's push was shown at %s", answered, a.ArrivedAt)
	}
	online.bind(t, "ben")
	w.send(t, w.newMessage("alice", "olive"))
	kicked(t, session, wire.KickedRebound)
	if len(messages) != 0 {
		t.Errorf("the former user's session got %+v", <-messages)
	}
}

// asksForToken waits until the first call to FCM is open: it has its access token, which it asks for after the fence.
func (w *world) asksForToken(t *testing.T) {
	t.Helper()
	until(t, "FCM is asked for a token", func() error {
		if len(must1(w.sim.Client.Requests(t.Context(), "fcm", 0, time.Second))(t)) == 0 {
			return errors.New("it is not")
		}
		return nil
	})
}

// While a dead dispatcher's lease lives, a takeover waits for it; a login that changes nothing does not.
func TestLoginDoesNotWaitForTheDead(t *testing.T) {
	t.Parallel()
	w := newWorld(t, postgres())
	victim := w.another(t)
	calm, contested := w.newPhone(t, vendors()[0]), w.newPhone(t, vendors()[1])
	calm.bind(t, "ann")
	contested.bind(t, "ben")
	rival := w.userToken(t, "cat")
	victim.Kill()
	takeover := make(chan error, 1)
	go func() {
		_, err := contested.device().Bind(t.Context(), rival)
		takeover <- err
	}()
	for range 3 {
		calm.bind(t, "ann")
	}
	select {
	case err := <-takeover:
		t.Errorf("the logins waited as long as a takeover that waits for the lease, which ended with %v", err)
	default:
		must(t, <-takeover)
	}
}
