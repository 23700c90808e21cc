package ingress_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/offlinepush/operator/dispatcher/ingress/planetest"
	rules "github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/wire"
)

func TestReceiversThatBreakARuleAreLeftOut(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	const body = `{"clientID":"c","from":"anna","to":["bob","a\nb","bob","eve"],"body":"x"}`
	for i, status := range []int{202, 200} {
		var sent wire.Sent
		got := post(t, bed, "/v1/messages", body, &sent)
		if got.status != status {
			t.Fatalf("time %d: %d %s", i, got.status, got.body)
		}
		want := []wire.Recipient{
			{UserID: "bob", Seq: 1},
			{UserID: "a\nb", Problem: "must not contain control characters"},
			{UserID: "bob", Problem: "is there twice, name every receiver once"},
			{UserID: "eve", Seq: 1},
		}
		if diff := cmp.Diff(want, sent.Recipients); diff != "" {
			t.Errorf("time %d (-want +got):\n%s", i, diff)
		}
	}
	other := strings.Replace(body, `a\nb`, `a\tb`, 1)
	if got := post(t, bed, "/v1/messages", other, nil); got.problem.Code != wire.CodeIDConflict {
		t.Errorf("another receiver that is left out: %d %s", got.status, got.body)
	}
}

func TestKindsThatNeverPush(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	bed.Phone(t, "FCM", "bob")
	for _, kind := range []string{"Command", "Room"} {
		var sent wire.Sent
		body := fmt.Sprintf(`{"clientID":%q,"from":"anna","to":["bob"],"kind":%q,"push":{"title":"t"}}`, kind, kind)
		if got := post(t, bed, "/v1/messages", body, &sent); got.status != 202 {
			t.Fatal(got.status, got.body)
		}
		trace := traceOf(t, bed, sent.MessageID)
		if trace.Kind != kind || len(trace.Devices) != 1 || trace.Devices[0].Reason != rules.ReasonKind {
			t.Errorf("%s: %+v", kind, trace)
		}
	}
	if n := len(bed.Rows.All()); n != 0 {
		t.Errorf("%d deliveries", n)
	}
	got := inboxOf(t, bed, "bob", "").Messages
	if len(got) != 2 || got[0].Kind != "Command" || got[1].Kind != "Room" {
		t.Errorf("the inbox: %+v", got)
	}
	if got := post(t, bed, "/v1/messages", `{"clientID":"x","from":"a","to":["b"],"body":"x","kind":"Call"}`, nil); got.status != 422 {
		t.Errorf("a call as a message: %d %s", got.status, got.body)
	}
}

func TestAPushToUsers(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	_, d := bed.Phone(t, "FCM", "bob")
	const body = `{"clientID":"c","from":"system","users":["bob","carl",""],"push":{"title":"Sale"}}`
	var sent wire.SentPush
	if got := post(t, bed, "/v1/pushes", body, &sent); got.status != 202 {
		t.Fatal(got.status, got.body)
	}
	want := []wire.PushReceiver{{UserID: "bob"}, {UserID: "carl"}, {Problem: "must not be empty"}}
	if diff := cmp.Diff(want, sent.Receivers); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := post(t, bed, "/v1/pushes", body, &sent); got.status != 200 || !sent.Duplicate {
		t.Errorf("again: %d %s", got.status, got.body)
	}
	trace := traceOf(t, bed, sent.MessageID)
	lines := []wire.TraceDevice{
		{UserID: "bob", PushID: d.PushID, Channel: "fcm", Rule: rules.RuleDirect, State: "Pending"},
		{UserID: "carl", Rule: rules.ReasonNeverLoggedIn, State: "Suppressed", Reason: rules.ReasonNeverLoggedIn},
	}
	if diff := cmp.Diff(lines, trace.Devices, cmpopts.IgnoreFields(wire.TraceDevice{}, "At")); diff != "" || trace.Kind != "Push" {
		t.Errorf("%s (-want +got):\n%s", trace.Kind, diff)
	}
	if got := inboxOf(t, bed, "bob", ""); len(got.Messages) != 0 {
		t.Errorf("a push is in the inbox: %+v", got)
	}
	messageTo(t, bed, "m", "bob")
	if got := inboxOf(t, bed, "bob", "").Messages; len(got) != 1 || got[0].Seq != 1 {
		t.Errorf("the first message behind a push: %+v", got)
	}
}

