package honor

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/simulator/callback"
	"github.com/offlinepush/operator/dispatcher/simulator/phone"
	"github.com/offlinepush/operator/dispatcher/simulator/traffic"
)

// world is Honor Push with the apps 1 and 2.
type world struct {
	vendor       *Vendor
	one, foreign *phone.Handset
	bearer       string
}

func newWorld(t *testing.T, change func(*App)) *world {
	t.Helper()
	post := callback.Options{Client: http.DefaultClient, Interval: time.Millisecond, Log: slog.New(slog.DiscardHandler)}
	w := &world{vendor: New(phone.NewBook(), post)}
	t.Cleanup(w.vendor.Close)
	app := App{AppID: "1", ClientID: "c", ClientSecret: "secret", ReceiptIDs: []string{"r"}, SensitiveWords: []string{"forbidden"}}
	if change != nil {
		change(&app)
	}
	for _, a := range []App{app, {AppID: "2", ClientSecret: "other"}} {
		if _, err := w.vendor.Add(a); err != nil {
			t.Fatal(err)
		}
	}
	w.one, w.foreign = w.addPhone(t, "1"), w.addPhone(t, "2")
	w.bearer = w.token(t, "c", "secret")
	return w
}

func (w *world) addPhone(t *testing.T, app string) *phone.Handset {
	t.Helper()
	h, err := w.vendor.phones.Add(Name, app, "", w.vendor.Issue())
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func (w *world) grant(ctx context.Context, f url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/auth/token", strings.NewReader(f.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer := httptest.NewRecorder()
	w.vendor.ServeHTTP(answer, r)
	return answer
}

func client(id, secret string) url.Values {
	return url.Values{"grant_type": {"client_credentials"}, "client_id": {id}, "client_secret": {secret}}
}

func (w *world) token(t *testing.T, id, secret string) string {
	t.Helper()
	var granted struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   int    `json:"expires_in"`
	}
	a := w.grant(t.Context(), client(id, secret))
	if err := json.Unmarshal(a.Body.Bytes(), &granted); err != nil || granted.AccessToken == "" || granted.ExpiresIn != 3600 {
		t.Fatalf("grant: %s, %v", a.Body, err)
	}
	return granted.AccessToken
}

// call is one push; at is the header timestamp.
func (w *world) call(t *testing.T, path, bearer, at, body string) answer {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+bearer)
	r.Header.Set("timestamp", at)
	recorder := httptest.NewRecorder()
	w.vendor.ServeHTTP(recorder, r)
	var a answer
	if err := json.Unmarshal(recorder.Body.Bytes(), &a); err != nil {
		t.Fatalf("%s: %v", recorder.Body, err)
	}
	a.status = recorder.Code
	return a
}

func now() string { return strconv.FormatInt(time.Now().UnixMilli(), 10) }

func (w *world) send(t *testing.T, body string) answer {
	t.Helper()
	return w.call(t, "/api/v1/1/sendMessage", w.bearer, now(), body)
}

func token(h *phone.Handset) string { return h.Phone().Token }

const (
	data   = `"data":"{\"payload\":\"p\",\"n\":1}"`
	shown  = `"notification":{"title":"Hi","body":"There"}`
	openIt = `"clickAction":{"type":3}`
)

// to is a body with a list of tokens.
func to(rest string, tokens ...string) string {
	list, _ := json.Marshal(tokens)
	return `{"token":` + string(list) + `,` + rest + `}`
}

func noticed(fields string) string {
	return data + `,` + shown + `,"android":{"notification":{` + strings.Join([]string{openIt, fields}, ",") + `}}`
}

func good() string { return data + `,` + shown + `,"android":{"notification":{` + openIt + `}}` }

