package ingress_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/client"
	"github.com/offlinepush/operator/dispatcher/ingress/planetest"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// eventually waits for what the bed does in the background.
func eventually(t *testing.T, what string, met func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(time.Minute); !met(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("%s: not in time", what)
		}
	}
}

// inbox are the messages that a user has.
func inbox(t *testing.T, bed *planetest.Bed, userID string) []wire.Message {
	t.Helper()
	entries, _, err := bed.Store.Inbox(t.Context(), userID, 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	out := make([]wire.Message, len(entries))
	for i, e := range entries {
		out[i] = wire.MessageOf(e)
	}
	return out
}

func expanded(t *testing.T, bed *planetest.Bed) {
	t.Helper()
	eventually(t, "the expansion", func() bool {
		a, err := bed.Store.Account(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return a.Unexpanded == 0
	})
}

// problem is a refusal; an empty field means any.
type problem struct {
	status int
	code   wire.Code
	field  string
}

func wantProblem(t *testing.T, what string, err error, want problem) {
	t.Helper()
	p, ok := errors.AsType[*client.Error](err)
	if !ok || p.Status != want.status || p.Code != want.code {
		t.Errorf("%s: %v, want %+v", what, err, want)
		return
	}
	if want.field != "" && (len(p.Errors) != 1 || p.Errors[0].Field != want.field) {
		t.Errorf("%s: fields %v, want %s", what, p.Errors, want.field)
	}
}

func TestGroupMessage(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	s := serverOf(bed)
	for _, u := range []string{"anna", "bert", "carl", "dora"} {
		bed.Phone(t, "FCM", u)
	}
	c, err := s.PutGroup(t.Context(), "team a", []string{"anna", "bert", "carl"})
	if want := (wire.GroupChange{GroupID: "team a", Created: true, Changed: 3, Members: 3}); err != nil || c != want {
		t.Fatalf("%+v, %v, want %+v", c, err, want)
	}
	m := wire.SendGroupMessage{
		ClientID: "c-1", From: "anna", Body: "lunch?", Push: &wire.Push{Title: "Team", Content: "lunch?"},
		Mentions: &wire.Mentions{UserIDs: []string{"bert"}},
	}
	sent, err := s.SendToGroup(t.Context(), "team a", m)
	if err != nil || sent.Duplicate {
		t.Fatalf("%+v, %v", sent, err)
	}
	expanded(t, bed)
	for _, u := range []string{"anna", "bert", "carl"} {
		entries := inbox(t, bed, u)
		if len(entries) != 1 || entries[0].Seq != 1 {
			t.Fatalf("%s has %+v", u, entries)
		}
		if got := entries[0]; got.MessageID != sent.MessageID || got.GroupID != "team a" || got.Body != "lunch?" || !slices.Equal(got.Mentions.UserIDs, []string{"bert"}) {
			t.Errorf("%s has %+v", u, got)
		}
	}
	if entries := inbox(t, bed, "dora"); len(entries) != 0 {
		t.Errorf("a stranger has %v", entries)
	}
	eventually(t, "the row", func() bool { return len(bed.Rows.All()) > 0 })
	rows := bed.Rows.All()
	if len(rows) != 1 || len(rows[0].Targets) != 2 {
		t.Errorf("pushed %+v, want one row for bert and carl", rows)
	}
	trace, err := s.Trace(t.Context(), sent.MessageID)
	if err != nil {
		t.Fatal(err)
	}
	states := map[string]string{}
	for _, d := range trace.Devices {
		states[d.UserID] = d.State + d.Reason
	}
	want := map[string]string{"anna": "SuppressedSenderOwnDevice", "bert": "Pending", "carl": "Pending"}
	if diff := cmp.Diff(want, states); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	again, err := s.SendToGroup(t.Context(), "team a", m)
	if want := (wire.GroupSent{MessageID: sent.MessageID, Duplicate: true}); err != nil || again != want {
		t.Errorf("repeated: %+v, %v, want %+v", again, err, want)
	}
	m.Target = &wire.Target{Except: []string{"bert"}}
	_, err = s.SendToGroup(t.Context(), "team a", m)
	wantProblem(t, "another audience", err, problem{http.StatusConflict, wire.CodeIDConflict, ""})
}

func TestGroupAudience(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	s := serverOf(bed)
	if _, err := s.PutGroup(t.Context(), "g", []string{"anna", "bert", "carl", "dora"}); err != nil {
		t.Fatal(err)
	}
	for i, tt := range []struct {
		target wire.Target
		want   []string
	}{
		{wire.Target{Only: []string{"bert", "nobody"}}, []string{"anna", "bert"}},
		{wire.Target{Except: []string{"bert", "anna"}}, []string{"carl", "dora"}},
	} {
		sent, err := s.SendToGroup(t.Context(), "g", wire.SendGroupMessage{
			ClientID: fmt.Sprint(i), From: "anna", Body: "x", Target: &tt.target,
		})
		if err != nil {
			t.Fatal(err)
		}
		expanded(t, bed)
		var got []string
		for _, u := range []string{"anna", "bert", "carl", "dora"} {
			for _, e := range inbox(t, bed, u) {
				if e.MessageID == sent.MessageID {
					got = append(got, u)
				}
			}
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", tt.target, diff)
		}
	}
}

func TestGroupRefusals(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	s := serverOf(bed)
	if _, err := s.PutGroup(t.Context(), "g", []string{"anna"}); err != nil {
		t.Fatal(err)
	}
	send := func(groupID string, change func(*wire.SendGroupMessage)) error {
		m := wire.SendGroupMessage{ClientID: "c", From: "anna", Body: "x"}
		change(&m)
		_, err := s.SendToGroup(t.Context(), groupID, m)
		return err
	}
	as := func(who string) func(*wire.SendGroupMessage) { return func(m *wire.SendGroupMessage) { m.From = who } }
	const bad, refused, gone = http.StatusUnprocessableEntity, wire.CodeInvalidRequest, http.StatusNotFound
	wantProblem(t, "an unknown group", send("nowhere", as("anna")), problem{gone, wire.CodeNotFound, ""})
	wantProblem(t, "a stranger", send("g", as("bert")), problem{bad, refused, "body.from"})
	wantProblem(t, "both targets", send("g", func(m *wire.SendGroupMessage) {
		m.Target = &wire.Target{Only: []string{"a"}, Except: []string{"b"}}
	}), problem{bad, refused, "body.target"})
	wantProblem(t, "one twice", send("g", func(m *wire.SendGroupMessage) {
		m.Target = &wire.Target{Only: []string{"a", "a"}}
	}), problem{bad, refused, "body.target.only[1]"})
	wantProblem(t, "a bad mention", send("g", func(m *wire.SendGroupMessage) {
		m.Mentions = &wire.Mentions{UserIDs: []string{"a\nb"}}
	}), problem{bad, refused, "body.mentions.userIDs[0]"})
	wantProblem(t, "a bad id", send("g\n", as("anna")), problem{bad, refused, "path.groupID"})
	_, err := s.AddMembers(t.Context(), "nowhere", []string{"anna"})
	wantProblem(t, "adding to an unknown group", err, problem{gone, wire.CodeNotFound, ""})
	_, err = s.RemoveMembers(t.Context(), "g", []string{"a", ""})
	wantProblem(t, "removing nobody", err, problem{bad, refused, "body.userIDs[1]"})
	_, err = s.Members(t.Context(), "nowhere")
	wantProblem(t, "listing an unknown group", err, problem{gone, wire.CodeNotFound, ""})
	wantProblem(t, "deleting an unknown group", s.DeleteGroup(t.Context(), "nowhere"), problem{gone, wire.CodeNotFound, ""})
	if err := s.DeleteGroup(t.Context(), "g"); err != nil {
		t.Fatal(err)
	}
	wantProblem(t, "a deleted group", send("g", as("anna")), problem{gone, wire.CodeNotFound, ""})
}

func TestGroupLists(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	s := serverOf(bed)
	var users []string
	for i := range 450 {
		users = append(users, fmt.Sprintf("user-%03d", i))
	}
	if _, err := s.PutGroup(t.Context(), "g", users); err != nil {
		t.Fatal(err)
	}
	if _, err := s.RemoveMembers(t.Context(), "g", users[:1]); err != nil {
		t.Fatal(err)
	}
	if _, err := s.PutGroup(t.Context(), "h", users[:3]); err != nil {
		t.Fatal(err)
	}
	members, err := s.Members(t.Context(), "g")
	if diff := cmp.Diff(users[1:], members); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	groups, err := s.GroupsOf(t.Context(), "user-001")
	if diff := cmp.Diff([]wire.Group{{GroupID: "g", Members: 449}, {GroupID: "h", Members: 3}}, groups); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

// What a sender takes back or edits in a group reaches whom the message was for, and nobody else.
func TestGroupMessagesAreRevised(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	s := serverOf(bed)
	if _, err := s.PutGroup(t.Context(), "g", []string{"anna", "bert", "carl"}); err != nil {
		t.Fatal(err)
	}
	sent, err := s.SendToGroup(t.Context(), "g", wire.SendGroupMessage{
		ClientID: "c", From: "anna", Body: "lunch?", Target: &wire.Target{Except: []string{"carl"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	edit := wire.EditMessage{ClientID: "e", From: "anna", Body: "dinner?"}
	if _, err := s.Edit(t.Context(), sent.MessageID, edit); err != nil {
		t.Fatal(err)
	}
	recall := wire.RecallMessage{ClientID: "r", From: "anna", Push: &wire.Push{Title: "Team", Content: "taken back"}}
	first, err := s.Recall(t.Context(), sent.MessageID, recall)
	if err != nil || len(first.Recipients) != 0 {
		t.Fatalf("%+v, %v", first, err)
	}
	if again, err := s.Recall(t.Context(), sent.MessageID, recall); err != nil || !again.Duplicate || again.MessageID != first.MessageID {
		t.Errorf("repeated: %+v, %v", again, err)
	}
	expanded(t, bed)
	for user, want := range map[string][]string{"anna": {"Chat", "Edit", "Recall"}, "bert": {"Chat", "Edit", "Recall"}, "carl": nil} {
		var kinds []string
		for _, m := range inbox(t, bed, user) {
			kinds = append(kinds, m.Kind)
			if m.GroupID != "g" || m.Kind != "Chat" && m.Of != sent.MessageID || m.Kind == "Chat" && (m.Body != "" || !m.Recalled) {
				t.Errorf("%s has %+v", user, m)
			}
		}
		if diff := cmp.Diff(want, kinds); diff != "" {
			t.Errorf("%s (-want +got):\n%s", user, diff)
		}
	}
	if _, err := s.RemoveMembers(t.Context(), "g", []string{"anna"}); err != nil {
		t.Fatal(err)
	}
	edit.ClientID = "late"
	_, err = s.Edit(t.Context(), sent.MessageID, edit)
	wantProblem(t, "by who has left", err, problem{http.StatusUnprocessableEntity, wire.CodeInvalidRequest, "body.from"})
}
