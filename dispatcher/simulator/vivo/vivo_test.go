package vivo

import (
	"encoding/json"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/offlinepush/operator/dispatcher/simulator/callback"
	"github.com/offlinepush/operator/dispatcher/simulator/phone"
)

const secret = "secret"

// fields are the members of a request.
type fields map[string]any

// world is vivo Push with the apps 17 and 18.
type world struct {
	t                 *testing.T
	vendor            *Vendor
	one, two, foreign *phone.Handset
	token             string
}

func newWorld(t *testing.T, change func(*App)) *world {
	t.Helper()
	return posting(t, time.Hour, change)
}

// posting is a world that posts receipts in an interval.
func posting(t *testing.T, interval time.Duration, change func(*App)) *world {
	t.Helper()
	post := callback.Options{Client: http.DefaultClient, Interval: interval, Log: slog.New(slog.DiscardHandler)}
	w := &world{t: t, vendor: New(phone.NewBook(), post)}
	t.Cleanup(w.vendor.Close)
	a := App{AppID: 17, AppKey: "key", AppSecret: secret}
	if change != nil {
		change(&a)
	}
	for _, app := range []App{a, {AppID: 18, AppKey: "key", AppSecret: "other"}} {
		if _, err := w.vendor.Add(app); err != nil {
			t.Fatal(err)
		}
	}
	w.one, w.two, w.foreign = w.phone("17", "regid-one"), w.phone("17", "regid-two"), w.phone("18", "regid-foreign")
	w.token = w.auth(fields{}).AuthToken
	return w
}

func (w *world) phone(app, id string) *phone.Handset {
	w.t.Helper()
	h, err := w.vendor.phones.Add(Name, app, "", phone.Names{Token: id})
	if err != nil {
		w.t.Fatal(err)
	}
	return h
}

