package client_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/offlinepush/operator/dispatcher/client"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// dispatcher stands for a running one.
func dispatcher(answer string) *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprint(w, answer)
	}))
}

func ExampleServer_Send() {
	d := dispatcher(`{"messageID":"01a20a87-2ccb-709e-98b6-5a6cb9472c7c","duplicate":false,"recipients":[{"userID":"bob","seq":1}]}`)
	defer d.Close()

	server := client.NewServer(d.URL, "the app's server key", nil)
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
	fmt.Println(sent.MessageID, sent.Recipients[0].Seq, err)
	// Output: 01a20a87-2ccb-709e-98b6-5a6cb9472c7c 1 <nil>
}

func ExampleRegister() {
	d := dispatcher(`{"pushID":"cHVzaA","deviceSecret":"c2VjcmV0"}`)
	defer d.Close()

	phone, err := client.Register(context.Background(), d.URL, "the app's registration key",
		wire.RegisterDevice{Vendor: "Xiaomi", Token: "the regid of the Mi Push SDK"}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("the app keeps", phone.Credentials.PushID, "and its secret")
	// Output: the app keeps cHVzaA and its secret
}