func TestGrants(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	for want, form := range map[string]url.Values{
		"400 unsupported_grant_type": {"grant_type": {"password"}},
		"401 invalid_client":         client("x", "secret"),
		"401 unauthorized_client":    client("c", "wrong"),
	} {
		a := w.grant(t.Context(), form)
		if status, code, _ := strings.Cut(want, " "); strconv.Itoa(a.Code) != status || !strings.Contains(a.Body.String(), `"`+code+`"`) {
			t.Errorf("%d %s, want %s", a.Code, a.Body, want)
		}
	}
	w.token(t, "2", "other") // the client id is the app's if it has none
	if err := w.vendor.Revoke("1"); err != nil {
		t.Fatal(err)
	}
	if a := w.grant(t.Context(), client("c", "")); a.Code != http.StatusUnauthorized {
		t.Errorf("a revoked secret: %d %s", a.Code, a.Body)
	}
	if a := w.send(t, to(good(), token(w.one))); a.Code != codeAuth || a.status != http.StatusForbidden {
		t.Errorf("an access token of a revoked secret: %+v", a)
	}
}

func TestAuthorization(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	body := to(good(), token(w.one))
	old := strconv.FormatInt(time.Now().Add(-11*time.Minute).UnixMilli(), 10)
	for _, tt := range []struct {
		name, path, bearer, at string
		want                   int
	}{
		{"good", "1", w.bearer, now(), codeOK},
		{"no token", "1", "", now(), codeAuth},
		{"of another app", "2", w.bearer, now(), codeAuth},
		{"unknown app", "9", w.bearer, now(), codeAppID},
		{"no timestamp", "1", w.bearer, "", codeNoTimestamp},
		{"in seconds", "1", w.bearer, strconv.FormatInt(time.Now().Unix(), 10), codeTimestamp},
		{"too old", "1", w.bearer, old, codeTimestamp},
		{"no number", "1", w.bearer, "now", codeTimestamp},
	} {
		if a := w.call(t, "/api/v1/"+tt.path+"/sendMessage", tt.bearer, tt.at, body); a.Code != tt.want {
			t.Errorf("%s: got %+v, want %d", tt.name, a, tt.want)
		}
	}
	if a := w.call(t, "/v1/1/messages:send", w.bearer, now(), body); a.Code != codeNoService || a.status != http.StatusNotFound {
		t.Errorf("another path: %+v", a)
	}
	w.vendor.grants.Expire()
	if a := w.send(t, body); a.Code != codeAuth {
		t.Errorf("an expired token: %+v", a)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	id := token(w.one)
	many := make([]string, maxTokens+1)
	for i := range many {
		many[i] = strconv.Itoa(i)
	}
	for _, tt := range []struct {
		name, body string
		want       int
	}{
		{"not JSON", "x", codeStructure},
		{"data is an object", to(`"data":{}`, id), codeStructure},
		{"no token", to(good()), codeNoToken},
		{"an empty token", to(good(), ""), codeNoToken},
		{"token is a text", `{"token":"x",` + good() + `}`, codeStructure},
		{"twice", to(good(), id, id), codeDuplicateToken},
		{"too many", to(good(), many...), codeTooManyTokens},
		{"too large", to(`"data":"`+strings.Repeat("x", maxBody)+`"`, id), codeTooLarge},
		{"ttl", to(data+`,`+shown+`,"android":{"ttl":"1296001s"}`, id), codeParameter},
		{"ttl without unit", to(data+`,`+shown+`,"android":{"ttl":"60"}`, id), codeParameter},
		{"user type", to(data+`,`+shown+`,"android":{"targetUserType":2}`, id), codeParameter},
		{"receipt id", to(data+`,`+shown+`,"android":{"receiptId":"x"}`, id), codeReceiptID},
		{"data right", to(data, id), codeNoRight},
		{"service right", to(noticed(`"importance":"NORMAL"`), id), codeNoRight},
		{"importance", to(noticed(`"importance":"HIGH"`), id), codeParameter},
		{"no body", to(data+`,"notification":{"title":"Hi"},"android":{"notification":{`+openIt+`}}`, id), codeStructure},
		{"no click", to(data+`,`+shown, id), codeStructure},
		{"page without intent", to(data+`,`+shown+`,"android":{"notification":{"clickAction":{"type":1}}}`, id), codeParameter},
		{"http page", to(data+`,`+shown+`,"android":{"notification":{"clickAction":{"type":2,"url":"http://x"}}}`, id), codeParameter},
		{"image", to(noticed(`"image":"https://x.example/p.png"`), id), codeImage},
		{"words", to(noticed(`"title":"a forbidden thing"`), id), codeSensitive},
		{"badge without class", to(noticed(`"badge":{"addNum":1}`), id), codeParameter},
		{"badge too large", to(noticed(`"badge":{"setNum":100,"badgeClass":"c"}`), id), codeParameter},
		{"notify id", to(noticed(`"notifyId":-1`), id), codeParameter},
		{"all unknown", to(good(), "x", token(w.foreign)), codeAllInvalid},
	} {
		if a := w.send(t, tt.body); a.Code != tt.want || a.Message == "" {
			t.Errorf("%s: got %+v, want %d", tt.name, a, tt.want)
		}
	}
	if got := w.one.Arrivals(0); len(got) > 0 {
		t.Errorf("refused messages arrived: %v", got)
	}
}

func TestPartly(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	a := w.send(t, to(good(), token(w.one), "x", token(w.foreign)))
	if a.Code != codePartly || a.Data == nil || a.Data.RequestID == "" {
		t.Fatalf("got %+v", a)
	}
	want := &sent{SendResult: true, RequestID: a.Data.RequestID, FailTokens: []string{"x"}, ExpireTokens: []string{token(w.foreign)}}
	if diff := cmp.Diff(want, a.Data); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestPhoneReadsMessage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(a *App) { a.Service, a.Data = true, true })
	for _, tt := range []struct {
		name, body string
		want       phone.Content
	}{
		{"plain", good(), phone.Content{Kind: phone.Notification, Title: "Hi", Content: "There", Category: "LOW"}},
		{
			"rich", data + `,` + shown + `,"android":{"notification":{"title":"Other","importance":"NORMAL","image":"https://x.example/p.png","notifyId":7,
				"clickAction":{"type":1,"intent":"intent://x"},"badge":{"addNum":2,"badgeClass":"c"}}}`,
			phone.Content{
				Kind: phone.Notification, Title: "Other", Content: "There", Category: "NORMAL", Image: "https://x.example/p.png",
				ReplaceID: "7", Click: "intent://x", Badge: new(int32(2)),
			},
		},
		{
			"counted", noticed(`"badge":{"addNum":1,"badgeClass":"c"},"tag":"t"`),
			phone.Content{Kind: phone.Notification, Title: "Hi", Content: "There", Category: "LOW", Badge: new(int32(3)), ReplaceID: "t"},
		},
		{
			"cleared", noticed(`"badge":{"setNum":0,"badgeClass":"c"}`),
			phone.Content{Kind: phone.Notification, Title: "Hi", Content: "There", Category: "LOW", Badge: new(int32(0))},
		},
		{"data", data, phone.Content{Kind: phone.Data}},
	} {
		last := int64(len(w.one.Arrivals(0)))
		a := w.send(t, to(tt.body, token(w.one)))
		arrivals := w.one.Arrivals(last)
		if a.Code != codeOK || len(arrivals) != 1 {
			t.Fatalf("%s: %+v, arrivals %v", tt.name, a, arrivals)
		}
		tt.want.MessageID, tt.want.Payload, tt.want.Data = a.Data.RequestID, "p", map[string]string{"payload": "p"}
		tt.want.MessageContent = `{"payload":"p","n":1}`
		if diff := cmp.Diff(tt.want, arrivals[0].Content); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestQuotas(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(a *App) { a.MarketingPerPhone, a.TestQuota, a.Service = 1, 1, true })
	test := data + `,` + shown + `,"android":{"targetUserType":1,"notification":{` + openIt + `}}`
	for i, step := range []struct {
		body        string
		want, shows int
	}{
		{good(), codeOK, 1},
		{good(), codeOK, 1}, // taken, but the phone shows no second one
		{noticed(`"importance":"NORMAL"`), codeOK, 2},
		{test, codeOK, 3},
		{test, codeTestQuota, 3},
	} {
		a := w.send(t, to(step.body, token(w.one)))
		if shows := len(w.one.Arrivals(0)); a.Code != step.want || shows != step.shows {
			t.Errorf("step %d: %+v, %d arrivals", i, a, shows)
		}
	}
	fast := newWorld(t, func(a *App) { a.RequestsPerSecond = 1 })
	a := fast.send(t, to(good(), token(fast.one)))
	for n := 0; n < 100 && a.Code == codeOK; n++ { // Those of a slow machine are not in one second.
		a = fast.send(t, to(good(), token(fast.one)))
	}
	if a.Code != codeTooFast || a.status != http.StatusServiceUnavailable {
		t.Errorf("too fast: %+v", a)
	}
}

func TestReceipts(t *testing.T) {
	t.Parallel()
	got := make(chan []Status, 10)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var body map[string][]Status
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%v, %v", err, r.Header)
		}
		got <- body["statuses"]
	}))
	t.Cleanup(server.Close)
	w := newWorld(t, func(a *App) { a.ReceiptURL, a.MarketingPerPhone, a.Data = server.URL, 2, true })
	expect := func(status int, body string) {
		t.Helper()
		a := w.send(t, to(body, token(w.one)))
		select {
		case statuses := <-got:
			want := Status{Token: token(w.one), AppID: "1", Status: status, RequestID: a.Data.RequestID, BiTag: "b", Timestamp: statuses[0].Timestamp}
			if diff := cmp.Diff([]Status{want}, statuses); diff != "" || want.Timestamp == 0 {
				t.Errorf("(-want +got):\n%s", diff)
			}
		case <-time.After(time.Minute):
			t.Fatal("no receipt")
		}
	}
	tagged := data + `,` + shown + `,"android":{"biTag":"b","receiptId":"r","notification":{` + openIt + `}}`
	expect(40000002, tagged)
	expect(40000001, data+`,"android":{"biTag":"b"}`)
	w.one.SetState(phone.Change{PushEnabled: new(false)})
	expect(40000006, tagged)
	w.one.SetState(phone.Change{PushEnabled: new(true)})
	expect(40000009, tagged)
}

