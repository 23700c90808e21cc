package meizu

import (
	"encoding/json"
	"fmt"
	"log/slog"
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
	"github.com/offlinepush/operator/dispatcher/simulator/traffic"
)

// world is Flyme Push with the apps 1 and 2.
type world struct {
	vendor       *Vendor
	one, foreign *phone.Handset
}

func newWorld(t *testing.T, change func(*App)) *world {
	t.Helper()
	post := callback.Options{Client: http.DefaultClient, Interval: time.Millisecond, Log: slog.New(slog.DiscardHandler)}
	w := &world{vendor: New(phone.NewBook(), post)}
	t.Cleanup(w.vendor.Close)
	app := App{AppID: "1", AppSecret: "secret"}
	if change != nil {
		change(&app)
	}
	for _, a := range []App{app, {AppID: "2", AppSecret: "other"}} {
		if _, err := w.vendor.Add(a); err != nil {
			t.Fatal(err)
		}
	}
	w.one, w.foreign = w.addPhone(t, "1"), w.addPhone(t, "2")
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

func token(h *phone.Handset) string { return h.Phone().Token }

// reply is an answer with the failures of its value.
type reply struct {
	Code    string          `json:"code"`
	Message string          `json:"message"`
	MsgID   string          `json:"msgId"`
	Value   json.RawMessage `json:"value"`
}

func (r reply) failed(t *testing.T) (codes map[string][]string) {
	t.Helper()
	if err := json.Unmarshal(r.Value, &codes); err != nil {
		t.Fatalf("value %s: %v", r.Value, err)
	}
	return codes
}

const server = "/garcia/api/server/push/"

func (w *world) call(t *testing.T, method, path, secret string, f url.Values) reply {
	t.Helper()
	if !f.Has("sign") {
		f.Set("sign", signature(f, secret))
	}
	target, body := server+path, f.Encode()
	if method == http.MethodGet {
		target, body = target+"?"+body, ""
	}
	r := httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded;charset=UTF-8")
	recorder := httptest.NewRecorder()
	w.vendor.ServeHTTP(recorder, r)
	var a reply
	if err := json.Unmarshal(recorder.Body.Bytes(), &a); err != nil || recorder.Code != http.StatusOK {
		t.Fatalf("%d %s: %v", recorder.Code, recorder.Body, err)
	}
	return a
}

// push is a push of app 1 to push ids.
func push(messageJSON string, ids ...string) url.Values {
	return url.Values{"appId": {"1"}, "pushIds": {strings.Join(ids, ",")}, "messageJson": {messageJSON}}
}

func (w *world) send(t *testing.T, messageJSON string, ids ...string) reply {
	t.Helper()
	return w.call(t, http.MethodPost, "varnished/pushByPushId", "secret", push(messageJSON, ids...))
}

// noticed is a good notification with more fields.
func noticed(more string) string {
	return `{"noticeBarInfo":{"title":"Hi","content":"There"},"clickTypeInfo":{"parameters":{"payload":"p","n":1}}` + more + `}`
}

// TestSignature has the vectors of Meizu's documents.
func TestSignature(t *testing.T) {
	t.Parallel()
	form := url.Values{"appId": {"100999"}, "pushId": {"862891030007404100999"}, "msgType": {"0"}, "subSwitch": {"1"}, "sign": {"x"}}
	if got := signature(form, "531732bc45324098978bf41c6954c09e"); got != "5bd43df385bec6f236c6417d437741e7" {
		t.Errorf("got %s", got)
	}
	form = push(`{"title":"title","content":"content","pushTimeInfo":{"offLine":1,"validTime":24}}`, "RA50c6348036344485d01776773577c64740465480a6b")
	form.Set("appId", "10000")
	if got := signature(form, "<APP_SECRET>"); got != "ac076ff25d9900015a681cb5172aa53b" {
		t.Errorf("got %s", got)
	}
}

func TestAuthorization(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	days := func(more ...string) url.Values {
		f := url.Values{"appId": {"1"}, "startTime": {"20261125"}, "endTime": {"20261125"}}
		for i := 0; i < len(more); i += 2 {
			f.Set(more[i], more[i+1])
		}
		return f
	}
	for _, tt := range []struct {
		name, secret string
		form         url.Values
		want         string
	}{
		{"good", "secret", days(), codeOK},
		{"wrong secret", "x", days(), codeSign},
		{"no sign", "secret", days("sign", ""), codeSign},
		{"unknown app", "secret", days("appId", "9"), codeAppID},
		{"no app", "secret", days("appId", ""), codeEmpty},
		{"no day", "secret", days("startTime", "today"), codeParameter},
		{"backwards", "secret", days("endTime", "20261124"), codeFailed},
	} {
		if a := w.call(t, http.MethodGet, "statistics/dailyPushStatics", tt.secret, tt.form); a.Code != tt.want {
			t.Errorf("%s: got %+v, want %s", tt.name, a, tt.want)
		}
	}
	if err := w.vendor.Revoke("1"); err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"secret", ""} {
		if a := w.call(t, http.MethodPost, "varnished/pushByPushId", secret, push(noticed(""), token(w.one))); a.Code != codeSign {
			t.Errorf("a revoked secret: %+v", a)
		}
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(a *App) { a.Callbacks = []string{"https://x.example/r"} })
	bar := func(fields string) string { return `{"noticeBarInfo":{"title":"Hi","content":"There"` + fields + `}}` }
	for _, tt := range []struct{ name, message, want string }{
		{"empty", "", codeEmpty},
		{"not JSON", "x", codeParameter},
		{"no title", `{"noticeBarInfo":{"content":"There"}}`, codeParameter},
		{"long title", bar(`,"title":"` + strings.Repeat("题", 33) + `"`), codeParameter},
		{"long content", bar(`,"content":"` + strings.Repeat("文", 101) + `"`), codeParameter},
		{"class", bar(`,"noticeMsgType":2`), codeParameter},
		{"bar", bar(`,"noticeBarType":1`), codeParameter},
		{"picture", noticed(`,"noticeExpandInfo":{"noticeExpandType":2,"noticeExpandImgUrl":"https://x"}`), codeParameter},
		{"expanded text", noticed(`,"noticeExpandInfo":{"noticeExpandType":1}`), codeParameter},
		{"click", noticed(`,"clickTypeInfo":{"clickType":4}`), codeParameter},
		{"page without activity", noticed(`,"clickTypeInfo":{"clickType":1}`), codeParameter},
		{"long url", noticed(`,"clickTypeInfo":{"clickType":2,"url":"` + strings.Repeat("x", 1001) + `"}`), codeParameter},
		{"life", noticed(`,"pushTimeInfo":{"validTime":73}`), codeParameter},
		{"no life", noticed(`,"pushTimeInfo":{"validTime":0}`), codeParameter},
		{"off line", noticed(`,"pushTimeInfo":{"offLine":2}`), codeParameter},
		{"suspend", noticed(`,"advanceInfo":{"suspend":2}`), codeParameter},
		{"notify key", noticed(`,"advanceInfo":{"notifyKey":"123456789"}`), codeParameter},
		{"notify key's letters", noticed(`,"advanceInfo":{"notifyKey":"a b"}`), codeParameter},
		{"callback", noticed(`,"extra":{"callback":"https://x.example/other"}`), codeParameter},
		{"callback's parameter", noticed(`,"extra":{"callback":"https://x.example/r","callback.param":"` + strings.Repeat("x", 65) + `"}`), codeParameter},
		{"callback's type", noticed(`,"extra":{"callback":"https://x.example/r","callback.type":"4"}`), codeParameter},
	} {
		if a := w.send(t, tt.message, token(w.one)); a.Code != tt.want || a.Message == "" || string(a.Value) != `""` {
			t.Errorf("%s: got %+v, want %s", tt.name, a, tt.want)
		}
	}
	if a := w.send(t, noticed("")); a.Code != codeEmpty {
		t.Errorf("no push id: %+v", a)
	}
	if a := w.send(t, noticed(""), make([]string, 101)...); a.Code != codeParameter {
		t.Errorf("101 push ids: %+v", a)
	}
	if got := w.one.Arrivals(0); len(got) > 0 {
		t.Errorf("refused messages arrived: %v", got)
	}
}

