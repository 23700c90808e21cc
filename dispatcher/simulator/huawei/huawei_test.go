package huawei

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/simulator/callback"
	"github.com/offlinepush/operator/dispatcher/simulator/phone"
	"github.com/offlinepush/operator/dispatcher/simulator/pushkit"
)

// world is Push Kit with the apps 1 and 2, two phones of the one and one of the other.
type world struct {
	vendor            *Vendor
	one, two, foreign *phone.Handset
}

func newWorld(t *testing.T, a App) *world {
	t.Helper()
	book := phone.NewBook()
	post := callback.Options{Client: http.DefaultClient, Interval: time.Millisecond, Log: slog.New(slog.DiscardHandler)}
	w := &world{vendor: New(book, post)}
	t.Cleanup(w.vendor.Close)
	a.AppID, a.AppSecret = "1", "secret"
	for _, a := range []App{a, {AppID: "2", AppSecret: "other"}} {
		if _, err := w.vendor.Add(a); err != nil {
			t.Fatal(err)
		}
	}
	add := func(app string) *phone.Handset {
		h, err := book.Add(Name, app, "", w.vendor.Issue())
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	w.one, w.two, w.foreign = add("1"), add("1"), add("2")
	return w
}

func token(h *phone.Handset) string { return h.Phone().Token }

func (w *world) bearer() string { return "Bearer " + w.vendor.grants.Issue("1", "secret", time.Hour) }

// body is a good push to the tokens. The change may touch android and its notification.
func body(change func(message, android, shown map[string]any), tokens ...string) map[string]any {
	shown := map[string]any{"title": "Hi", "body": "There", "click_action": map[string]any{"type": 3}}
	android := map[string]any{"notification": shown}
	message := map[string]any{"data": `{"payload":"p","n":1}`, "android": android, "token": tokens}
	if change != nil {
		change(message, android, shown)
	}
	maps.DeleteFunc(android, func(_ string, v any) bool { return v == nil })
	maps.DeleteFunc(shown, func(_ string, v any) bool { return v == nil })
	return map[string]any{"message": message}
}

func (w *world) send(t *testing.T, authorization string, b any) (int, pushkit.Answer) {
	t.Helper()
	encoded, err := json.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/1/messages:send", strings.NewReader(string(encoded)))
	r.Header.Set("Authorization", authorization)
	got := httptest.NewRecorder()
	w.vendor.ServeHTTP(got, r)
	var a pushkit.Answer
	if err := json.Unmarshal(got.Body.Bytes(), &a); err != nil {
		a.Msg = got.Body.String()
	}
	return got.Code, a
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t, App{Account: pushkit.Account{Sensitive: []string{"lottery"}}})
	set := func(key string, v any) func(_, _, shown map[string]any) {
		return func(_, _, shown map[string]any) { shown[key] = v }
	}
	option := func(key string, v any) func(_, android, _ map[string]any) {
		return func(_, android, _ map[string]any) { android[key] = v }
	}
	data := func(urgency string) func(message, android, _ map[string]any) {
		return func(_, android, _ map[string]any) { android["notification"], android["urgency"] = nil, urgency }
	}
	id := token(w.one)
	tests := []struct {
		name string
		body any
		code string
	}{
		{"no JSON", "x", "80100003"},
		{"unknown field", body(option("colour", "red"), id), "80100003"},
		{"no token", body(nil), "80300010"},
		{"too many tokens", body(nil, strings.Split(strings.Repeat("x,", 1001), ",")[:1001]...), "80300010"},
		{"a token twice", body(nil, id, id), "80100001"},
		{"too long", body(set("body", strings.Repeat("x", 4096)), id), "80300008"},
		{"no title", body(set("title", nil), id), "80100003"},
		{"no click", body(set("click_action", nil), id), "80100003"},
		{"page without intent", body(set("click_action", map[string]any{"type": 1}), id), "80100003"},
		{"plain http", body(set("click_action", map[string]any{"type": 2, "url": "http://x"}), id), "80100003"},
		{"unknown importance", body(set("importance", "HIGH"), id), "80100001"},
		{"unknown visibility", body(set("visibility", "x"), id), "80100001"},
		{"unknown style", body(set("style", 2), id), "80100001"},
		{"badge without class", body(set("badge", map[string]any{"add_num": 1}), id), "80100001"},
		{"badge too high", body(set("badge", map[string]any{"add_num": 100, "class": "x"}), id), "80100001"},
		{"image over http", body(set("image", "http://x/a.png"), id), "80100001"},
		{"unknown category", body(option("category", "GOSSIP"), id), "80100001"},
		{"unknown urgency", body(option("urgency", "LOW"), id), "80100001"},
		{"unknown kind of user", body(option("target_user_type", 2), id), "80100001"},
		{"ttl without unit", body(option("ttl", "60"), id), "80100001"},
		{"ttl over", body(option("ttl", "0s"), id), "80100004"},
		{"ttl too long", body(option("ttl", "1296001s"), id), "80100001"},
		{"collapse key", body(option("collapse_key", 101), id), "80100013"},
		{"receipt configuration", body(option("receipt_id", "x"), id), "80300013"},
		{"sensitive", body(set("body", "lottery"), id), "80100016"},
		{"no high priority", body(data("HIGH"), id), "80300011"},
		{"nothing to say", body(func(message, android, _ map[string]any) { message["data"], android["notification"] = "", nil }, id), "80100003"},
		{"data is no JSON", body(func(message, _, _ map[string]any) { message["data"] = "x" }, id), "80100003"},
		{"foreign phone", body(nil, id, token(w.foreign)), "80300002"},
		{"only dead phones", body(nil, "gone", "lost"), "80300007"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if _, got := w.send(t, w.bearer(), tt.body); got.Code != tt.code || got.Msg == "" || got.RequestID == "" {
				t.Errorf("got %+v, want %s", got, tt.code)
			}
			if n := len(w.one.Arrivals(0)); n != 0 {
				t.Errorf("%d pushes arrived", n)
			}
		})
	}
}

