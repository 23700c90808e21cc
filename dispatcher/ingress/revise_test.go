package ingress_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/ingress/planetest"
	rules "github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// post sends a request to the server plane and reads the answer into out.
func post(t *testing.T, bed *planetest.Bed, path, body string, out any) answer {
	t.Helper()
	got := send(t, bed.Server, request{method: "POST", path: path, body: body, header: bearer(planetest.ServerKey)})
	if got.status < 300 && out != nil {
		if err := json.Unmarshal([]byte(got.body), out); err != nil {
			t.Fatal(err)
		}
	}
	return got
}

// messageTo sends a message and gives its id.
func messageTo(t *testing.T, bed *planetest.Bed, clientID string, to ...string) string {
	t.Helper()
	users, _ := json.Marshal(to)
	var sent wire.Sent
	body := fmt.Sprintf(`{"clientID":%q,"from":"anna","to":%s,"body":"secret","push":{"title":"Anna","content":"secret"}}`, clientID, users)
	if got := post(t, bed, "/v1/messages", body, &sent); got.status != 202 {
		t.Fatal(got.status, got.body)
	}
	return sent.MessageID
}

// inboxOf reads a user's messages through the API.
func inboxOf(t *testing.T, bed *planetest.Bed, userID string, query string) wire.UserMessages {
	t.Helper()
	got := send(t, bed.Server, request{method: "GET", path: "/v1/users/" + userID + "/messages" + query, header: bearer(planetest.ServerKey)})
	var out wire.UserMessages
	if err := json.Unmarshal([]byte(got.body), &out); err != nil || got.status != 200 {
		t.Fatal(got.status, got.body, err)
	}
	return out
}

func TestARecallLeavesATombstone(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	_, d := bed.Phone(t, "FCM", "bob")
	id := messageTo(t, bed, "m", "bob", "carl")
	const body = `{"clientID":"r","from":"anna","push":{"title":"Anna","content":"took a message back"}}`
	var first, again wire.Sent
	if got := post(t, bed, "/v1/messages/"+id+"/recall", body, &first); got.status != 202 {
		t.Fatal(got.status, got.body)
	}
	want := []wire.Recipient{{UserID: "bob", Seq: 2}, {UserID: "carl", Seq: 2}}
	if diff := cmp.Diff(want, first.Recipients); diff != "" || first.Duplicate {
		t.Errorf("%+v (-want +got):\n%s", first, diff)
	}
	if got := post(t, bed, "/v1/messages/"+id+"/recall", body, &again); got.status != 200 || !again.Duplicate || again.MessageID != first.MessageID {
		t.Errorf("again: %d %+v", got.status, again)
	}
	for _, user := range []string{"bob", "carl"} {
		got := inboxOf(t, bed, user, "")
		if len(got.Messages) != 2 {
			t.Fatalf("%s has %+v", user, got)
		}
		tomb, event := got.Messages[0], got.Messages[1]
		if tomb.MessageID != id || !tomb.Recalled || tomb.Body != "" || tomb.Push != nil {
			t.Errorf("%s's tombstone: %+v", user, tomb)
		}
		if event.Kind != "Recall" || event.Of != id || event.Recalled || event.Push == nil || event.MessageID != first.MessageID {
			t.Errorf("%s's event: %+v", user, event)
		}
	}
	rows := bed.Rows.All()
	if len(rows) != 2 || rows[1].MessageID != first.MessageID || rows[1].Targets[0].Device != d.Key {
		t.Errorf("deliveries %+v, want one of the message and one of the recall", rows)
	}
	m, err := bed.Store.Message(t.Context(), first.MessageID)
	if err != nil || m.Detail.Replaces != id {
		t.Errorf("the recall replaces %q, %v", m.Detail.Replaces, err)
	}
}

func TestARecallWithoutPush(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	bed.Phone(t, "FCM", "bob")
	id := messageTo(t, bed, "m", "bob")
	var sent wire.Sent
	if got := post(t, bed, "/v1/messages/"+id+"/recall", `{"clientID":"r","from":"anna"}`, &sent); got.status != 202 {
		t.Fatal(got.status, got.body)
	}
	if trace := traceOf(t, bed, sent.MessageID); trace.Kind != "Recall" || trace.Of != id || len(trace.Devices) != 1 || trace.Devices[0].Reason != rules.ReasonNoPushConfig {
		t.Errorf("the recall's trace: %+v", trace)
	}
	if trace := traceOf(t, bed, id); trace.Kind != "Chat" || !trace.Recalled {
		t.Errorf("the message's trace: %+v", trace)
	}
}

