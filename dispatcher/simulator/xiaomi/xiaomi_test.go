package xiaomi

import (
	"context"
	"encoding/json"
	"flag"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/offlinepush/operator/dispatcher/simulator/callback"
	"github.com/offlinepush/operator/dispatcher/simulator/phone"
)

// world is Mi Push with the apps io.chat and io.other.
type world struct {
	vendor            *Vendor
	one, two, foreign *phone.Handset
}

func newWorld(t *testing.T) *world {
	t.Helper()
	book := phone.NewBook()
	post := callback.Options{Client: http.DefaultClient, Interval: time.Millisecond, Log: slog.New(slog.DiscardHandler)}
	w := &world{vendor: New(book, post)}
	t.Cleanup(w.vendor.Close)
	w.addApp(t, App{
		PackageName: "io.chat", AppSecret: "secret",
		Channels: []Channel{{ID: "chat", Private: true}, {ID: "news"}},
	})
	w.addApp(t, App{PackageName: "io.other", AppSecret: "other"})
	w.one, w.two, w.foreign = w.addPhone(t, "io.chat"), w.addPhone(t, "io.chat"), w.addPhone(t, "io.other")
	return w
}

func (w *world) addApp(t *testing.T, a App) {
	t.Helper()
	if _, err := w.vendor.Add(a); err != nil {
		t.Fatal(err)
	}
}