func TestFailuresByPushID(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(a *App) { a.PublicPerPhone = 1 })
	muted, full := w.addPhone(t, "1"), w.addPhone(t, "1")
	muted.SetState(phone.Change{PushEnabled: new(false)})
	w.send(t, noticed(`,"more":1`), token(full))
	a := w.send(t, noticed(""), token(w.one), token(w.foreign), "a b", token(muted), token(full))
	want := map[string][]string{"110002": {token(w.foreign)}, "110003": {"a b"}, "110010": {token(muted)}, "110011": {token(full)}}
	if diff := cmp.Diff(want, a.failed(t)); diff != "" || a.Code != codeOK || a.MsgID == "" {
		t.Errorf("%+v (-want +got):\n%s", a, diff)
	}
	if a := w.send(t, `{"noticeBarInfo":{"noticeMsgType":1,"title":"Hi","content":"There"}}`, token(full)); len(a.failed(t)) > 0 {
		t.Errorf("a private message is counted: %+v", a)
	}
}

func TestQuotas(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(a *App) { a.DayQuota = 1 })
	if a := w.send(t, noticed(""), token(w.one), token(w.one)); a.Code != codeDayQuota {
		t.Errorf("two of one: %+v", a)
	}
	w.send(t, noticed(""), token(w.one))
	if a := w.send(t, noticed(""), token(w.one)); a.Code != codeDayQuota {
		t.Errorf("the second of one: %+v", a)
	}
	fast := newWorld(t, func(a *App) { a.RequestsPerSecond = 1 })
	a := fast.send(t, noticed(""), token(fast.one))
	for n := 0; n < 100 && a.Code != codeTooFast; n++ { // Those of a slow machine are not in one second.
		a = fast.send(t, noticed(""), token(fast.one))
	}
	if a.Code != codeTooFast {
		t.Errorf("too fast: %+v", a)
	}
}