func TestAuthorization(t *testing.T) {
	t.Parallel()
	w := newWorld(t, App{})
	good := w.bearer()
	w.vendor.grants.Expire()
	other := "Bearer " + w.vendor.grants.Issue("2", "other", time.Hour)
	replaced := "Bearer " + w.vendor.grants.Issue("1", "old", time.Hour)
	for authorization, code := range map[string]string{
		"": "80200001", "key=secret": "80200001", "Bearer x": "80200003", good: "80200003", other: "80200001", replaced: "80200003",
	} {
		if status, got := w.send(t, authorization, body(nil, token(w.one))); status != http.StatusUnauthorized || got.Code != code {
			t.Errorf("%q: got %d %+v, want %s", authorization, status, got, code)
		}
	}
}

func (w *world) grant(t *testing.T, form url.Values) (int, string) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/oauth2/v3/token", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	got := httptest.NewRecorder()
	w.vendor.ServeHTTP(got, r)
	return got.Code, got.Body.String()
}

func TestGrant(t *testing.T) {
	t.Parallel()
	w := newWorld(t, App{})
	form := func(grant, id, secret string) url.Values {
		return url.Values{"grant_type": {grant}, "client_id": {id}, "client_secret": {secret}}
	}
	const credentials = "client_credentials"
	for _, tt := range []struct {
		form url.Values
		sub  int
	}{
		{form("password", "1", "secret"), 20004},
		{form(credentials, "", "secret"), 20001},
		{form(credentials, "x", "secret"), 20002},
		{form(credentials, "1", "wrong"), 20003},
		{form(credentials, "9", "secret"), 20003},
	} {
		status, text := w.grant(t, tt.form)
		if status != http.StatusBadRequest || !strings.Contains(text, `"error":1101`) || !strings.Contains(text, fmt.Sprintf(`"sub_error":%d`, tt.sub)) {
			t.Errorf("%v: got %d %s", tt.form, status, text)
		}
	}
	status, text := w.grant(t, form(credentials, "1", "secret"))
	var granted struct {
		Token string `json:"access_token"`
		Life  int    `json:"expires_in"`
		Type  string `json:"token_type"`
	}
	if err := json.Unmarshal([]byte(text), &granted); err != nil || status != http.StatusOK || granted.Life != 3600 || granted.Type != "Bearer" {
		t.Fatalf("got %d %s", status, text)
	}
	if status, got := w.send(t, "Bearer "+granted.Token, body(nil, token(w.one))); status != http.StatusOK || got.Code != "80000000" {
		t.Errorf("with the token: got %d %+v", status, got)
	}
}

func TestGrantsAreLimited(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, App{})
		form := url.Values{"grant_type": {"client_credentials"}, "client_id": {"1"}, "client_secret": {"secret"}}
		for n := range 1000 {
			if status, text := w.grant(t, form); status != http.StatusOK {
				t.Fatalf("%d: got %d %s", n, status, text)
			}
		}
		if status, _ := w.grant(t, form); status != http.StatusServiceUnavailable {
			t.Errorf("one more than 1000: got %d", status)
		}
		time.Sleep(5 * time.Minute) // virtual
		if status, _ := w.grant(t, form); status != http.StatusOK {
			t.Errorf("five minutes later: got %d", status)
		}
		w.vendor.Close()
	})
}