func (w *world) call(path string, f fields) answer {
	w.t.Helper()
	body, err := json.Marshal(f)
	if err != nil {
		w.t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(w.t.Context(), http.MethodPost, path, strings.NewReader(string(body)))
	r.Header.Set("authToken", w.token)
	recorder := httptest.NewRecorder()
	w.vendor.ServeHTTP(recorder, r)
	var a answer
	if err := json.Unmarshal(recorder.Body.Bytes(), &a); err != nil || recorder.Code != http.StatusOK || a.Desc == "" {
		w.t.Errorf("%s: %d %s", path, recorder.Code, recorder.Body)
	}
	return a
}

// with is the base changed by more; nil drops a member.
func with(base, more fields) fields {
	changed := maps.Clone(base)
	for k, v := range more {
		changed[k] = v
		if v == nil {
			delete(changed, k)
		}
	}
	return changed
}

// auth makes an exchange that is good but for the changes; it is signed if they have no sign.
func (w *world) auth(changes fields) answer {
	w.t.Helper()
	e := exchange{AppID: 17, AppKey: "key", Timestamp: time.Now().UnixMilli()}
	if at, ok := changes["timestamp"].(int64); ok {
		e.Timestamp = at
	}
	base := fields{"appId": e.AppID, "appKey": e.AppKey, "timestamp": e.Timestamp, "sign": e.sign(secret)}
	return w.call("/message/auth", with(base, changes))
}

func good() fields {
	return fields{
		"appId": 17, "regId": "regid-one", "notifyType": 4, "title": "Hi", "content": "There", "skipType": 1, "requestId": "r1",
	}
}

// TestSignVector has a signature that md5sum made.
func TestSignVector(t *testing.T) {
	t.Parallel()
	e := exchange{AppID: 10004711, AppKey: "25509283-3767-4b9e-83fe-b6e55ac6b123", Timestamp: 1798761600000}
	if got := e.sign("vivo-app-secret/+=="); got != "0e56aa1b5a1fee867180e35fc5d6d12c" {
		t.Errorf("got %s", got)
	}
}

func TestAuth(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	for name, tt := range map[string]struct {
		changes fields
		want    int
	}{
		"good":      {nil, 0},
		"old":       {fields{"timestamp": time.Now().Add(-11 * time.Minute).UnixMilli()}, 10207},
		"early":     {fields{"timestamp": time.Now().Add(11 * time.Minute).UnixMilli()}, 10207},
		"no id":     {fields{"appId": nil}, 10200},
		"no key":    {fields{"appKey": ""}, 10201},
		"key":       {fields{"appKey": "x"}, 10202},
		"no time":   {fields{"timestamp": nil}, 10203},
		"no sign":   {fields{"sign": ""}, 10204},
		"sign":      {fields{"sign": strings.Repeat("0", 32)}, 10206},
		"other app": {fields{"appId": 99}, 10205},
		"shape":     {fields{"appId": "x"}, 10800},
	} {
		if a := w.auth(tt.changes); a.Result != tt.want || (a.AuthToken == "") != (tt.want != 0) {
			t.Errorf("%s: got %+v", name, a)
		}
	}
	codes := map[int]int{}
	for range authRate * 2 {
		codes[w.auth(nil).Result]++
	}
	if codes[10072] == 0 || codes[0]+codes[10072] != authRate*2 {
		t.Errorf("too many exchanges: %v", codes)
	}
}

func TestTokensEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		defer w.vendor.Close()
		expect := func(what string, want int) {
			t.Helper()
			if a := w.call("/message/send", good()); a.Result != want {
				t.Errorf("%s: got %+v, want %d", what, a, want)
			}
		}
		expect("fresh", 0)
		time.Sleep(tokenLife) // virtual
		expect("old", 10000)
		w.token = w.auth(nil).AuthToken
		expect("fresh again", 0)
		if _, err := w.vendor.Add(App{AppID: 17, AppKey: "key", AppSecret: "rotated"}); err != nil {
			t.Fatal(err)
		}
		expect("of the old secret", 10000)
		w.token = ""
		expect("none", 10000)
		if err := w.vendor.Revoke("17"); err != nil {
			t.Fatal(err)
		}
		if a := w.auth(nil); a.Result != 10206 {
			t.Errorf("a revoked secret: got %+v", a)
		}
	})
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(a *App) { a.TestPhones = []string{"regid-two"} })
	long := strings.Repeat("字", 1025)
	tests := []struct {
		changes fields
		want    int
	}{
		{fields{"appId": 18}, 10094},
		{fields{"appId": nil}, 10094},
		{fields{"title": 5}, 10800},
		{fields{"regId": nil}, 10050},
		{fields{"notifyType": nil}, 10054},
		{fields{"notifyType": 5}, 10054},
		{fields{"title": " "}, 10055},
		{fields{"title": long[:41*3]}, 10056},
		{fields{"content": nil}, 10057},
		{fields{"content": long[:101*3]}, 10058},
		{fields{"content": "测试"}, 10104},
		{fields{"timeToLive": 59}, 10059},
		{fields{"timeToLive": 86401}, 10059},
		{fields{"skipType": nil}, 10060},
		{fields{"skipType": 5}, 10060},
		{fields{"skipType": 2}, 10060},
		{fields{"skipType": 4, "skipContent": long}, 10060},
		{fields{"networkType": 2}, 10065},
		{fields{"clientCustomMap": fields{"k": long[:1024*3]}}, 10067},
		{fields{"notifyId": 0}, 10095},
		{fields{"notifyId": 1 << 31}, 10095},
		{fields{"classification": 2}, 10051},
		{fields{"category": "im"}, 10096},
		{fields{"category": "IM", "classification": 0}, 10097},
		{fields{"category": "NEWS", "classification": 1}, 10097},
		{fields{"extra": fields{"call": "x"}}, 10304},
		{fields{"extra": fields{"callback": "https://x/" + long[:120*3]}}, 10305},
		{fields{"extra": fields{"callback": "https://x/", "callback.param": long[:65*3]}}, 10306},
		{fields{"extra": fields{"callback.id": "1", "callback.param": long[:193*3]}}, 10306},
		{fields{"requestId": nil}, 10352},
		{fields{"requestId": long[:65*3]}, 10353},
		{fields{"pushMode": 2}, 10801},
		{fields{"pushMode": 1}, 10302},
		{fields{"regId": "gone"}, 10302},
		{fields{"regId": "regid-foreign"}, 10302},
	}
	for _, tt := range tests {
		a := w.call("/message/send", with(good(), tt.changes))
		if a.Result != tt.want || a.TaskID != "" || (a.InvalidUser == nil) != (tt.want != 10302) {
			t.Errorf("%v: got %+v, want %d", tt.changes, a, tt.want)
		}
	}
	if a := w.call("/message/send", with(good(), fields{"pushMode": 1})); *a.InvalidUser != (invalidUser{notATester, "regid-one"}) {
		t.Errorf("a test for an ordinary phone: got %+v", a)
	}
	w.one.SetState(phone.Change{PushEnabled: new(false)})
	if a := w.call("/message/send", good()); a.Result != 10311 {
		t.Errorf("a phone without notifications: got %+v", a)
	}
	if a := w.call("/message/send", with(good(), fields{"regId": "regid-two", "pushMode": 1, "content": "test"})); a.Result != 0 {
		t.Errorf("a test: got %+v", a)
	}
	if got := w.one.Arrivals(0); len(got) > 0 {
		t.Errorf("refused messages arrived: %v", got)
	}
}

