package server

import (
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/offlinepush/operator/dispatcher/client"
	"github.com/offlinepush/operator/dispatcher/store/postgres/postgrestest"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// phone is a device with a session at one of the dispatchers.
func (d *dispatcher) phone(t *testing.T, c wire.RegisteredDevice, got func(wire.Message) error) *client.Session {
	t.Helper()
	s, err := client.Restore(d.url(t, "ready", "device"), c, http.DefaultClient).Open(t.Context(), client.Login{
		UserToken: userToken(t, "bob"), OnMessage: got,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func (d *dispatcher) send(t *testing.T, id string) {
	t.Helper()
	server := client.NewServer(d.url(t, "ready", "server"), testKey, http.DefaultClient)
	if _, err := server.Send(t.Context(), wire.SendMessage{ClientID: id, From: "alice", To: []string{"bob"}, Body: id}); err != nil {
		t.Fatal(err)
	}
}

// TestSessionsOfSeveralDispatchers: whoever accepts a message, it reaches the
// session in its order; a session at another dispatcher ends the former.
func TestSessionsOfSeveralDispatchers(t *testing.T) {
	t.Parallel()
	const messages = 60
	db := postgrestest.Shared(t)
	doc := document("app-1", db.URI(db.NewDatabase(t)))
	all := []*dispatcher{start(t, doc), start(t, doc), start(t, doc)}
	device, err := client.Register(t.Context(), all[0].url(t, "ready", "device"), testKey,
		wire.RegisterDevice{Vendor: "FCM", Token: "token"}, http.DefaultClient)
	if err != nil {
		t.Fatal(err)
	}
	var last atomic.Int64
	got := func(m wire.Message) error {
		if !last.CompareAndSwap(m.Seq-1, m.Seq) {
			t.Errorf("got %d after %d", m.Seq, last.Load())
		}
		return nil
	}
	first := all[0].phone(t, device.Credentials, got)
	for i := range messages {
		all[i%3].send(t, fmt.Sprint("a", i))
	}
	eventually(t, "all messages arrive", func() bool { return last.Load() == messages })

	all[1].phone(t, device.Credentials, got)
	if kicked, ok := errors.AsType[*client.KickedError](first.Wait()); !ok || kicked.Reason != wire.KickedReplaced {
		t.Errorf("the former session ended with %v", first.Wait())
	}
	for i := range messages {
		all[i%3].send(t, fmt.Sprint("b", i))
	}
	eventually(t, "all messages arrive at the other dispatcher", func() bool { return last.Load() == 2*messages })
}