func TestFolding(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		defer w.vendor.Close() // inside of the bubble
		for range maxRepeated {
			if a := w.send(t, noticed(""), token(w.one)); len(a.failed(t)) > 0 {
				t.Fatalf("got %+v", a)
			}
		}
		a := w.send(t, noticed(""), token(w.one))
		if diff := cmp.Diff(map[string][]string{"520": {token(w.one)}}, a.failed(t)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		time.Sleep(time.Minute) // virtual
		if a := w.send(t, noticed(""), token(w.one)); len(a.failed(t)) > 0 {
			t.Errorf("a minute later: %+v", a)
		}
	})
}

func TestPhoneReadsMessage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(a *App) { a.VIP = true })
	for _, tt := range []struct {
		name, path, message string
		want                phone.Content
	}{
		{
			"plain", "varnished", noticed(""),
			phone.Content{Kind: phone.Notification, Title: "Hi", Content: "There", Category: "public", Payload: "p", Data: map[string]string{"payload": "p"}},
		},
		{
			"rich", "varnished", `{"noticeBarInfo":{"noticeMsgType":1,"title":"Hi","content":"There"},"advanceInfo":{"notifyKey":"a_B-9"},
				"noticeExpandInfo":{"noticeExpandType":2,"noticeExpandImgUrl":"https://x/p"},"clickTypeInfo":{"clickType":1,"activity":"a.B"}}`,
			phone.Content{
				Kind: phone.Notification, Title: "Hi", Content: "There", Category: "private", ReplaceID: "a_B-9", Image: "https://x/p", Click: "a.B",
				Data: map[string]string{},
			},
		},
		{"data", "unvarnished", `{"title":"Hi","content":"c"}`, phone.Content{Kind: phone.Data, Title: "Hi", MessageContent: "c"}},
	} {
		last := int64(len(w.one.Arrivals(0)))
		a := w.call(t, http.MethodPost, tt.path+"/pushByPushId", "secret", push(tt.message, token(w.one)))
		arrivals := w.one.Arrivals(last)
		if a.Code != codeOK || len(arrivals) != 1 {
			t.Fatalf("%s: %+v, arrivals %v", tt.name, a, arrivals)
		}
		tt.want.MessageID = a.MsgID
		if diff := cmp.Diff(tt.want, arrivals[0].Content); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
	if a := w.call(t, http.MethodPost, "unvarnished/pushByPushId", "secret", push(`{"title":"Hi"}`, token(w.one))); a.Code != codeParameter {
		t.Errorf("data without content: %+v", a)
	}
}

func TestReceipts(t *testing.T) {
	t.Parallel()
	got := make(chan map[string]Detail, 10)
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var cb map[string]Detail
		if err := json.Unmarshal([]byte(r.PostFormValue("cb")), &cb); err != nil || r.PostFormValue("access_token") != "callback-token" {
			t.Errorf("form %v: %v", r.PostForm, err)
		}
		got <- cb
	}))
	t.Cleanup(s.Close)
	w := newWorld(t, func(a *App) { a.Callbacks, a.ReceiptToken = []string{s.URL}, "callback-token" })
	wait := func(key string, kind int) {
		t.Helper()
		select {
		case cb := <-got:
			if diff := cmp.Diff(map[string]Detail{key: {Param: "m", Type: kind, Targets: []string{token(w.one)}}}, cb); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		case <-time.After(time.Minute):
			t.Fatal("no receipt")
		}
	}
	asking := func(kind string) string {
		return noticed(`,"extra":{"callback":"` + s.URL + `","callback.param":"m","callback.type":"` + kind + `"}`)
	}
	both := w.send(t, asking("3"), token(w.one))
	wait(both.MsgID+"-1", 1)
	w.one.Click(1)
	wait(both.MsgID+"-2", 2)
	clicks := w.send(t, asking("2"), token(w.one)) // asks for no receipt of delivery
	w.one.Click(2)
	wait(clicks.MsgID+"-2", 2)
}

func TestFaults(t *testing.T) {
	t.Parallel()
	for want, f := range map[string]traffic.Fault{
		"200 110010": {Throttle: true}, "200 110019": {Quota: true}, "502 500": {Status: 502}, "200 1006": {Code: "1006"},
	} {
		recorder := httptest.NewRecorder()
		(*Vendor)(nil).Refuse(recorder, f)
		var a reply
		if err := json.Unmarshal(recorder.Body.Bytes(), &a); err != nil || fmt.Sprint(recorder.Code, " ", a.Code) != want {
			t.Errorf("%+v: %d %s, want %s", f, recorder.Code, recorder.Body, want)
		}
	}
}

func FuzzNotice(f *testing.F) {
	f.Add(noticed(`,"pushTimeInfo":{"offLine":1,"validTime":24},"advanceInfo":{"notifyKey":"a"}`))
	f.Fuzz(func(t *testing.T, text string) {
		m, no := readNotice(text, App{AppID: "1"})
		if no != nil {
			return
		}
		if p := m.push("id"); p.TTL < 0 || p.TTL > maxHours*time.Hour || p.Title == "" || p.Content.Content == "" {
			t.Fatalf("push %+v", p)
		}
	})
}