func (w *world) addPhone(t *testing.T, app string) *phone.Handset {
	t.Helper()
	h, err := w.vendor.phones.Add(Name, app, "", w.vendor.Issue())
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func token(h *phone.Handset) string { return h.Phone().Token }

// form is a good push to the targets, changed by pairs of names and values; the value - drops a name.
func form(targets string, pairs ...string) url.Values {
	f := url.Values{
		"registration_id": {targets}, "restricted_package_name": {"io.chat"}, "pass_through": {"0"},
		"title": {"Hi"}, "description": {"There"},
	}
	for i := 0; i < len(pairs); i += 2 {
		f.Set(pairs[i], pairs[i+1])
		if pairs[i+1] == "-" {
			f.Del(pairs[i])
		}
	}
	return f
}

func (w *world) call(ctx context.Context, method, path, secret string, f url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(ctx, method, path, strings.NewReader(f.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded;charset=UTF-8")
	r.Header.Set("Authorization", "key="+secret)
	answer := httptest.NewRecorder()
	w.vendor.ServeHTTP(answer, r)
	return answer
}

func (w *world) send(ctx context.Context, f url.Values) *httptest.ResponseRecorder {
	return w.call(ctx, http.MethodPost, "/v3/message/regid", "secret", f)
}

var update = flag.Bool("update", false, "write the golden files")

// golden compares an answer with its golden file, without what is random.
func golden(t *testing.T, answer *httptest.ResponseRecorder) {
	t.Helper()
	random := regexp.MustCompile(`"(Xdm|sdm)[0-9a-f]+"`)
	file := filepath.Join("testdata", t.Name()[strings.Index(t.Name(), "/")+1:]+".golden")
	got := http.StatusText(answer.Code) + "\n" + random.ReplaceAllString(answer.Body.String(), `"${1}RANDOM"`)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := token(w.one)
	manyKeys := []string{}
	for k := range strings.SplitSeq("abcdefghijk", "") {
		manyKeys = append(manyKeys, "extra."+k, "v")
	}
	tests := []struct {
		name string
		form url.Values
	}{
		{"no-target", form("")},
		{"too-many-targets", form(strings.Repeat("x,", 1001))},
		{"no-package", form(id, "restricted_package_name", "-")},
		{"other-package", form(id, "restricted_package_name", "io.other")},
		{"no-pass-through", form(id, "pass_through", "-")},
		{"pass-through", form(id, "pass_through", "2")},
		{"no-title", form(id, "title", "  ")},
		{"long-title", form(id, "title", strings.Repeat("题", 50))},
		{"no-description", form(id, "description", "-")},
		{"long-description", form(id, "description", strings.Repeat("文", 128))},
		{"notify-id-negative", form(id, "notify_id", "-1")},
		{"notify-id-too-big", form(id, "notify_id", "2147483648")},
		{"ttl", form(id, "time_to_live", "1h")},
		{"notify-type", form(id, "notify_type", "8")},
		{"channel", form(id, "extra.channel_id", "unknown")},
		{"many-extras", form(id, manyKeys...)},
		{"long-extras", form(id, "extra.payload", strings.Repeat("x", 1017))},
		{"jobkey", form(id, "extra.jobkey", "_abc")},
		{"callback", form(id, "extra.callback", "ftp://x")},
		{"callback-long", form(id, "extra.callback", "http://x/"+strings.Repeat("x", 256))},
		{"callback-param", form(id, "extra.callback", "http://x/", "extra.callback.param", strings.Repeat("x", 65))},
		{"callback-type", form(id, "extra.callback", "http://x/", "extra.callback.type", "all")},
		{"all-bad", form("gone," + token(w.foreign))},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { golden(t, w.send(t.Context(), tt.form)) })
	}
	t.Run("secret", func(t *testing.T) {
		golden(t, w.call(t.Context(), http.MethodPost, "/v3/message/regid", "wrong", form(id)))
	})
	t.Run("empty-secret", func(t *testing.T) { golden(t, w.call(t.Context(), http.MethodPost, "/v3/message/regid", "", form(id))) })
	t.Run("path", func(t *testing.T) {
		golden(t, w.call(t.Context(), http.MethodPost, "/v9/message/regid", "secret", form(id)))
	})
	t.Run("v2-two-packages", func(t *testing.T) {
		golden(t, w.call(t.Context(), http.MethodPost, "/v2/message/regid", "secret", form(id, "restricted_package_name", "io.chat,io.other")))
	})
	if got := w.one.Arrivals(0); len(got) > 0 {
		t.Errorf("refused messages arrived: %v", got)
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for h, name := range map[*phone.Handset]string{w.one: "one", w.two: "two", w.foreign: "foreign"} {
		if err := w.vendor.phones.RotateToken(h, name); err != nil {
			t.Fatal(err)
		}
	}
	const element = `{"target":"TARGET","message":{"title":"a","description":"b","pass_through":0,"notify_id":"7",
		"restricted_package_name":"io.chat","extra":{"channel_id":"chat"}}}`
	one, gone := strings.Replace(element, "TARGET", "one", 1), strings.Replace(element, "TARGET", "gone", 1)
	longest := form("one", "title", strings.Repeat("题", 49), "description", strings.Repeat("文", 127),
		"extra.payload", strings.Repeat("x", 1016), "notify_id", "2147483647")
	steps := []struct {
		name, method, path string
		form               url.Values
	}{
		{"sent", "POST", "/v3/message/regid", form("one,two")},
		{"sent-v2", "POST", "/v2/message/regid", form("one")},
		{"sent-longest", "POST", "/v3/message/regid", longest},
		{"sent-partly", "POST", "/v3/message/regid", form("gone,one,foreign")},
		{"quota", "GET", "/v1/trace/quota/get", nil},
		{"quota-too-often", "GET", "/v1/trace/quota/get", nil},
		{"validation", "POST", "/v1/validation/regids", url.Values{"registration_ids": {"one,gone,foreign"}}},
		{"invalid", "GET", "/v1/feedback/fetch_invalid_regids", nil},
		{"invalid-again", "GET", "/v1/feedback/fetch_invalid_regids", nil},
		{"multi", "POST", "/v2/multi_messages/regids", url.Values{"messages": {"[" + one + "," + gone + "]"}}},
		{"multi-empty", "POST", "/v2/multi_messages/regids", url.Values{"messages": {"[]"}}},
		{"multi-malformed", "POST", "/v2/multi_messages/regids", url.Values{"messages": {"{}"}}},
	}
	for _, s := range steps {
		t.Run(s.name, func(t *testing.T) { golden(t, w.call(t.Context(), s.method, s.path, "secret", s.form)) })
	}
}

func TestTemplates(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.addApp(t, App{PackageName: "io.chat", AppSecret: "secret", Channels: []Channel{
		{ID: "chat", Private: true, Templates: []Template{{ID: "P1", Parameters: []string{"from", "about"}}, {ID: "P2"}}},
		{ID: "news"},
	}})
	for i, tt := range []struct {
		channel, template, parameters string
		code                          int
	}{
		{"chat", "P1", `{"from":"Anna","about":"lunch"}`, 0},
		{"chat", "P2", "{}", 0},
		{"news", "-", "-", 0},
		{"-", "-", "-", 0},
		{"chat", "-", "-", 27001},
		{"chat", "P3", "{}", 27001},
		{"news", "P1", "{}", 27001},
		{"-", "P1", "{}", 27001},
		{"chat", "P1", `{"from":"Anna"}`, 27001},
		{"chat", "P1", `{"from":7,"about":"lunch"}`, 10017},
		{"chat", "P2", "null", 10017},
		{"chat", "P2", "-", 10017},
	} {
		var got answer
		push := form(token(w.one), "extra.channel_id", tt.channel, "extra.template_id", tt.template, "extra.template_param", tt.parameters)
		body := w.send(t.Context(), push).Body.Bytes()
		if err := json.Unmarshal(body, &got); err != nil || got.Code != tt.code {
			t.Errorf("%d: got %s, want %d", i, body, tt.code)
		}
	}
}

func TestQuotas(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.addApp(t, App{
		PackageName: "io.chat", AppSecret: "secret", DayQuota: 1, Channels: []Channel{{ID: "chat", Private: true}, {ID: "news"}},
	})
	w.addApp(t, App{PackageName: "io.other", AppSecret: "other", RequestsPerSecond: 1})
	news := form(token(w.one), "extra.channel_id", "news")
	t.Run("daily-within", func(t *testing.T) { golden(t, w.send(t.Context(), news)) })
	t.Run("daily-over", func(t *testing.T) { golden(t, w.send(t.Context(), news)) })
	t.Run("daily-private", func(t *testing.T) { golden(t, w.send(t.Context(), form(token(w.one), "extra.channel_id", "chat"))) })
	t.Run("daily-multi", func(t *testing.T) {
		const element = `{"target":"x","message":{"title":"a","description":"b","pass_through":0,
			"restricted_package_name":"io.chat","extra":{"channel_id":"CHANNEL"}}}`
		list := []string{}
		for _, channel := range []string{"news", "", "news"} {
			list = append(list, strings.Replace(element, "CHANNEL", channel, 1))
		}
		messages := url.Values{"messages": {"[" + strings.Join(list, ",") + "]"}}
		golden(t, w.call(t.Context(), http.MethodPost, "/v2/multi_messages/regids", "secret", messages))
	})
	other := form(token(w.foreign), "restricted_package_name", "io.other")
	taken := func(answer *httptest.ResponseRecorder) bool {
		return strings.Contains(answer.Body.String(), `"code":0`)
	}
	first := w.call(t.Context(), http.MethodPost, "/v3/message/regid", "other", other)
	if !taken(first) {
		t.Errorf("first of the second: %s", first.Body)
	}
	t.Run("rate", func(t *testing.T) {
		next := first
		for n := 0; n < 100 && taken(next); n++ { // Those of a slow machine are not in one second.
			next = w.call(t.Context(), http.MethodPost, "/v3/message/regid", "other", other)
		}
		golden(t, next)
	})
}

func TestPhoneReadsMessage(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		pairs []string
		want  phone.Content
	}{
		{"notification", []string{
			"extra.payload", "p", "payload", "content", "notify_id", "7", "extra.jobkey", "j", "extra.channel_id", "chat",
			"extra.sound_uri", "android.resource://ring", "extra.callback", "http://127.0.0.1:1/", "extra.own", "v",
		}, phone.Content{
			Kind: phone.Notification, Title: "Hi", Content: "There", Payload: "p", MessageContent: "content",
			Sound: "android.resource://ring", Channel: "chat", ReplaceID: "7", DedupID: "j",
			Data: map[string]string{
				"payload": "p", "jobkey": "j", "channel_id": "chat", "sound_uri": "android.resource://ring", "own": "v",
			},
		}},
		{"without notify id", nil, phone.Content{
			Kind: phone.Notification, Title: "Hi", Content: "There", ReplaceID: "default", Data: map[string]string{},
		}},
		{"data", []string{"pass_through", "1", "title", "-", "description", "-", "payload", "content"}, phone.Content{
			Kind: phone.Data, MessageContent: "content", Data: map[string]string{},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			answer := w.send(t.Context(), form(token(w.one), tt.pairs...))
			arrivals := w.one.Arrivals(0)
			if len(arrivals) != 1 {
				t.Fatalf("arrivals %v, answer %s", arrivals, answer.Body)
			}
			got := arrivals[0].Content
			if !strings.Contains(answer.Body.String(), `"id":"`+got.MessageID+`"`) {
				t.Errorf("message id %s is not in %s", got.MessageID, answer.Body)
			}
			if diff := cmp.Diff(tt.want, got, cmpopts.IgnoreFields(phone.Content{}, "MessageID")); diff != "" {
				t.Errorf("the phone got (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRotateAndRevoke(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	code := func(secret string) int {
		var a answer
		body := w.call(t.Context(), http.MethodPost, "/v3/message/regid", secret, form(token(w.one))).Body.Bytes()
		if err := json.Unmarshal(body, &a); err != nil {
			t.Fatal(err)
		}
		return a.Code
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(`{"secret":"fresh"}`))
	if _, err := w.vendor.Rotate(r, "io.chat"); err != nil {
		t.Fatal(err)
	}
	if code("secret") != 21301 || code("fresh") != 0 {
		t.Error("after the rotation the old secret must be refused and the new one accepted")
	}
	if err := w.vendor.Revoke("io.chat"); err != nil {
		t.Fatal(err)
	}
	if code("fresh") != 21301 || code("") != 21301 {
		t.Error("a revoked secret must be refused")
	}
}

func FuzzForm(f *testing.F) {
	f.Add(form("x", "notify_id", "7", "extra.payload", "p").Encode())
	f.Add("title=%zz&time_to_live=99999999999999999999")
	f.Fuzz(func(t *testing.T, text string) {
		values, _ := url.ParseQuery(text) // what could be read counts
		checkMessage(t, readForm(values))
	})
}

func FuzzMulti(f *testing.F) {
	f.Add(`[{"target":"x","message":{"title":"a","description":"b","pass_through":0,"notify_id":null,"extra":{"a":"b"}}}]`)
	f.Fuzz(func(t *testing.T, text string) {
		elements, err := readMulti(text)
		if err != nil {
			return
		}
		for _, e := range elements {
			checkMessage(t, e.Message)
		}
	})
}

func checkMessage(t *testing.T, m message) {
	t.Helper()
	if m.check(App{PackageName: "io.chat"}) != nil {
		return
	}
	if p := m.push("id"); p.TTL < 0 || p.TTL > maxTTL || (p.Kind == phone.Notification && p.Title == "") {
		t.Fatalf("push %+v", p)
	}
}
