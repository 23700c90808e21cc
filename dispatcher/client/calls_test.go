package client_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/client"
	"github.com/offlinepush/operator/dispatcher/ingress/planetest"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// standing shows a call and its members.
func standing(c wire.Call, err error) string {
	if err != nil {
		return string(client.CodeOf(err))
	}
	out := []string{c.State + c.Reason}
	for _, m := range c.Members {
		out = append(out, m.UserID+":"+m.State)
	}
	return strings.Join(out, " ")
}

// TestCalls plays two calls, one by phones and one by the app's server.
func TestCalls(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	phone, server := both(t, bed)
	ctx, bob := t.Context(), bed.UserToken(t, "bob")
	if _, err := phone.Bind(ctx, bob); err != nil {
		t.Fatal(err)
	}
	of := wire.CallUser{UserID: "alice"}
	bobs, err := phone.BeginCall(ctx, bob, wire.BeginCall{ClientID: "1", CallInvitation: wire.CallInvitation{To: []string{"alice", "carl"}, Body: "b"}})
	if err != nil || bobs.Caller != "bob" || bobs.Body != "b" || bobs.Members[1].ExpiresAt == nil || bobs.EndedAt != nil {
		t.Fatalf("%+v, %v", bobs, err)
	}
	alices, err := server.BeginCall(ctx, wire.BeginCallFrom{From: "alice", BeginCall: wire.BeginCall{
		ClientID: "2", CallID: "room 7/1", CallInvitation: wire.CallInvitation{To: []string{"bob"}, TimeoutSeconds: 600, Push: &wire.Push{Title: "t"}},
	}})
	if err != nil || alices.CallID != "room 7/1" {
		t.Fatalf("%+v, %v", alices, err)
	}
	got := []string{
		standing(server.AcceptCall(ctx, bobs.CallID, wire.AnswerCallFor{CallUser: of})),
		standing(phone.InviteToCall(ctx, bob, bobs.CallID, wire.CallInvitation{To: []string{"dora"}})),
		standing(server.RejectCall(ctx, bobs.CallID, wire.AnswerCallFor{CallUser: wire.CallUser{UserID: "dora"}})),
		standing(phone.CancelCall(ctx, bob, bobs.CallID, wire.CallCancellation{To: []string{"carl"}})),
		standing(server.QuitCall(ctx, bobs.CallID, wire.LeaveCallFor{CallUser: of})),
		standing(server.Call(ctx, bobs.CallID)),
		standing(phone.AcceptCall(ctx, bob, alices.CallID)),
		standing(server.InviteToCall(ctx, alices.CallID, wire.InviteToCallFor{CallUser: of, CallInvitation: wire.CallInvitation{To: []string{"carl"}}})),
		standing(server.CancelCall(ctx, alices.CallID, wire.CancelCallFor{CallUser: of})),
		standing(phone.QuitCall(ctx, bob, alices.CallID, wire.CallLeaving{})),
		standing(phone.EndCall(ctx, bob, alices.CallID, wire.CallLeaving{})),
		standing(phone.RejectCall(ctx, bob, alices.CallID)),
		standing(server.EndCall(ctx, alices.CallID, wire.LeaveCallFor{CallUser: of})),
		standing(server.Call(ctx, "no such call")),
	}
	want := []string{
		"Ongoing bob:Accepted alice:Accepted carl:Invited",
		"Ongoing bob:Accepted alice:Accepted carl:Invited dora:Invited",
		"Ongoing bob:Accepted alice:Accepted carl:Invited dora:Rejected",
		"Ongoing bob:Accepted alice:Accepted carl:Cancelled dora:Rejected",
		"EndedQuit bob:Ended alice:Quit carl:Cancelled dora:Rejected",
		"EndedQuit bob:Ended alice:Quit carl:Cancelled dora:Rejected",
		"Ongoing alice:Accepted bob:Accepted",
		"Ongoing alice:Accepted bob:Accepted carl:Invited",
		"Ongoing alice:Accepted bob:Accepted carl:Cancelled",
		"EndedQuit alice:Ended bob:Quit carl:Cancelled",
		"call_over",
		"call_over",
		"call_over",
		"not_found",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