func TestWhatPhonesGet(t *testing.T) {
	t.Parallel()
	w := newWorld(t, App{HighPriority: true, Account: pushkit.Account{Categories: []string{"IM"}}})
	_, got := w.send(t, w.bearer(), body(func(_, android, shown map[string]any) {
		android["category"], android["ttl"], android["collapse_key"] = "IM", "60s", 7
		shown["notify_id"], shown["tag"], shown["channel_id"], shown["sound"] = 5, "t", "chat", "ring"
		shown["image"], shown["badge"] = "https://x/a.png", map[string]any{"set_num": 3, "class": "x"}
		shown["click_action"] = map[string]any{"type": 2, "url": "https://x"}
	}, token(w.one), "gone"))
	if got.Code != "80100000" || got.Msg != `{"failure":1,"illegal_tokens":["gone"],"success":1}` {
		t.Fatalf("got %+v", got)
	}
	want := phone.Content{
		MessageID: got.RequestID, Kind: phone.Notification, Title: "Hi", Content: "There", Payload: "p",
		Data: map[string]string{"payload": "p", "n": "1"}, Sound: "ring", Channel: "chat", Category: "IM", Click: "https://x",
		Image: "https://x/a.png", Badge: new(int32(3)), ReplaceID: "t/5",
	}
	if diff := cmp.Diff(want, w.one.Arrivals(0)[0].Content); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	_, got = w.send(t, w.bearer(), body(func(_, android, _ map[string]any) {
		android["notification"], android["urgency"], android["data"] = nil, "HIGH", "any text"
	}, token(w.one)))
	if diff := cmp.Diff(phone.Content{MessageID: got.RequestID, Kind: phone.Data}, w.one.Arrivals(1)[0].Content); diff != "" {
		t.Errorf("data (-want +got):\n%s", diff)
	}
	dry := body(func(message, _, shown map[string]any) {
		shown["title"], shown["body"] = nil, nil
		message["notification"] = map[string]any{"title": "Common", "body": "Text"}
	}, token(w.one))
	dry["validate_only"] = true
	if _, got := w.send(t, w.bearer(), dry); got.Code != "80000000" || len(w.one.Arrivals(2)) != 0 {
		t.Errorf("a dry run: got %+v", got)
	}
}

// TestReceipts has marketing of which a phone gets two a day, and a phone that shows nothing.
func TestReceipts(t *testing.T) {
	t.Parallel()
	received := make(chan Status, 10)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		var got struct {
			Statuses []Status `json:"statuses"`
		}
		if json.Unmarshal(text, &got) != nil || err != nil || !strings.HasPrefix(r.Header.Get("X-HUAWEI-CALLBACK-ID"), "timestamp=") {
			t.Errorf("%v %s", r.Header, text)
		}
		for _, s := range got.Statuses {
			received <- s
		}
	}))
	t.Cleanup(server.Close)
	w := newWorld(t, App{Account: pushkit.Account{
		Categories: []string{"IM"}, Receipts: []pushkit.ReceiptConfig{{ID: "r", URL: server.URL, User: "u", Key: "k"}},
	}})
	expect := func(h *phone.Handset, category string, status int) {
		t.Helper()
		_, answer := w.send(t, w.bearer(), body(func(_, android, _ map[string]any) {
			android["category"], android["bi_tag"] = category, "tag"
		}, token(h)))
		select {
		case got := <-received:
			if got.Timestamp == 0 {
				t.Error("no time")
			}
			got.Timestamp = 0
			want := Status{Token: token(h), BiTag: "tag", Status: status, AppID: "1", RequestID: answer.RequestID}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		case <-time.After(time.Minute):
			t.Fatal("no receipt")
		}
	}
	expect(w.one, "IM", 0)
	expect(w.one, "MARKETING", 0)
	expect(w.one, "WORK", 0) // without the right it is marketing
	expect(w.one, "MARKETING", 256)
	expect(w.one, "IM", 0)
	w.two.SetState(phone.Change{PushEnabled: new(false)})
	expect(w.two, "IM", 6)
}

func TestLimits(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		account pushkit.Account
		status  int
		code    string
	}{
		"disabled":  {pushkit.Account{PushDisabled: true}, 200, "80300002"},
		"penalized": {pushkit.Account{Penalized: true}, 200, "80300037"},
		"too fast":  {pushkit.Account{RequestsPerSecond: 1}, 503, ""},
	} {
		w := newWorld(t, App{Account: tt.account})
		status, got := w.send(t, w.bearer(), body(nil, token(w.one)))
		for n := 0; n < 100 && got.Code == "80000000"; n++ { // Those of a slow machine are not in one second.
			status, got = w.send(t, w.bearer(), body(nil, token(w.one)))
		}
		if status != tt.status || got.Code != tt.code {
			t.Errorf("%s: got %d %+v", name, status, got)
		}
	}
	w := newWorld(t, App{})
	test := body(func(_, android, _ map[string]any) { android["target_user_type"] = 1 }, token(w.one))
	for n := range 501 {
		status, got := w.send(t, w.bearer(), test)
		if want := n < 500; (status == http.StatusOK && got.Code == "80000000") != want {
			t.Fatalf("test message %d: got %d %+v", n, status, got)
		}
	}
}

func TestConsole(t *testing.T) {
	t.Parallel()
	w := newWorld(t, App{})
	for field, a := range map[string]App{
		"appID":       {AppID: "x"},
		"categories":  {AppID: "3", Account: pushkit.Account{Categories: []string{"GOSSIP"}}},
		"receipts[0]": {AppID: "3", Account: pushkit.Account{Receipts: []pushkit.ReceiptConfig{{URL: "https://x", User: "u"}}}},
		"negative":    {AppID: "3", Account: pushkit.Account{RequestsPerSecond: -1}},
	} {
		if _, err := w.vendor.Add(a); err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%s: got %v", field, err)
		}
	}
	if _, err := w.vendor.Names("a,b"); err == nil {
		t.Error("a token with a comma is taken")
	}
}