func TestAPushToDevices(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	_, bound := bed.Phone(t, "FCM", "bob")
	_, free := bed.Phone(t, "Xiaomi", "")
	body := fmt.Sprintf(`{"clientID":"c","from":"bob","pushIDs":[%q,"unknown",%q,%q],"push":{"title":"t"}}`, bound.PushID, free.PushID, free.PushID)
	var sent wire.SentPush
	if got := post(t, bed, "/v1/pushes", body, &sent); got.status != 202 {
		t.Fatal(got.status, got.body)
	}
	want := []wire.PushReceiver{
		{PushID: bound.PushID},
		{PushID: "unknown", Problem: "is of no device of the app; it may be unregistered, or of another app"},
		{PushID: free.PushID},
		{PushID: free.PushID, Problem: "is there twice, name every receiver once"},
	}
	if diff := cmp.Diff(want, sent.Receivers); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	var devices []int64
	for _, row := range bed.Rows.All() {
		for _, target := range row.Targets {
			devices = append(devices, target.Device)
			if target.Seq != 0 {
				t.Errorf("device %d waits for the acknowledgement of %d", target.Device, target.Seq)
			}
		}
	}
	if diff := cmp.Diff([]int64{bound.Key, free.Key}, devices); diff != "" {
		t.Errorf("pushed (-want +got):\n%s", diff)
	}
}

func TestPushesThatBreakARule(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	for name, tt := range map[string]struct{ receivers, field string }{
		"nobody":       {`"users":[]`, "body.users"},
		"both":         {`"users":["bob"],"pushIDs":["p"]`, "body.pushIDs"},
		"unknown ones": {`"pushIDs":["p","q"]`, "body.pushIDs[0]"},
		"no good one":  {`"users":[""]`, "body.users[0]"},
	} {
		got := post(t, bed, "/v1/pushes", `{"clientID":"c","from":"system","push":{"title":"t"},`+tt.receivers+`}`, nil)
		if got.status != 422 || len(got.problem.Errors) != 1 || got.problem.Errors[0].Field != tt.field {
			t.Errorf("%s: %d %s, want %s", name, got.status, got.body, tt.field)
		}
	}
	if got := post(t, bed, "/v1/pushes", `{"clientID":"c","from":"system","users":["bob"],"push":{}}`, nil); got.status != 422 {
		t.Errorf("a push of nothing: %d %s", got.status, got.body)
	}
}

func TestApplications(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	bed.Phone(t, "FCM", "bob")
	apply := func(id, fields string) answer {
		return post(t, bed, "/v1/applications", fmt.Sprintf(`{"clientID":%q,"from":"anna","to":["bob"],%s,"push":{"title":"Anna"}}`, id, fields), nil)
	}
	for id, fields := range map[string]string{
		"a": `"type":"Friend","action":"Send","body":"It is me"`, "b": `"type":"GroupJoin","action":"Accept","groupID":"g"`,
	} {
		if got := apply(id, fields); got.status != 202 {
			t.Errorf("%s: %d %s", fields, got.status, got.body)
		}
	}
	for _, m := range inboxOf(t, bed, "bob", "").Messages {
		want := wire.Application{Type: "Friend", Action: "Send"}
		if m.GroupID != "" {
			want = wire.Application{Type: "GroupJoin", Action: "Accept"}
		}
		if m.Kind != "Application" || *m.Application != want {
			t.Errorf("%+v, want %+v", m, want)
		}
	}
	if n := len(bed.Rows.All()); n != 2 {
		t.Errorf("%d deliveries, want 2: applications push", n)
	}
	for fields, field := range map[string]string{
		`"type":"Friend","action":"Send","groupID":"g"`: "body.groupID", `"type":"GroupInvite","action":"Send"`: "body.groupID",
		`"type":"Enemy","action":"Send"`: "body.type", `"type":"Friend","action":"Ask"`: "body.action",
	} {
		if got := apply("x", fields); got.status != 422 || got.problem.Errors[0].Field != field {
			t.Errorf("%s: %d %s, want %s", fields, got.status, got.body, field)
		}
	}
}
