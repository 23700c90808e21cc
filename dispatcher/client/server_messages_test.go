package client_test

import (
	"testing"

	"github.com/offlinepush/operator/dispatcher/client"
	"github.com/offlinepush/operator/dispatcher/ingress/planetest"
	"github.com/offlinepush/operator/dispatcher/wire"
)

func TestMessagesAndPushes(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	_, d := bed.Phone(t, "FCM", "bob")
	ctx := t.Context()
	server := client.NewServer(bed.Server.URL, planetest.ServerKey, bed.Server.Client())
	sent, err := server.Send(ctx, wire.SendMessage{ClientID: "m", From: "anna", To: []string{"bob"}, Body: "one"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = server.Edit(ctx, sent.MessageID, wire.EditMessage{ClientID: "e", From: "anna", Body: "two"}); err != nil {
		t.Fatal(err)
	}
	if _, err = server.Apply(ctx, wire.SendApplication{ClientID: "a", From: "anna", To: []string{"bob"}, Type: "Friend", Action: "Send"}); err != nil {
		t.Fatal(err)
	}
	got, err := server.Messages(ctx, "bob", 0, 2)
	if err != nil || len(got.Messages) != 2 || got.Messages[0].Body != "two" || got.Messages[1].Of != sent.MessageID {
		t.Errorf("%+v, %v", got, err)
	}
	back := wire.RecallMessage{ClientID: "r", From: "anna"}
	if _, err = server.Recall(ctx, sent.MessageID, back); err != nil {
		t.Fatal(err)
	}
	back.ClientID = "again"
	if _, err = server.Recall(ctx, sent.MessageID, back); client.CodeOf(err) != wire.CodeRecalled {
		t.Errorf("a second recall: %v", err)
	}
	if got, err = server.Messages(ctx, "bob", 2, 0); err != nil || len(got.Messages) != 2 || got.Messages[1].Kind != "Recall" {
		t.Errorf("%+v, %v", got, err)
	}
	pushed, err := server.Push(ctx, wire.SendPush{ClientID: "p", From: "shop", PushIDs: []string{d.PushID, "unknown"}, Push: wire.Push{Title: "t"}})
	if err != nil || len(pushed.Receivers) != 2 || pushed.Receivers[0].Problem != "" || pushed.Receivers[1].Problem == "" {
		t.Errorf("%+v, %v", pushed, err)
	}
}