func traceOf(t *testing.T, bed *planetest.Bed, id string) wire.Trace {
	t.Helper()
	got := send(t, bed.Server, request{method: "GET", path: "/v1/messages/" + id, header: bearer(planetest.ServerKey)})
	var out wire.Trace
	if err := json.Unmarshal([]byte(got.body), &out); err != nil || got.status != 200 {
		t.Fatal(got.status, got.body, err)
	}
	return out
}

func TestOnlyTheSenderChangesAMessageOnce(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	id := messageTo(t, bed, "m", "bob")
	gone := messageTo(t, bed, "n", "bob")
	var event wire.Sent
	if got := post(t, bed, "/v1/messages/"+gone+"/recall", `{"clientID":"first","from":"anna"}`, &event); got.status != 202 {
		t.Fatal(got.status, got.body)
	}
	for name, tt := range map[string]struct {
		id, request string
		status      int
		code        wire.Code
	}{
		"somebody else's":  {id, `{"clientID":"x","from":"eve"}`, 403, wire.CodeNotSender},
		"no message":       {"no-id", `{"clientID":"x","from":"anna"}`, 404, wire.CodeNotFound},
		"an unknown one":   {"019a0000-0000-7000-8000-000000000001", `{"clientID":"x","from":"anna"}`, 404, wire.CodeNotFound},
		"recalled already": {gone, `{"clientID":"x","from":"anna"}`, 409, wire.CodeRecalled},
		"a used client id": {id, `{"clientID":"n","from":"anna"}`, 409, wire.CodeIDConflict},
		"a recall":         {event.MessageID, `{"clientID":"x","from":"anna"}`, 422, wire.CodeInvalidRequest},
		"no client id":     {id, `{"clientID":"","from":"anna"}`, 422, wire.CodeInvalidRequest},
	} {
		for _, operation := range []string{"recall", "edit"} {
			body := tt.request
			if operation == "edit" {
				body = strings.TrimSuffix(body, "}") + `,"body":"better"}`
			}
			got := post(t, bed, "/v1/messages/"+tt.id+"/"+operation, body, nil)
			if got.status != tt.status || got.problem.Code != tt.code {
				t.Errorf("%s, %s: %d %s", name, operation, got.status, got.body)
			}
		}
	}
	if got := inboxOf(t, bed, "bob", ""); len(got.Messages) != 3 || got.Messages[0].Body != "secret" {
		t.Errorf("refused requests changed the inbox: %+v", got)
	}
}

func TestAnEditChangesTheBodyAndPushesNothing(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	bed.Phone(t, "FCM", "bob")
	id := messageTo(t, bed, "m", "bob")
	var first, again wire.Sent
	for i, body := range []string{"better", "best"} {
		req := fmt.Sprintf(`{"clientID":"e%d","from":"anna","body":%q}`, i, body)
		if got := post(t, bed, "/v1/messages/"+id+"/edit", req, &first); got.status != 202 {
			t.Fatal(got.status, got.body)
		}
		if got := post(t, bed, "/v1/messages/"+id+"/edit", req, &again); got.status != 200 || again.MessageID != first.MessageID {
			t.Errorf("again: %d %s", got.status, got.body)
		}
	}
	got := inboxOf(t, bed, "bob", "").Messages
	if len(got) != 3 || got[0].Body != "best" || got[1].Kind != "Edit" || got[1].Of != id || got[1].Body != "better" || got[2].Body != "best" {
		t.Errorf("the inbox: %+v", got)
	}
	if line := traceOf(t, bed, first.MessageID).Devices[0]; line.State != "Suppressed" || line.Reason != rules.ReasonKind {
		t.Errorf("the edit's push: %+v", line)
	}
	if n := len(bed.Rows.All()); n != 1 {
		t.Errorf("%d deliveries, want that of the message", n)
	}
}

func TestTheInboxIsReadInPages(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	for i := range 5 {
		messageTo(t, bed, fmt.Sprint("m", i), "bob")
	}
	var seqs []int64
	for after := int64(0); ; {
		page := inboxOf(t, bed, "bob", fmt.Sprintf("?after=%d&limit=2", after))
		if len(page.Messages) == 0 {
			break
		}
		if page.Gap || len(page.Messages) > 2 {
			t.Fatalf("%+v", page)
		}
		for _, m := range page.Messages {
			seqs = append(seqs, m.Seq)
		}
		after = seqs[len(seqs)-1]
	}
	if diff := cmp.Diff([]int64{1, 2, 3, 4, 5}, seqs); diff != "" {
		t.Error(diff)
	}
	if got := inboxOf(t, bed, "nobody", ""); len(got.Messages) != 0 || got.Gap {
		t.Errorf("nobody has %+v", got)
	}
	got := send(t, bed.Server, request{method: "GET", path: "/v1/users/bob/messages?limit=201", header: bearer(planetest.ServerKey)})
	if got.status != 422 {
		t.Errorf("a large page: %d %s", got.status, got.body)
	}
}
