package client_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/client"
	"github.com/offlinepush/operator/dispatcher/ingress/planetest"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// refused sends a push to bob that the vendor refuses, and gives its message.
func refused(t *testing.T, bed *planetest.Bed, server *client.Server, id string, class message.Class) string {
	t.Helper()
	sent, err := server.Send(t.Context(), wire.SendMessage{
		ClientID: id, From: "ann", To: []string{"bob"}, Body: "hello " + id, Push: &wire.Push{Title: "title " + id, Payload: "{}"},
	})
	if err != nil {
		t.Fatal(err)
	}
	rows := bed.Rows.All()
	row := rows[len(rows)-1]
	state := message.Failed
	if class == message.InvalidToken {
		state = message.Quarantined
	}
	if err := bed.Store.Settle(t.Context(), []store.Settlement{{DeliveryID: row.ID, Done: []store.TargetResult{{
		Target: row.Targets[0], State: state, Reason: string(class), TokenGen: 1,
		Outcome: message.Outcome{Class: class, Code: "400", Detail: "the vendor's words"},
	}}}}); err != nil {
		t.Fatal(err)
	}
	return sent.MessageID
}

func TestDeadLetters(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	_, server := both(t, bed)
	ctx := t.Context()
	_, d := bed.Phone(t, "Xiaomi", "bob")
	var ids []string
	for i := range 3 {
		ids = append(ids, refused(t, bed, server, fmt.Sprint(i), message.Rejected))
	}
	before := time.Now().Add(-time.Minute)
	page, err := server.DeadLetters(ctx, wire.LetterFilter{Channel: "xiaomi", UserID: "bob", State: "Failed", Since: &before}, "")
	if err != nil || len(page.Letters) != 3 || page.NextCursor != "" {
		t.Fatalf("%+v, %v", page, err)
	}
	newest := page.Letters[0]
	want := wire.DeadLetter{
		ID: newest.ID, MessageID: ids[2], UserID: "bob", PushID: d.PushID, Channel: "xiaomi", Rule: message.RuleOffline, State: "Failed", Reason: "Rejected",
		Class: "Rejected", Code: "400", Detail: "the vendor's words", At: newest.At, Kind: "Chat", From: "ann", Body: "hello 2",
		Push: &wire.Push{Title: "title 2", Payload: "{}"},
	}
	if diff := cmp.Diff(want, newest); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	counts, err := server.CountDeadLetters(ctx, wire.LetterFilter{Until: new(time.Now().Add(time.Minute))})
	if diff := cmp.Diff(wire.LetterCounts{Counts: []wire.LetterCount{{Channel: "xiaomi", State: "Failed", Reason: "Rejected", Count: 3}}, Total: 3}, counts); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	one, err := server.RequeueDeadLetters(ctx, wire.ChangeLetters{LetterFilter: wire.LetterFilter{IDs: []int64{newest.ID}}})
	rows := bed.Rows.All()
	if err != nil || one.Requeued != 1 || one.More || len(rows) != 4 || rows[3].MessageID != ids[2] || rows[3].Targets[0].Device != d.Key {
		t.Errorf("requeued %+v, %v; delivered %+v", one, err, rows)
	}
	purged, err := server.PurgeDeadLetters(ctx, wire.ChangeLetters{LetterFilter: wire.LetterFilter{MessageID: ids[0]}, Limit: 1})
	if err != nil || purged.Purged != 1 || !purged.More {
		t.Errorf("purged %+v, %v", purged, err)
	}
	all, err := server.RequeueDeadLetters(ctx, wire.ChangeLetters{All: true})
	if err != nil || all.Requeued != 1 || bed.Rows.All()[4].MessageID != ids[1] {
		t.Errorf("requeued %+v, %v", all, err)
	}
}

// TestDeadLettersAsked refuses what would be about all by mistake, and bounds that break their rules.
func TestDeadLettersAsked(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	_, server := both(t, bed)
	ctx := t.Context()
	for name, ask := range map[string]func() error{
		"requeue without a filter": func() error { _, err := server.RequeueDeadLetters(ctx, wire.ChangeLetters{Limit: 5}); return err },
		"purge without a filter":   func() error { _, err := server.PurgeDeadLetters(ctx, wire.ChangeLetters{}); return err },
		"too many": func() error {
			_, err := server.PurgeDeadLetters(ctx, wire.ChangeLetters{All: true, Limit: 1001})
			return err
		},
		"a state that is none":     func() error { _, err := server.CountDeadLetters(ctx, wire.LetterFilter{State: "Handed"}); return err },
		"a cursor of another list": func() error { _, err := server.DeadLetters(ctx, wire.LetterFilter{}, "x"); return err },
		"a row that is none": func() error {
			_, err := server.RestoreQuarantine(ctx, wire.RestoreQuarantine{Channel: "nokia", Since: time.Now()})
			return err
		},
		"a time to come": func() error {
			_, err := server.RestoreQuarantine(ctx, wire.RestoreQuarantine{Channel: "fcm", Since: time.Now().Add(time.Hour)})
			return err
		},
	} {
		if err := ask(); client.CodeOf(err) != wire.CodeInvalidRequest {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRestoreQuarantine(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	_, server := both(t, bed)
	ctx := t.Context()
	_, d := bed.Phone(t, "Xiaomi", "bob")
	since := time.Now().Add(-time.Second)
	id := refused(t, bed, server, "lost", message.InvalidToken)
	if stuck, err := server.RequeueDeadLetters(ctx, wire.ChangeLetters{All: true}); err != nil || stuck.Requeued != 0 {
		t.Fatalf("a push to a token in quarantine is requeued: %+v, %v", stuck, err)
	}
	done, err := server.RestoreQuarantine(ctx, wire.RestoreQuarantine{Channel: "xiaomi", Since: since, Retry: true})
	if diff := cmp.Diff(wire.RestoredQuarantine{Tokens: 1, Requeued: 1}, done); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	rows := bed.Rows.All()
	if len(rows) != 2 || rows[1].MessageID != id || rows[1].Targets[0].Device != d.Key {
		t.Errorf("delivered %+v", rows)
	}
	again, err := server.RestoreQuarantine(ctx, wire.RestoreQuarantine{Channel: "xiaomi", Since: since, Retry: true})
	if diff := cmp.Diff(wire.RestoredQuarantine{}, again); diff != "" || err != nil {
		t.Errorf("again: %v (-want +got):\n%s", err, diff)
	}
}