func TestFaults(t *testing.T) {
	t.Parallel()
	for want, f := range map[string]traffic.Fault{
		"503 503": {Throttle: true}, "200 80200047": {Quota: true}, "502 500": {Status: 502}, "200 80100003": {Code: "80100003"},
	} {
		recorder := httptest.NewRecorder()
		(*Vendor)(nil).Refuse(recorder, f)
		var a answer
		if err := json.Unmarshal(recorder.Body.Bytes(), &a); err != nil || fmt.Sprint(recorder.Code, a.Code) != want {
			t.Errorf("%+v: %d %s, want %s", f, recorder.Code, recorder.Body, want)
		}
	}
}

func FuzzMessage(f *testing.F) {
	f.Add([]byte(to(good(), "x")))
	f.Add([]byte(to(noticed(`"notifyId":7,"badge":{"setNum":1,"badgeClass":"c"}`), "x")))
	f.Fuzz(func(t *testing.T, body []byte) {
		m, _, no := readMessage(body)
		if no != nil || m.check(App{AppID: "1", Service: true, Data: true}) != nil {
			return
		}
		if p := m.push("id"); p.TTL < 0 || p.TTL > maxTTL || p.Kind == phone.Notification && p.Title == "" {
			t.Fatalf("push %+v", p)
		}
	})
}
