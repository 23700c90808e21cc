package ingress_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // for machines without the time zone database

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/client"
	"github.com/offlinepush/operator/dispatcher/ingress/planetest"
	"github.com/offlinepush/operator/dispatcher/message"
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
		if e.Message.Kind != message.KindRule || e.Message.Sender != "bob" || json.Unmarshal([]byte(e.Message.Body), &told[i]) != nil {
			t.Errorf("told by %+v", e.Message)
		}
		lines, err := bed.Store.Trace(t.Context(), e.Message.ID)
		if err != nil || len(lines) != 1 || lines[0].Rule != message.ReasonKind || lines[0].State != message.Suppressed {
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
	for i := range message.MaxMutes {
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

func TestPresence(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	server := serverOf(bed)
	_, bob := bed.Phone(t, "FCM", "bob")
	_, carl := bed.Phone(t, "Xiaomi", "carl")
	_, dora := bed.Phone(t, "OPPO", "dora")
	if _, err := bed.Store.Unbind(t.Context(), dora.Key); err != nil {
		t.Fatal(err)
	}
	if _, err := bed.Store.Connect(t.Context(), []store.Session{{Device: carl.Key, Epoch: carl.Epoch, Number: 1}}); err != nil {
		t.Fatal(err)
	}
	users := []string{"carl", "bob", "dora", "nobody", "bob"}
	statuses := func(want ...string) {
		t.Helper()
		found, err := server.QueryPresence(t.Context(), users)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for i, p := range found {
			if got = append(got, p.Status); p.UserID != users[i] || p.Online != (p.Status == wire.StatusOnline) {
				t.Errorf("%+v for %s", p, users[i])
			}
			if alone, err := server.Presence(t.Context(), users[i]); err != nil || alone != p {
				t.Errorf("%s alone: %+v, %v", users[i], alone, err)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	statuses("Online", "Offline", "LoggedOut", "NeverLoggedIn", "Offline")
	if err := server.SetPresence(t.Context(), "bob", wire.SetPresence{Online: true, TTLSeconds: 600}); err != nil {
		t.Fatal(err)
	}
	statuses("Online", "Online", "LoggedOut", "NeverLoggedIn", "Online")
	decided(t, sent(t, bed, func(m *wire.SendMessage) { m.To = users[:4] }),
		"Suppressed OnlineElsewhere", "Pending NotAcknowledged", "Suppressed LoggedOut", "Suppressed NeverLoggedIn")
	if err := server.SetPresence(t.Context(), "bob", wire.SetPresence{}); err != nil {
		t.Fatal(err)
	}
	statuses("Online", "Offline", "LoggedOut", "NeverLoggedIn", "Offline")
	if err := server.SetPresence(t.Context(), "bob", wire.SetPresence{Online: true}); err != nil {
		t.Fatal(err)
	}
	found, err := bed.Store.Recipients(t.Context(), []store.Ask{{UserID: bob.UserID}})
	if left := found["bob"].OnlineUntil.Sub(bed.Store.Now()); err != nil || left < 30*time.Second || left > time.Minute {
		t.Errorf("without a TTL online for %s, %v", left, err)
	}
	if _, err := server.QueryPresence(t.Context(), make([]string, 101)); client.CodeOf(err) != wire.CodeInvalidRequest {
		t.Errorf("101 users: %v", err)
	}
}

// TestDesktop: a device without a vendor has sessions only, and keeps the phone quiet while it has one.
func TestDesktop(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	server := serverOf(bed)
	phone := deviceOf(t, bed, wire.RegisterDevice{Vendor: "FCM", Platform: "Android", Token: "t"})
	computer := deviceOf(t, bed, wire.RegisterDevice{Platform: "windows"})
	for _, d := range []*client.Device{phone, computer} {
		mustBind(t, bed, d, "bob")
	}
	if err := server.SetPushRule(t.Context(), "bob", ruleOf(t, `{"onlinePlatforms":["Windows"],"notToReceiveOfflinePushPlatforms":["android"]}`)); err != nil {
		t.Fatal(err)
	}
	rules := func(want map[string]string) {
		t.Helper()
		got := map[string]string{}
		for _, l := range sent(t, bed, nil) {
			got[l.PushID] = l.Rule
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	phoneID, computerID := phone.Credentials.PushID, computer.Credentials.PushID
	rules(map[string]string{phoneID: message.RuleOffline, computerID: message.ReasonSessionOnly})
	session, err := computer.Open(t.Context(), client.Login{UserToken: bed.UserToken(t, "bob")})
	if err != nil {
		t.Fatal(err)
	}
	rules(map[string]string{phoneID: message.ReasonPlatform, computerID: message.ReasonSessionOnly})
	session.Close()
	if err := computer.SetToken(t.Context(), "t2"); client.CodeOf(err) != wire.CodeInvalidRequest || !strings.Contains(err.Error(), "body.token: must be left out") {
		t.Errorf("a token of no vendor: %v", err)
	}
	for field, d := range map[string]wire.RegisterDevice{
		"body.vendor: must be set beside token":       {Token: "t"},
		"body.vendor: must be set beside region":      {Region: "China"},
		"body.vendor: must be set beside environment": {Environment: "Sandbox"},
		"body.token: must not be empty":               {Vendor: "FCM"},
		"body.voipToken: must be left out":            {VoIPToken: "t"},
	} {
		_, err := client.Register(t.Context(), bed.Device.URL, planetest.RegistrationKey, d, bed.Device.Client())
		if client.CodeOf(err) != wire.CodeInvalidRequest || !strings.Contains(err.Error(), field) {
			t.Errorf("got %v, want %s", err, field)
		}
	}
}