func TestRights(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(a *App) { a.UnderReview = true })
	if a := w.call("/message/send", good()); a.Result != 10045 {
		t.Errorf("under review: got %+v", a)
	}
	w = newWorld(t, func(a *App) { a.NoSystem = true })
	for want, changes := range map[int]fields{10082: {"category": "IM"}, 0: {"category": "NEWS"}} {
		if a := w.call("/message/send", with(good(), changes)); a.Result != want {
			t.Errorf("%v: got %+v", changes, a)
		}
	}
}

func TestPhoneReadsMessage(t *testing.T) {
	t.Parallel()
	everything := fields{
		"skipType": 4, "skipContent": "intent://x#Intent;end", "timeToLive": 60, "category": "IM", "classification": 1, "notifyId": 7,
		"clientCustomMap": fields{"payload": "p", "own": "v"}, "addBadge": true, "networkType": -1,
	}
	tests := []struct {
		name    string
		changes fields
		want    phone.Content
	}{
		{"everything", everything, phone.Content{
			Kind: phone.Notification, Title: "Hi", Content: "There", Payload: "p", Data: map[string]string{"payload": "p", "own": "v"},
			Category: "IM", Click: "intent://x#Intent;end", ReplaceID: "7", DedupID: "r1", Badge: new(int32(1)),
		}},
		{"nothing more", nil, phone.Content{Kind: phone.Notification, Title: "Hi", Content: "There", DedupID: "r1"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, nil)
			sent := w.call("/message/send", with(good(), tt.changes))
			arrivals := w.one.Arrivals(0)
			if len(arrivals) != 1 || arrivals[0].MessageID != sent.TaskID || sent.TaskID == "" {
				t.Fatalf("arrivals %+v, answer %+v", arrivals, sent)
			}
			if diff := cmp.Diff(tt.want, arrivals[0].Content, cmpopts.IgnoreFields(phone.Content{}, "MessageID")); diff != "" {
				t.Errorf("the phone got (-want +got):\n%s", diff)
			}
			again := w.call("/message/send", with(good(), tt.changes))
			if again.TaskID != sent.TaskID || len(w.one.Arrivals(0)) != 1 {
				t.Errorf("the same request id pushes again: %+v", again)
			}
		})
	}
}
