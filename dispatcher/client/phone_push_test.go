package client_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/client"
	"github.com/offlinepush/operator/dispatcher/client/payload"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// pushed is a push of the app "app-1" through FCM for a user; empty for one of a request for several.
func pushed(id, user string) payload.Raw {
	hash := ""
	if user != "" {
		hash = message.UserHash("app-1", user)
	}
	return payload.Raw{Title: id, Values: map[string]string{
		"payload": "payload of " + id, "offlinepush": fmt.Sprintf(`{"version":1,"messageID":%q,"user":%q}`, id, hash),
	}}
}

// pushes are what an app was told of pushes.
func (e events) pushes() client.Callbacks {
	about := func(what string) func(payload.Payload) {
		return func(p payload.Payload) { e <- what + " " + p.Envelope.MessageID }
	}
	return client.Callbacks{
		ThroughMessage: about("through"), NotificationArrived: about("arrived"), NotificationClicked: about("clicked"),
		PushDropped: func(p payload.Payload, err error) { e <- fmt.Sprintf("dropped %s: %v", p.Envelope.MessageID, err) },
	}
}

// TestPushes go to their callbacks, except those that the app must not show.
func TestPushes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		told := make(events, 100)
		p, l := f.loggedIn(t, client.Options{AppID: "app-1", Callbacks: told.pushes()})
		p.Handle(client.PushThrough, pushed("a", "bob"))
		p.Handle(client.PushThrough, pushed("a", "bob")) // the vendor sent it again
		p.Handle(client.PushArrived, pushed("a", "bob"))
		p.Handle(client.PushArrived, pushed("a", "bob"))
		p.Handle(client.PushClicked, pushed("a", "bob"))
		p.Handle(client.PushClicked, pushed("a", "bob")) // the user did
		p.Handle(client.PushArrived, pushed("b", "eve"))
		p.Handle(client.PushArrived, pushed("c", ""))
		p.Handle(client.PushThrough, payload.Raw{Title: "of the app's own"})
		l.say(wire.Message{Seq: 1, MessageID: "d"})
		p.Handle(client.PushThrough, pushed("d", "bob")) // the session was faster
		if err := p.Logout(t.Context()); err != nil {
			t.Fatal(err)
		}
		p.Handle(client.PushArrived, pushed("e", "bob"))
		p.Handle(client.PushClicked, pushed("f", ""))
		want := []string{
			"through a", "dropped a: the push repeats a message", "arrived a", "dropped a: the push repeats a message", "clicked a", "clicked a",
			"dropped b: the push is for another user", "arrived c", "dropped : the push is not from a dispatcher",
			"dropped d: the push repeats a message", "dropped e: the push is for another user", "dropped f: the push is for another user",
		}
		if diff := cmp.Diff(want, told.all()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// TestClicksWaitForRegister: a tap starts the app, which tells of it once it knows whose phone it is.
func TestClicksWaitForRegister(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		told, kept := make(events, 100), &shelf{}
		before, _ := f.loggedIn(t, client.Options{Storage: kept})
		before.Close()
		p, err := client.NewPhone(client.Options{
			BaseURL: "http://fake", HTTP: f.http, AppID: "app-1", Storage: kept, Callbacks: told.pushes(),
			Sources: map[string]client.TokenSource{"FCM": source{Alert: "token"}},
		})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		for n := range 20 {
			p.Handle(client.PushClicked, pushed(fmt.Sprint(n), "bob"))
		}
		p.Handle(client.PushClicked, pushed("of eve's", "eve"))
		if early := told.all(); len(early) > 0 {
			t.Errorf("before Register it told %v", early)
		}
		_ = p.SetPushConfig(client.PushConfig{Vendors: []client.VendorConfig{client.FCMConfig{}}})
		if _, err := p.Register(t.Context()); err != nil {
			t.Fatal(err)
		}
		var want []string
		for n := 5; n < 20; n++ { // the newest of a bounded number
			want = append(want, fmt.Sprint("clicked ", n))
		}
		if diff := cmp.Diff(append(want, "dropped of eve's: the push is for another user"), told.all()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// TestManyPushes are not remembered for ever.
func TestManyPushes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		dropped := 0
		p, _ := f.loggedIn(t, client.Options{AppID: "app-1", Callbacks: client.Callbacks{PushDropped: func(_ payload.Payload, err error) {
			if errors.Is(err, client.ErrRepeated) {
				dropped++
			}
		}}})
		for range 2 {
			for n := range 1025 {
				p.Handle(client.PushThrough, pushed(fmt.Sprint(n), "bob"))
			}
		}
		p.Handle(client.PushThrough, pushed("1024", "bob"))
		if dropped != 1 {
			t.Errorf("%d were dropped as repetitions, want the newest only", dropped)
		}
	})
}
