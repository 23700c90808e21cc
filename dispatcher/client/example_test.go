package client_test

import (
	"context"
	"fmt"

	"github.com/offlinepush/operator/dispatcher/client"
	"github.com/offlinepush/operator/dispatcher/client/payload"
	"github.com/offlinepush/operator/dispatcher/ingress/planetest"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// running is a dispatcher, for the examples: its planes, its keys and the app's own login server.
func running() (d planes, end func()) {
	bed, tb, end := planetest.Example()
	return planes{
		Options: client.Options{
			BaseURL: bed.Device.URL, RegistrationKey: planetest.RegistrationKey, AppID: "app-1", HTTP: bed.Device.Client(),
			Sources: map[string]client.TokenSource{"Xiaomi": source{Alert: "regid-of-this-phone"}},
		},
		server:    client.NewServer(bed.Server.URL, planetest.ServerKey, bed.Server.Client()),
		userToken: func(userID string) string { return bed.UserToken(tb, userID) },
	}, end
}

type planes struct {
	client.Options
	server    *client.Server
	userToken func(userID string) string
}

func ExampleServer_Send() {
	d, end := running()
	defer end()
	server := d.server

	sent, err := server.Send(context.Background(), wire.SendMessage{
		ClientID: "alice-17", // Sending the same again is safe.
		From:     "alice",
		To:       []string{"bob"},
		Body:     `{"text":"Are you there?"}`,
		Push:     &wire.Push{Title: "Alice", Content: "Are you there?", ResourcesID: "im"},
	})
	if client.CodeOf(err) == wire.CodeBacklogFull {
		fmt.Println("too many pushes are pending: wait RetryAfter")
		return
	}
	fmt.Println(sent.Recipients[0].UserID, sent.Recipients[0].Seq, err)
	// Output: bob 1 <nil>
}

func ExamplePhone() {
	d, end := running()
	defer end()
	ctx, options, received := context.Background(), d.Options, make(chan string)

	options.Callbacks = client.Callbacks{
		Registered:      func(r client.Registered) { fmt.Println("registered through", r.Vendor) },
		MessageReceived: func(m wire.Message) error { received <- m.From + ": " + m.Body; return nil },
		Kicked:          func(reason string) { fmt.Println("show the login page:", reason) },
	}
	phone, err := client.NewPhone(options)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer phone.Close() // The process ends; the user stays logged in and is pushed.

	err = phone.SetPushConfig(client.PushConfig{Vendors: []client.VendorConfig{
		client.XiaomiConfig{AppID: "2882303761517000000", AppKey: "5801700000000", Region: "China"},
		client.HuaweiConfig{AppID: "104000001"},
	}})
	if err == nil {
		_, err = phone.Register(ctx) // At every start of the app.
	}
	if err == nil {
		err = phone.Login(ctx, d.userToken("bob"))
	}
	if err != nil {
		fmt.Println(err)
		return
	}

	_, err = d.server.Send(ctx, wire.SendMessage{ClientID: "1", From: "alice", To: []string{"bob"}, Body: "hi"})
	fmt.Println(<-received, err)
	fmt.Println(phone.SwitchUser(ctx, d.userToken("carol")), phone.UserID())
	fmt.Println(phone.Logout(ctx))
	// Output:
	// registered through Xiaomi
	// alice: hi <nil>
	// <nil> carol
	// <nil>
}

func ExamplePhone_Handle() {
	d, end := running()
	defer end()
	ctx, options := context.Background(), d.Options

	options.Callbacks = client.Callbacks{
		NotificationClicked: func(p payload.Payload) { fmt.Println("open", p.Payload) },
		PushDropped:         func(_ payload.Payload, err error) { fmt.Println("dropped:", err) },
	}
	phone, err := client.NewPhone(options)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer phone.Close()
	_ = phone.SetPushConfig(client.PushConfig{Vendors: []client.VendorConfig{client.XiaomiConfig{AppID: "1", AppKey: "2"}}})
	if _, err := phone.Register(ctx); err != nil {
		fmt.Println(err)
		return
	}
	if err := phone.Bind(ctx, d.userToken("bob")); err != nil { // Login without a session.
		fmt.Println(err)
		return
	}

	// onNotificationMessageClicked of Mi Push: getTitle, getDescription and getExtra.
	for _, user := range []string{"79d26af3a07e3a81e5dfb2dd8e1a2d0c", ""} {
		phone.Handle(client.PushClicked, payload.Raw{Title: "Alice", Content: "hi", Values: map[string]string{
			"payload":     `{"chat":"alice"}`,
			"offlinepush": `{"version":1,"messageID":"01a20a86","user":"` + user + `"}`,
		}})
	}
	// Output:
	// dropped: the push is for another user
	// open {"chat":"alice"}
}
