package ingress_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // for machines without the time zone database

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/client"
	"github.com/offlinepush/operator/dispatcher/ingress/planetest"
	rules "github.com/offlinepush/operator/dispatcher/message" // message is the body of one here
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/wire"
)

func serverOf(bed *planetest.Bed) *client.Server {
	return client.NewServer(bed.Server.URL, planetest.ServerKey, bed.Server.Client())
}

// deviceOf registers a device for the client.
func deviceOf(t *testing.T, bed *planetest.Bed, d wire.RegisterDevice) *client.Device {
	t.Helper()
	out, err := client.Register(t.Context(), bed.Device.URL, planetest.RegistrationKey, d, bed.Device.Client())
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func mustBind(t *testing.T, bed *planetest.Bed, d *client.Device, userID string) {
	t.Helper()
	if _, err := d.Bind(t.Context(), bed.UserToken(t, userID)); err != nil {
		t.Fatal(err)
	}
}

// sent is the story of a message that the change makes of alice's to bob.
func sent(t *testing.T, bed *planetest.Bed, change func(*wire.SendMessage)) []wire.TraceDevice {
	t.Helper()
	m := wire.SendMessage{
		ClientID: fmt.Sprint("c-", time.Now().UnixNano()), From: "alice", To: []string{"bob"}, Body: "hello", Push: &wire.Push{Title: "Alice"},
	}
	if change != nil {
		change(&m)
	}
	answer, err := serverOf(bed).Send(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	trace, err := serverOf(bed).Trace(t.Context(), answer.MessageID)
	if err != nil {
		t.Fatal(err)
	}
	return trace.Devices
}

// decided checks the rule and the state of each line.
func decided(t *testing.T, lines []wire.TraceDevice, want ...string) {
	t.Helper()
	var got []string
	for _, l := range lines {
		got = append(got, l.State+" "+l.Rule)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("decisions (-want +got):\n%s", diff)
	}
}

func ruleOf(t *testing.T, text string) (rule wire.PushRule) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &rule); err != nil {
		t.Fatal(err)
	}
	return rule
}

const (
	everything = `{"offlinePush":true,"messagePush":true,"callPush":true}`
	desktop    = `{"callPush":false,"onlinePlatforms":["Windows"],"notToReceiveOfflinePushPlatforms":["android"],
		"quietHours":{"start":"22:00","end":"07:00","timeZone":"Asia/Shanghai","allowCalls":true}}`
)

func TestPushRules(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	server := serverOf(bed)
	phone := deviceOf(t, bed, wire.RegisterDevice{Vendor: "FCM", Platform: "Android", Token: "t"})
	mustBind(t, bed, phone, "bob")
	token := bed.UserToken(t, "bob")
	is := func(want string) {
		t.Helper()
		fromServer, err := server.PushRule(t.Context(), "bob")
		if err != nil {
			t.Fatal(err)
		}
		fromPhone, err := phone.PushRule(t.Context(), token)
		if err != nil {
			t.Fatal(err)
		}
		for _, got := range []wire.PushRule{fromServer, fromPhone} {
			if diff := cmp.Diff(ruleOf(t, want).Rule(), got.Rule()); diff != "" {
				t.Errorf("rule (-want +got):\n%s", diff)
			}
		}
	}
	is(everything)
	decided(t, sent(t, bed, nil), "Pending Offline")
	if err := server.SetPushRule(t.Context(), "bob", ruleOf(t, desktop)); err != nil {
		t.Fatal(err)
	}
	is(desktop)
	if err := phone.SetPushRule(t.Context(), token, ruleOf(t, `{"messagePush":false}`)); err != nil {
		t.Fatal(err)
	}
	is(`{"messagePush":false}`)
	decided(t, sent(t, bed, nil), "Suppressed MessagePushOff")
	if err := phone.SetPushRule(t.Context(), token, wire.PushRule{}); err != nil {
		t.Fatal(err)
	}
	is(everything)
}

