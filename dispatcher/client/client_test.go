package client_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/client"
	"github.com/offlinepush/operator/dispatcher/ingress/planetest"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// both is a phone that is not bound yet, and a server of its app.
func both(t *testing.T, bed *planetest.Bed) (*client.Device, *client.Server) {
	t.Helper()
	phone, err := client.Register(t.Context(), bed.Device.URL, planetest.RegistrationKey,
		wire.RegisterDevice{Vendor: "Xiaomi", Platform: "Android", Token: "token of " + t.Name()}, bed.Device.Client())
	if err != nil {
		t.Fatal(err)
	}
	return phone, client.NewServer(bed.Server.URL+"/", planetest.ServerKey, bed.Server.Client())
}

func TestLifeOfADevice(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	phone, server := both(t, bed)
	ctx, pushID := t.Context(), phone.Credentials.PushID
	bound := func(want ...string) {
		t.Helper()
		devices, err := server.Devices(ctx, "bob")
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, d := range devices {
			got = append(got, d.PushID)
			if d.Vendor != "Xiaomi" || d.Region != "China" || d.AppType != 1 || d.Platform != "Android" || d.Online || d.RegisteredAt.IsZero() {
				t.Errorf("%+v", d)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	bound()
	if user, err := phone.Bind(ctx, bed.UserToken(t, "bob")); err != nil || user != "bob" {
		t.Fatal(user, err)
	}
	bound(pushID)
	if err := phone.SetToken(ctx, "new token"); err != nil {
		t.Fatal(err)
	}
	if err := phone.Logout(ctx); err != nil {
		t.Fatal(err)
	}
	bound()
	if err := server.Bind(ctx, pushID, "bob"); err != nil {
		t.Fatal(err)
	}
	bound(pushID)
	if err := server.Unbind(ctx, pushID); err != nil {
		t.Fatal(err)
	}
	bound()
	restored := client.Restore(bed.Device.URL, phone.Credentials, bed.Device.Client())
	if err := restored.Unregister(ctx); err != nil {
		t.Fatal(err)
	}
	if err := server.Bind(ctx, pushID, "bob"); client.CodeOf(err) != wire.CodeNotFound {
		t.Errorf("binding a device that is gone: %v", err)
	}
}

func TestSession(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	phone, server := both(t, bed)
	ctx := t.Context()
	say := func(id string) wire.Sent {
		t.Helper()
		sent, err := server.Send(ctx, wire.SendMessage{ClientID: id, From: "alice", To: []string{"bob"}, Body: id, Push: &wire.Push{Title: "t"}})
		if err != nil {
			t.Fatal(err)
		}
		return sent
	}
	stored := say("stored")
	got := make(chan wire.Message, 10)
	open := func() *client.Session {
		t.Helper()
		s, err := phone.Open(ctx, client.Login{
			UserToken: bed.UserToken(t, "bob"),
			OnMessage: func(m wire.Message) error {
				got <- m
				return nil
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	session := open()
	if m := <-got; m.MessageID != stored.MessageID || m.Seq != 1 || m.Body != "stored" || m.Push.Title != "t" {
		t.Errorf("%+v", m)
	}
	if on, err := server.Online(ctx, "bob"); err != nil || !on || session.UserID() != "bob" {
		t.Error("bob is not online", err)
	}
	live := say("live")
	if m := <-got; m.MessageID != live.MessageID {
		t.Errorf("%+v", m)
	}
	session.Close()

	refused := errors.New("the app does not want it")
	say("refused")
	broken, err := phone.Open(ctx, client.Login{UserToken: bed.UserToken(t, "bob"), OnMessage: func(wire.Message) error { return refused }})
	if err != nil {
		t.Fatal(err)
	}
	if err := broken.Wait(); !errors.Is(err, refused) {
		t.Errorf("the callback's error: %v", err)
	}
	kicked := open()
	if m := <-got; m.Body != "refused" {
		t.Errorf("a message that was not acknowledged is lost, next is %+v", m)
	}
	if err := phone.Logout(ctx); err != nil {
		t.Fatal(err)
	}
	if e, ok := errors.AsType[*client.KickedError](kicked.Wait()); !ok || e.Reason != wire.KickedLoggedOut {
		t.Errorf("after the logout: %v", e)
	}
}

func TestHeartbeat(t *testing.T) {
	t.Parallel()
	beats := make(chan string, 10)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer func() { _ = conn.CloseNow() }()
		_, _, err = conn.Read(r.Context()) // the login
		welcome := `{"type":"welcome","userID":"bob","heartbeatSeconds":1}`
		for err == nil {
			if err = conn.Write(r.Context(), websocket.MessageText, []byte(welcome)); err == nil {
				var b []byte
				_, b, err = conn.Read(r.Context())
				beats <- string(b)
			}
			welcome = `{"type":"pong"}`
		}
	}))
	t.Cleanup(s.Close)
	session, err := client.Restore(s.URL, wire.RegisteredDevice{}, s.Client()).Open(t.Context(), client.Login{})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if beat := <-beats; beat != `{"type":"ping"}` {
			t.Errorf("got %s", beat)
		}
	}
	session.Close()
}

func TestOpenRefused(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	phone, _ := both(t, bed)
	if _, err := phone.Open(t.Context(), client.Login{UserToken: "wrong"}); err == nil || !strings.Contains(err.Error(), "user token is not valid") {
		t.Errorf("got %v", err)
	}
}

func TestBatchAndTrace(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	phone, server := both(t, bed)
	if _, err := phone.Bind(t.Context(), bed.UserToken(t, "bob")); err != nil {
		t.Fatal(err)
	}
	messages := make([]wire.SendMessage, wire.MaxBatch)
	for i := range messages {
		messages[i] = wire.SendMessage{ClientID: fmt.Sprint(i), From: "alice", To: []string{"bob"}, Push: &wire.Push{Title: "t"}}
	}
	messages[7].Push = nil
	results, err := server.SendBatch(t.Context(), messages)
	if err != nil || len(results) != len(messages) {
		t.Fatal(len(results), err)
	}
	for i, r := range results {
		if (r.Problem != nil) != (i == 7) || (r.Sent != nil) == (i == 7) {
			t.Errorf("result %d: %+v", i, r)
		}
	}
	trace, err := server.Trace(t.Context(), results[0].Sent.MessageID)
	if err != nil || len(trace.Devices) != 1 || trace.Devices[0].Channel != "xiaomi" || trace.Devices[0].State != "Pending" {
		t.Errorf("%+v, %v", trace, err)
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	_, server := both(t, bed)
	_, err := server.Send(t.Context(), wire.SendMessage{ClientID: "c", From: "a", To: []string{"b"}, Push: &wire.Push{Title: "t", ResourcesID: "ads"}})
	e, ok := errors.AsType[*client.Error](err)
	if !ok || e.Status != 422 || e.Code != wire.CodeInvalidRequest || e.RequestID == "" {
		t.Fatalf("got %v", err)
	}
	if !strings.Contains(err.Error(), "body.push.resourcesID: is no push profile of the app; there are [im]") {
		t.Errorf("the text does not say what to do: %v", err)
	}
	bed.Break(t)
	_, err = server.Devices(t.Context(), "bob")
	if e, ok := errors.AsType[*client.Error](err); !ok || e.Code != wire.CodeStoreUnavailable || e.RetryAfter != 2*time.Second {
		t.Errorf("got %v", err)
	}
}

func TestForeignAnswers(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		status int
		body   string
		code   bool
	}{
		"a proxy's page":    {502, "<html>", true},
		"another problem":   {404, `{"title":"Not Found"}`, true},
		"a good page":       {200, "<html>", false},
		"nothing":           {200, "", false},
		"a redirect":        {302, "", true},
		"a list for object": {200, "[]", false},
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(tt.status)
			_, _ = w.Write([]byte(tt.body))
		}))
		_, err := client.NewServer(s.URL, "key", s.Client()).Online(t.Context(), "u")
		s.Close()
		e, ok := errors.AsType[*client.Error](err)
		if err == nil || ok != tt.code || (ok && (e.Status != tt.status || e.Code != "")) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
