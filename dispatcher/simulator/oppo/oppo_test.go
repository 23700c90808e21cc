package oppo

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/offlinepush/operator/dispatcher/simulator/callback"
	"github.com/offlinepush/operator/dispatcher/simulator/phone"
)

const (
	authPath    = "/server/v1/auth"
	unicastPath = "/server/v1/message/notification/unicast"
	batchPath   = "/server/v1/message/notification/unicast_batch"
)

// world is OPPO Push with an app and two of its phones.
type world struct {
	vendor   *Vendor
	one, two *phone.Handset
}

func newWorld(t *testing.T, a App) *world {
	t.Helper()
	return newSlowWorld(t, a, time.Millisecond)
}

// newSlowWorld posts receipts that seldom.
func newSlowWorld(t *testing.T, a App, interval time.Duration) *world {
	t.Helper()
	post := callback.Options{Client: http.DefaultClient, Interval: interval, Log: slog.New(slog.DiscardHandler)}
	w := &world{vendor: New(phone.NewBook(), post)}
	t.Cleanup(w.vendor.Close)
	a.AppKey, a.MasterSecret = "key", "secret"
	if _, err := w.vendor.Add(a); err != nil {
		t.Fatal(err)
	}
	w.one, w.two = w.phone(t, "key", "OPPO_CN_1"), w.phone(t, "key", "OPPO_CN_2")
	return w
}

