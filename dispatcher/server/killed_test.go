package server

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/offlinepush/operator/dispatcher/client"
	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/peer"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/postgres"
	"github.com/offlinepush/operator/dispatcher/store/postgres/postgrestest"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// mute is a dispatcher that commits and tells nobody.
type mute struct {
	store *postgres.Store
	// asked holds a token when another dispatcher asked whether it is there, and waited for the answer.
	asked chan struct{}
	kill  func()
}

// newMute gives it a lease that outlives the test.
func newMute(t *testing.T, doc *config.Document) *mute {
	t.Helper()
	s, err := postgres.Open(t.Context(), postgres.Options{
		AppID: doc.App.AppID, Config: func() config.Postgres { return *doc.Store.Postgres }, SealingKey: doc.Keys.Sealing,
		Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	m := &mute{store: s, asked: make(chan struct{}, 1)}
	var incarnation int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := fmt.Fprintf(w, `{"incarnation":%d}`, incarnation)
		if err = errors.Join(err, http.NewResponseController(w).Flush(), r.Context().Err()); err != nil {
			return // Who asked is gone, and has no answer.
		}
		select {
		case m.asked <- struct{}{}:
		default:
		}
	}))
	addr := server.Listener.Addr().String()
	server.Listener = tls.NewListener(server.Listener, peer.Credential{Key: func() config.Secret { return doc.Keys.Peer }}.Server())
	l, err := s.AcquireLease(t.Context(), store.Holder{Pod: "mute", Addr: addr}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	incarnation = l.Incarnation
	server.Start()
	m.kill = func() {
		_ = server.Listener.Close()
		server.CloseClientConnections()
	}
	t.Cleanup(func() {
		server.Close()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

// commit accepts a message for the user as far as its commit.
func (m *mute) commit(t *testing.T, userID string) {
	t.Helper()
	id := uuid.Must(uuid.NewV7()).String()
	now := m.store.Now()
	if err := m.store.Accept(t.Context(), []store.AcceptRequest{{
		Message:  message.Message{ID: id, Kind: message.KindChat, Sender: "alice", Body: id, CreatedAt: now, PushExpiresAt: now.Add(time.Hour)},
		ClientID: id, Recipients: []string{userID}, IdempotentUntil: now.Add(time.Hour),
	}})[0].Err; err != nil {
		t.Fatal(err)
	}
}

// A session at another dispatcher sees what was committed by one that died before it told anybody.
func TestSessionsSeeTheLastWordsOfTheKilled(t *testing.T) {
	t.Parallel()
	db := postgrestest.Shared(t)
	doc := document("app-1", db.URI(db.NewDatabase(t)))
	d := start(t, doc)
	device, err := client.Register(t.Context(), d.url(t, "ready", "device"), testKey,
		wire.RegisterDevice{Vendor: "FCM", Token: "token"}, http.DefaultClient)
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan wire.Message, 1)
	d.phone(t, device.Credentials, func(m wire.Message) error { got <- m; return nil })
	m := newMute(t, doc)
	select {
	case <-m.asked:
	case <-time.After(patience):
		t.Error("nobody asks whether it is there")
	}
	m.commit(t, "bob")
	m.kill()
	select {
	case <-got:
	case <-time.After(patience): // Its lease lives much longer.
		t.Fatal("the session does not see the message")
	}
}