// TestTellsOfRules: every change is in the inbox of the user, and is pushed nowhere.
func TestTellsOfRules(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	bed.Phone(t, "FCM", "bob")
	server := serverOf(bed)
	mutes := wire.SetMutes{Conversations: []wire.Conversation{{Type: "Group", ID: "g"}}, Muted: true}
	if err := server.SetPushRule(t.Context(), "bob", ruleOf(t, desktop)); err != nil {
		t.Fatal(err)
	}
	if err := server.SetMutes(t.Context(), "bob", mutes); err != nil {
		t.Fatal(err)
	}
	entries, _, err := bed.Store.Inbox(t.Context(), "bob", 0, 10)
	if err != nil || len(entries) != 2 {
		t.Fatalf("%d entries, %v", len(entries), err)
	}
	var told [2]wire.RuleChange
	for i, e := range entries {
		if e.Message.Kind != rules.KindRule || e.Message.Sender != "bob" || json.Unmarshal([]byte(e.Message.Body), &told[i]) != nil {
			t.Errorf("told by %+v", e.Message)
		}
		lines, err := bed.Store.Trace(t.Context(), e.Message.ID)
		if err != nil || len(lines) != 1 || lines[0].Rule != rules.ReasonKind || lines[0].State != rules.Suppressed {
			t.Errorf("pushed: %+v, %v", lines, err)
		}
	}
	if diff := cmp.Diff(ruleOf(t, desktop).Rule(), told[0].PushRule.Rule()); diff != "" {
		t.Errorf("told of the rule (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(&mutes, told[1].Mutes); diff != "" {
		t.Errorf("told of the mutes (-want +got):\n%s", diff)
	}
}

func TestMutes(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	server := serverOf(bed)
	phone := deviceOf(t, bed, wire.RegisterDevice{Vendor: "FCM", Token: "t"})
	mustBind(t, bed, phone, "bob")
	token := bed.UserToken(t, "bob")
	alice := wire.Conversation{Type: "Peer", ID: "alice"}
	if err := phone.SetMutes(t.Context(), token, wire.SetMutes{Conversations: []wire.Conversation{alice, {Type: "Group", ID: "g"}}, Muted: true}); err != nil {
		t.Fatal(err)
	}
	decided(t, sent(t, bed, nil), "Suppressed ConversationMuted")
	decided(t, sent(t, bed, func(m *wire.SendMessage) { m.From = "carl" }), "Pending Offline")
	decided(t, sent(t, bed, func(m *wire.SendMessage) { m.Push.Mode = "Force" }), "Pending Forced")
	decided(t, sent(t, bed, func(m *wire.SendMessage) { m.Push.Mode = "Never" }), "Suppressed PushNever")
	listed := func(want ...wire.Conversation) {
		t.Helper()
		fromServer, err := server.Mutes(t.Context(), "bob")
		if err != nil {
			t.Fatal(err)
		}
		fromPhone, err := phone.Mutes(t.Context(), token)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(fromServer, want) || !slices.Equal(fromPhone, want) {
			t.Errorf("muted %v and %v, want %v", fromServer, fromPhone, want)
		}
	}
	listed(wire.Conversation{Type: "Group", ID: "g"}, alice)
	if err := server.SetMutes(t.Context(), "bob", wire.SetMutes{Conversations: []wire.Conversation{alice}}); err != nil {
		t.Fatal(err)
	}
	listed(wire.Conversation{Type: "Group", ID: "g"})
	decided(t, sent(t, bed, nil), "Pending Offline")
}

func TestMutesAreBounded(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	server := serverOf(bed)
	var all []wire.Conversation
	for i := range rules.MaxMutes {
		all = append(all, wire.Conversation{Type: "Group", ID: fmt.Sprintf("g%04d", i)})
	}
	for part := range slices.Chunk(all, 10) {
		if err := server.SetMutes(t.Context(), "bob", wire.SetMutes{Conversations: part, Muted: true}); err != nil {
			t.Fatal(err)
		}
	}
	more := wire.SetMutes{Conversations: []wire.Conversation{all[0], {Type: "Peer", ID: "alice"}}, Muted: true}
	if err := server.SetMutes(t.Context(), "bob", more); client.CodeOf(err) != wire.CodeInvalidRequest || !strings.Contains(err.Error(), "1001 muted") {
		t.Errorf("one too many: %v", err)
	}
	more.Conversations = more.Conversations[:1]
	if err := server.SetMutes(t.Context(), "bob", more); err != nil {
		t.Errorf("one that is there: %v", err)
	}
	got, err := server.Mutes(t.Context(), "bob")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(all, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestRulesThatBreakARule(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	key := bearer(planetest.ServerKey)
	quiet := func(start, end, zone string) string {
		return fmt.Sprintf(`{"quietHours":{"start":%q,"end":%q,"timeZone":%q}}`, start, end, zone)
	}
	for _, tt := range []struct{ name, path, body, field, cure string }{
		{"no time", "/v1/users/bob/push-rule", quiet("25:00", "07:00", "UTC"), "body.quietHours.start", "match pattern"},
		{"no window", "/v1/users/bob/push-rule", quiet("07:00", "07:00", "UTC"), "body.quietHours.end", "must differ from start"},
		{"no zone", "/v1/users/bob/push-rule", quiet("22:00", "07:00", "Mars/Olympus"), "body.quietHours.timeZone", "IANA"},
		{"empty platform", "/v1/users/bob/push-rule", `{"onlinePlatforms":[""]}`, "body.onlinePlatforms[0]", "must not be empty"},
		{"many platforms", "/v1/users/bob/push-rule", `{"onlinePlatforms":["x"` + strings.Repeat(`,"x"`, 16) + `]}`, "body.onlinePlatforms", "<= 16"},
		{"no user", "/v1/users/%0a/push-rule", `{}`, "path.userID", "control characters"},
		{"a reserved user", "/v1/users/offlinepush:x/push-rule", `{}`, "body.userID", "reserved"},
		{"no conversation", "/v1/users/bob/mutes", `{"conversations":[],"muted":true}`, "body.conversations", ">= 1"},
		{"eleven", "/v1/users/bob/mutes", `{"conversations":[` + strings.Repeat(`{"type":"Peer","id":"a"},`, 10) + `{"type":"Peer","id":"a"}],"muted":true}`, "body.conversations", "<= 10"},
		{"twice", "/v1/users/bob/mutes", `{"conversations":[{"type":"Peer","id":"a"},{"type":"Peer","id":"a"}],"muted":true}`, "body.conversations[1]", "is there twice"},
		{"a room", "/v1/users/bob/mutes", `{"conversations":[{"type":"Room","id":"a"}],"muted":true}`, "body.conversations[0].type", "one of"},
		{"neither", "/v1/users/bob/mutes", `{"conversations":[{"type":"Peer","id":"a"}]}`, "body", "muted"},
		{"online for ever", "/v1/users/bob/presence", `{"online":true,"ttlSeconds":3601}`, "body.ttlSeconds", "<= 3600"},
		{"nobody online", "/v1/users/%0a/presence", `{"online":true}`, "path.userID", "control characters"},
	} {
		got := send(t, bed.Server, request{method: "PUT", path: tt.path, body: tt.body, header: key})
		if got.status != 422 || !slices.ContainsFunc(got.problem.Errors, func(e wire.FieldError) bool {
			return e.Field == tt.field && strings.Contains(e.Message, tt.cure)
		}) {
			t.Errorf("%s: got %d %s, want %s: ...%s...", tt.name, got.status, got.body, tt.field, tt.cure)
		}
	}
	if found, err := bed.Store.Recipients(t.Context(), []store.Ask{{UserID: "bob"}}); err != nil || found["bob"].Rule != nil {
		t.Errorf("a refused rule is kept: %+v, %v", found, err)
	}
}

func TestOwnRulesNeedBothProofs(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	c, _ := bed.Phone(t, "FCM", "bob")
	for _, path := range []string{"/push-rule", "/mutes"} {
		for _, method := range []string{"GET", "PUT"} {
			for name, header := range map[string]map[string]string{
				"no secret":        {"Authorization": "Bearer " + bed.UserToken(t, "bob")},
				"no token":         {wire.SecretHeader: c.DeviceSecret},
				"a wrong secret":   {"Authorization": "Bearer " + bed.UserToken(t, "bob"), wire.SecretHeader: "x"},
				"a wrong token":    {"Authorization": "Bearer x", wire.SecretHeader: c.DeviceSecret},
				"the server's":     {"Authorization": "Bearer " + planetest.ServerKey, wire.SecretHeader: c.DeviceSecret},
				"a registration's": {"Authorization": "Bearer " + planetest.RegistrationKey, wire.SecretHeader: c.DeviceSecret},
			} {
				body := ""
				if method == "PUT" {
					body = map[string]string{"/push-rule": `{}`, "/mutes": `{"conversations":[{"type":"Peer","id":"a"}],"muted":true}`}[path]
				}
				got := send(t, bed.Device, request{method: method, path: "/v1/devices/" + c.PushID + path, body: body, header: header})
				if got.status != 401 {
					t.Errorf("%s %s with %s: %d %s", method, path, name, got.status, got.body)
				}
			}
		}
	}
}

// TestDocumentedRules sends the requests of docs/rules.md.
func TestDocumentedRules(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "rules.md"))
	if err != nil {
		t.Fatal(err)
	}
	requests := regexp.MustCompile("(?s)```\n(PUT|POST) (\\S+)\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	if len(requests) != 5 {
		t.Errorf("found %d requests", len(requests))
	}
	for _, r := range requests {
		plane, header := bed.Server, bearer(planetest.ServerKey)
		if r[2] == "/v1/devices" {
			plane, header = bed.Device, bearer(planetest.RegistrationKey)
		}
		if got := send(t, plane, request{method: r[1], path: r[2], body: r[3], header: header}); got.status >= 300 {
			t.Errorf("%s %s: %d %s", r[1], r[2], got.status, got.body)
		}
	}
	for _, rule := range []string{
		rules.ReasonKind, rules.ReasonNoPushConfig, rules.ReasonPushNever, rules.ReasonOwnDevice, rules.ReasonNeverLoggedIn,
		rules.ReasonLoggedOut, rules.ReasonOnline, rules.ReasonPushOff, rules.ReasonMessagePushOff, rules.ReasonCallPushOff,
		rules.ReasonMuted, rules.ReasonQuietHours, rules.ReasonPlatform, rules.ReasonSessionOnly, rules.ReasonNoChannel,
		rules.ReasonAmbiguous, rules.RuleOffline, rules.RuleNotAcknowledged, rules.RuleMentioned, rules.RuleCallAllowed,
		rules.RuleForced, rules.RulePushTest,
	} {
		if !strings.Contains(string(text), "`"+rule+"`") {
			t.Errorf("docs/rules.md does not explain %s", rule)
		}
	}
}