func (w *world) phone(t *testing.T, app, token string) *phone.Handset {
	t.Helper()
	names, err := w.vendor.Names(token)
	if err != nil {
		t.Fatal(err)
	}
	h, err := w.vendor.phones.Add(Name, app, "", names)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// reply is an answer with the data of any call.
type reply struct {
	Code    int             `json:"code"`
	Message string          `json:"message"`
	Data    json.RawMessage `json:"data"`
}

func (w *world) call(ctx context.Context, t *testing.T, path string, form url.Values) reply {
	t.Helper()
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer := httptest.NewRecorder()
	w.vendor.ServeHTTP(answer, r)
	var got reply
	if err := json.Unmarshal(answer.Body.Bytes(), &got); err != nil || answer.Code != http.StatusOK {
		t.Fatalf("%s: %d %s", path, answer.Code, answer.Body)
	}
	return got
}

func (w *world) token() string { return w.vendor.grants.Issue("key", "secret", time.Hour) }

// element is a good message for a phone, changed by pairs of names and values of its notification; nil drops a name.
func element(target string, pairs ...any) map[string]any {
	n := map[string]any{"title": "Hi", "content": "There", "style": 1}
	for i := 0; i < len(pairs); i += 2 {
		n[pairs[i].(string)] = pairs[i+1]
		if pairs[i+1] == nil {
			delete(n, pairs[i].(string))
		}
	}
	return map[string]any{"target_type": 2, "target_value": target, "verify_registration_id": false, "notification": n}
}

func (w *world) send(ctx context.Context, t *testing.T, message map[string]any) reply {
	t.Helper()
	text, err := json.Marshal(message)
	if err != nil {
		t.Fatal(err)
	}
	return w.call(ctx, t, unicastPath, url.Values{"auth_token": {w.token()}, "message": {string(text)}})
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t, App{
		Categories: []string{"IM"}, Templates: []Template{{ID: "t", Title: []string{"city"}, Content: []string{"user"}}},
	})
	w.phone(t, "other", "OPPO_CN_foreign")
	e := func(pairs ...any) map[string]any { return element("OPPO_CN_1", pairs...) }
	alias := e()
	alias["target_type"] = 5
	for _, tt := range []struct {
		name    string
		message map[string]any
		code    int
	}{
		{"good", e(), 0},
		{"unknown phone", element("OPPO_CN_gone"), 10000},
		{"phone of another app", element("OPPO_CN_foreign"), 10000},
		{"no phone", element(""), 40},
		{"two phones", element("OPPO_CN_1;OPPO_CN_2"), 41},
		{"alias", alias, 41},
		{"no title", e("title", nil), 40},
		{"longest title", e("title", strings.Repeat("题", 50)), 0},
		{"long title", e("title", strings.Repeat("题", 51)), 41},
		{"long subtitle", e("sub_title", strings.Repeat("x", 11)), 41},
		{"no content", e("content", " "), 40},
		{"long content", e("content", strings.Repeat("文", 51)), 41},
		{"long text", e("style", 2, "content", strings.Repeat("文", 128)), 0},
		{"longer text", e("style", "2", "content", strings.Repeat("文", 129)), 41},
		{"picture", e("style", 3), 41},
		{"click", e("click_action_type", 3), 41},
		{"activity", e("click_action_type", 4, "click_action_activity", "com.chat.Detail"), 0},
		{"no activity", e("click_action_type", 4), 41},
		{"no action", e("click_action_type", 1, "click_action_url", "https://x"), 41},
		{"link", e("click_action_type", 2, "click_action_url", "https://x"), 0},
		{"no link", e("click_action_type", 2), 41},
		{"parameters", e("action_parameters", `["a"]`), 41},
		{"parameters not as text", e("action_parameters", map[string]string{"payload": "p"}), 41},
		{"long parameters", e("action_parameters", `{"payload":"`+strings.Repeat("x", 4000)+`"}`), 41},
		{"life", e("off_line_ttl", -1), 41},
		{"too long life", e("off_line_ttl", 86400000), 0},
		{"shown too long", e("show_ttl", 12*3600+1), 41},
		{"private, shown longer", e("show_ttl", 24*3600, "category", "IM"), 0},
		{"place", e("notify_id", 2147483648), 41},
		{"badge", e("badge_operation_type", 2), 41},
		{"badge over 99", e("badge_operation_type", 1, "badge_message_count", 100), 41},
		{"callback", e("call_back_url", "ftp://x"), 41},
		{"long callback", e("call_back_url", "https://x/"+strings.Repeat("x", 191)), 41},
		{"long echo", e("call_back_url", "https://127.0.0.1:1", "call_back_parameter", strings.Repeat("x", 101)), 41},
		{"unknown category", e("category", "CHAT"), 67},
		{"category without approval", e("category", "ORDER"), 67},
		{"level", e("category", "IM", "notify_level", 2), 0},
		{"unknown level", e("category", "IM", "notify_level", 3), 67},
		{"level without approval", e("category", "IM", "notify_level", 16), 67},
		{"level without category", e("notify_level", 2), 67},
		{"level of marketing", e("category", "NEWS", "notify_level", 1), 67},
		{"unknown template", e("category", "IM", "private_msg_template_id", "x"), 41},
		{"template of marketing", e("private_msg_template_id", "x"), 0},
		{"template without parameters", e("category", "IM", "private_msg_template_id", "t"), 41},
		{"template with half its parameters", e("category", "IM", "private_msg_template_id", "t", "private_title_parameters", `{"city":"x"}`), 41},
		{"template with strange parameters", e("category", "IM", "private_msg_template_id", "t", "private_title_parameters", `{"city":7}`), 41},
		{
			"template", e("category", "IM", "private_msg_template_id", "t", "private_title_parameters", `{"city":"x"}`,
				"private_content_parameters", `{"user":"y"}`), 0,
		},
	} {
		if got := w.send(t.Context(), t, tt.message); got.Code != tt.code || (tt.code == 0) != strings.Contains(string(got.Data), `"messageId":"key-1-1-`) {
			t.Errorf("%s: got %+v, want %d", tt.name, got, tt.code)
		}
	}
	for path, form := range map[string]url.Values{unicastPath: {}, batchPath: {}} {
		form.Set("auth_token", w.token())
		if got := w.call(t.Context(), t, path, form); got.Code != 40 {
			t.Errorf("%s without a message: %+v", path, got)
		}
		form.Set("message", "x")
		form.Set("messages", "[]")
		if got := w.call(t.Context(), t, path, form); got.Code != 41 {
			t.Errorf("%s without a readable message: %+v", path, got)
		}
	}
	if got := w.call(t.Context(), t, "/server/v1/else", nil); got.Code != 20 {
		t.Errorf("an unknown call: %+v", got)
	}
	answer := httptest.NewRecorder()
	w.vendor.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, unicastPath, http.NoBody))
	if !strings.Contains(answer.Body.String(), `"code":12`) {
		t.Errorf("GET: %s", answer.Body)
	}
}

func TestBatch(t *testing.T) {
	t.Parallel()
	w := newWorld(t, App{})
	send := func(elements ...map[string]any) reply {
		text, err := json.Marshal(elements)
		if err != nil {
			t.Fatal(err)
		}
		return w.call(t.Context(), t, batchPath, url.Values{"auth_token": {w.token()}, "messages": {string(text)}})
	}
	got := send(element("OPPO_CN_1", "app_message_id", "a"), element("OPPO_CN_gone"), element("OPPO_CN_2", "title", nil), element("OPPO_CN_1", "app_message_id", "a"))
	var list []sent
	if err := json.Unmarshal(got.Data, &list); err != nil || got.Code != 0 || !strings.HasPrefix(list[0].MessageID, "key-1-1-") {
		t.Fatalf("got %+v, %v", got, err)
	}
	want := []sent{
		{RegistrationID: "OPPO_CN_1"},
		{RegistrationID: "OPPO_CN_gone", ErrorCode: 10000, ErrorMessage: "Invalid RegistrationId"},
		{RegistrationID: "OPPO_CN_2", ErrorCode: 40, ErrorMessage: "Missing Required Arguments:title"},
		{RegistrationID: "OPPO_CN_1", ErrorCode: 32, ErrorMessage: "Data Duplicate"},
	}
	if diff := cmp.Diff(want, list, cmpopts.IgnoreFields(sent{}, "MessageID")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if n := len(w.one.Arrivals(0)); n != 1 {
		t.Errorf("%d arrivals, want 1", n)
	}
	many := make([]map[string]any, 1001)
	for i := range many {
		many[i] = element("OPPO_CN_1")
	}
	if got := send(many...); got.Code != 41 {
		t.Errorf("1001 messages: %+v", got)
	}
}

func TestPhoneReadsMessage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, App{Categories: []string{"IM"}})
	w.send(t.Context(), t, element("OPPO_CN_1", "badge_operation_type", 0, "badge_message_count", 4))
	w.send(t.Context(), t, element("OPPO_CN_1",
		"action_parameters", `{"payload":"p","n":7}`, "notify_id", 7, "app_message_id", "m", "channel_id", "chat", "category", "IM",
		"click_action_type", 4, "click_action_activity", "com.chat.Detail", "badge_operation_type", 1,
	))
	want := phone.Content{
		Kind: phone.Notification, Title: "Hi", Content: "There", Payload: "p", Data: map[string]string{"payload": "p", "n": "7"},
		Channel: "chat", Category: "IM", Click: "com.chat.Detail", ReplaceID: "7", DedupID: "m", Badge: new(int32(5)),
	}
	if diff := cmp.Diff(want, w.one.Arrivals(1)[0].Content, cmpopts.IgnoreFields(phone.Content{}, "MessageID")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	w.one.SetState(phone.Change{Online: new(false)})
	w.send(t.Context(), t, element("OPPO_CN_1", "off_line", false))
	w.send(t.Context(), t, element("OPPO_CN_1", "off_line_ttl", 60))
	if n := w.one.Phone().Pending; n != 1 {
		t.Errorf("%d pushes wait for the phone, want 1", n)
	}
}

func TestQuotas(t *testing.T) {
	t.Parallel()
	w := newWorld(t, App{Categories: []string{"IM"}, DayQuota: 3, PhoneQuota: 1})
	for i, tt := range []struct {
		target, category string
		code, arrivals   int
	}{
		{"OPPO_CN_1", "NEWS", 0, 1},
		{"OPPO_CN_1", "", 0, 1}, // taken, but the phone has had its one
		{"OPPO_CN_1", "IM", 0, 2},
		{"OPPO_CN_2", "SOCIAL", 0, 2},
		{"OPPO_CN_2", "NEWS", 33, 2},
		{"OPPO_CN_1", "IM", 0, 3},
	} {
		got := w.send(t.Context(), t, element(tt.target, "category", tt.category))
		if n := len(w.one.Arrivals(0)); got.Code != tt.code || n != tt.arrivals {
			t.Errorf("%d: got %+v and %d arrivals, want %+v", i, got, n, tt)
		}
	}
}

func TestRate(t *testing.T) {
	t.Parallel()
	w := newWorld(t, App{TargetsPerSecond: 1})
	first := w.send(t.Context(), t, element("OPPO_CN_1"))
	next := first
	for n := 0; n < 100 && next.Code == 0; n++ { // Those of a slow machine are not in one second.
		next = w.send(t.Context(), t, element("OPPO_CN_1"))
	}
	if first.Code != 0 || next.Code != 55 {
		t.Errorf("first %+v, and then %+v", first, next)
	}
}

func TestRegions(t *testing.T) {
	t.Parallel()
	for token, china := range map[string]bool{
		"b6bbd94b": true, "CN_b6bbd94b": true, "OPPO_CN_b6bbd94b": true, "OPPO_IN_b6bbd94b": false, "IN_b6bbd94b": false, "a_b_c_d": false,
	} {
		if served(chinaHost, token) != china || served(abroadHost+":443", token) == china || !served("localhost", token) {
			t.Errorf("%s is sought in the wrong region", token)
		}
	}
}

func FuzzMessage(f *testing.F) {
	f.Add(`{"target_type":2,"target_value":"x","notification":{"title":"a","content":"b","off_line_ttl":"7","action_parameters":"{\"payload\":\"p\"}"}}`)
	f.Fuzz(func(t *testing.T, text string) {
		var m message
		if json.Unmarshal([]byte(text), &m) != nil || m.check(App{AppKey: "key"}) != nil {
			return
		}
		if p := m.Notification.push("id"); p.TTL < 0 || p.TTL > maxTTL || p.Title == "" || p.Content.Content == "" {
			t.Errorf("push %+v", p)
		}
	})
}
