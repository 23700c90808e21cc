package webpush

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/simulator/phone"
	"github.com/offlinepush/operator/dispatcher/simulator/traffic"
)

// TestRFC8291 is the example of appendix A.
func TestRFC8291(t *testing.T) {
	t.Parallel()
	b, err := NewBrowser("q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94", "BTBZMqHH6r4Tts7J_aSIgg")
	if err != nil {
		t.Fatal(err)
	}
	body, err := base64.RawURLEncoding.DecodeString("DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLoc" +
		"InmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := b.Decrypt(body); err != nil || string(got) != "When I grow up, I want to be a watermelon" {
		t.Errorf("got %q, %v", got, err)
	}
	body[len(body)-1] ^= 1
	if got, err := b.Decrypt(body); err == nil {
		t.Errorf("a changed message reads %q", got)
	}
}

func TestBrowsersReadRecordsAndPadding(t *testing.T) {
	t.Parallel()
	b := derived("id")
	var s subscription
	s.from(b.Subscription("https://x.example/"))
	for _, tt := range []struct {
		text          string
		size, padding int
	}{{"", 4096, 0}, {"hello", 4096, 100}, {"hello, world", 20, 0}, {strings.Repeat("x", 500), 50, 3}, {"ends with marks\x02\x00\x00\x02", 4096, 9}} {
		if got, err := b.Decrypt(seal(t, s, tt.text, tt.size, tt.padding)); err != nil || string(got) != tt.text {
			t.Errorf("%q: got %q, %v", tt.text, got, err)
		}
	}
	body := seal(t, s, "hello, world", 20, 0)
	for name, bad := range map[string][]byte{
		"empty": nil, "cut": body[:len(body)-20], "small records": append(append(bytes.Clone(body[:16]), 0, 0, 0, 17), body[20:]...),
		"long key": append(append(bytes.Clone(body[:20]), 66), body[21:]...), "no point": append(append(bytes.Clone(body[:21]), 5), body[22:]...),
	} {
		if got, err := b.Decrypt(bad); err == nil {
			t.Errorf("%s: reads %q", name, got)
		}
	}
}

func TestEveryServiceDelivers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const plain = `{"title":"Anna","body":"Lunch?","image":"https://i.example/","tag":"t","data":{"payload":"p","offlinepush":{"version":1},"clickURL":"https://c.example/","badge":3}}`
	for name, h := range w.browsers {
		for _, gateway := range []bool{false, true} {
			r := w.request(t, h, plain)
			host := r.endpoint.Host
			if gateway {
				r.endpoint.Path, r.endpoint.Host = "/"+host+r.endpoint.Path, "gateway.example:8443"
			}
			answer := w.send(t, r)
			location := answer.Header().Get("Location")
			if answer.Code != http.StatusCreated || !strings.HasPrefix(location, "https://"+host+"/m/") || answer.Header().Get("TTL") != "60" {
				t.Fatalf("%s: %d %s %v", name, answer.Code, answer.Body, answer.Header())
			}
			arrivals := h.Arrivals(0)
			got := arrivals[len(arrivals)-1].Content
			want := phone.Content{
				MessageID: location[strings.LastIndex(location, "/")+1:], Kind: phone.Notification, Title: "Anna", Content: "Lunch?",
				Payload: "p", Click: "https://c.example/", Image: "https://i.example/", Badge: new(int32(3)), ReplaceID: "t",
				Data:           map[string]string{"payload": "p", "offlinepush": `{"version":1}`, "clickURL": "https://c.example/", "badge": "3"},
				MessageContent: plain,
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
	}
	if answer := w.send(t, w.request(t, w.browsers["apple"], "text")); answer.Header().Get("Apns-Id") == "" {
		t.Errorf("Apple: %v", answer.Header())
	}
	if got := w.browsers["apple"].Arrivals(2)[0]; got.Content.Content != "text" || got.Title != "" {
		t.Errorf("text is shown as %+v", got)
	}
}

// TestRefusals has what is wrong with a push, and what each service says to that.
func TestRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	text := func(status int, words string) string { return fmt.Sprintf("%d %s", status, words) }
	badToken := map[string]string{"google": text(403, "invalid"), "mozilla": text(401, `"errno":109`), "apple": text(403, "BadJwtToken"), "windows": "401 invalid"}
	badHeader := map[string]string{"google": text(400, ""), "mozilla": text(400, `"errno":110`), "apple": text(400, "BadRequest"), "windows": "400 "}
	tests := []struct {
		name   string
		change func(*request)
		want   map[string]string
	}{
		{"no token", func(r *request) { r.header.Set("Authorization", "Basic x") }, map[string]string{"google": "403 authorization header must", "mozilla": text(401, `"errno":109`), "apple": text(403, "BadJwtToken"), "windows": "401 authorization"}},
		{"no key", func(r *request) { r.header.Set("Authorization", "vapid t=x, k=x") }, badToken},
		{"no JWT", func(r *request) {
			point, _ := r.key.PublicKey.Bytes()
			r.header.Set("Authorization", "vapid t=x.y.z, k="+encode(point))
		}, badToken},
		{"signed by another key", func(r *request) {
			point, _ := r.key.PublicKey.Bytes()
			signed, _ := jwt.NewWithClaims(jwt.SigningMethodES256, r.claims).SignedString(stranger)
			r.header.Set("Authorization", "vapid k="+encode(point)+",t="+signed)
		}, badToken},
		{"another audience", func(r *request) { r.claims["aud"] = "https://example.com" }, badToken},
		{"audience with a path", func(r *request) { r.claims["aud"] = r.claims["aud"].(string) + "/" }, badToken},
		{"no end", func(r *request) { delete(r.claims, "exp") }, badToken},
		{"ended", func(r *request) { r.claims["exp"] = time.Now().Add(-2 * time.Minute).Unix() }, badToken},
		{"more than a day", func(r *request) { r.claims["exp"] = time.Now().Add(25 * time.Hour).Unix() }, badToken},
		{"no subject", func(r *request) { delete(r.claims, "sub") }, badToken},
		{"a subject of no domain", func(r *request) { r.claims["sub"] = "mailto:me@localhost" }, badToken},
		{"the key of another site", func(r *request) { r.key = stranger }, map[string]string{
			"google":  text(403, "the VAPID credentials in the authorization header do not correspond to the credentials used to create the subscriptions."),
			"mozilla": text(401, "VAPID public key mismatch"), "apple": text(400, "VapidPkHashMismatch"), "windows": "403 ",
		}},
		{"no TTL", func(r *request) { r.header.Del("TTL") }, map[string]string{"google": text(400, "TTL"), "mozilla": text(400, "Missing TTL value"), "apple": text(400, "BadRequest"), "windows": "400 TTL"}},
		{"a wrong TTL", func(r *request) { r.header.Set("TTL", "-1") }, map[string]string{"google": text(400, "TTL"), "mozilla": text(400, "Missing TTL value"), "apple": text(400, "BadRequest"), "windows": "400 TTL"}},
		{"a wrong urgency", func(r *request) { r.header.Set("Urgency", "urgent") }, badHeader},
		{"a long topic", func(r *request) { r.header.Set("Topic", strings.Repeat("x", 33)) }, badHeader},
		{"a topic of other letters", func(r *request) { r.header.Set("Topic", "a+b") }, badHeader},
		{"another encoding", func(r *request) { r.header.Set("Content-Encoding", "aesgcm") }, badHeader},
		{"not encrypted", func(r *request) { r.body = []byte("hello") }, badHeader},
		{"too large", func(r *request) { r.body = append(r.body, make([]byte, 4097-len(r.body))...) }, map[string]string{"google": text(413, ""), "mozilla": text(413, `"errno":104`), "apple": text(413, "PayloadTooLarge"), "windows": "413 "}},
		{"another method", func(r *request) { r.method = http.MethodPut }, map[string]string{"google": text(404, ""), "mozilla": text(404, `"errno":102`), "apple": text(404, "BadPath"), "windows": "404 "}},
		{"no subscription", func(r *request) { r.endpoint.Path, r.endpoint.RawQuery = "/nowhere", "" }, map[string]string{"google": text(404, ""), "mozilla": text(404, `"errno":102`), "apple": text(404, "BadPath"), "windows": "404 "}},
	}
	for _, tt := range tests {
		for name, h := range w.browsers {
			r := w.request(t, h, "text")
			tt.change(r)
			answer := w.send(t, r)
			got := fmt.Sprintf("%d %s%s", answer.Code, answer.Header().Get("X-WNS-Error-Description"), answer.Body)
			status, words, _ := strings.Cut(tt.want[name], " ")
			if !strings.HasPrefix(got, status) || !strings.Contains(got, words) {
				t.Errorf("%s at %s: got %s, want %s", tt.name, name, got, tt.want[name])
			}
			if n := len(h.Arrivals(0)); n > 0 {
				t.Fatalf("%s at %s: was shown", tt.name, name)
			}
		}
	}
}

func TestTopicAndTTLOfSleepingBrowsers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := w.browsers["mozilla"]
	h.SetState(phone.Change{Online: new(false)})
	for text, headers := range map[string][2]string{"one": {"a", "60"}, "two": {"b", "60"}, "three": {"", "0"}} {
		r := w.request(t, h, text)
		r.header.Set("TTL", headers[1])
		if headers[0] != "" {
			r.header.Set("Topic", headers[0])
		}
		if answer := w.send(t, r); answer.Code != http.StatusCreated {
			t.Fatalf("%d %s", answer.Code, answer.Body)
		}
	}
	later := w.request(t, h, "one again")
	later.header.Set("Topic", "a")
	w.send(t, later)
	h.SetState(phone.Change{Online: new(true)})
	seen := map[string]bool{}
	for _, a := range h.Arrivals(0) {
		seen[a.Content.Content] = true
	}
	if diff := cmp.Diff(map[string]bool{"one again": true, "two": true}, seen); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestSubscriptionsEndAndKeepTheirKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v, h := w.vendor, w.browsers["google"]
	old := w.request(t, h, "text")
	if err := v.phones.RotateToken(h, v.Reissue(phone.Names{Token: h.Phone().Token})); err != nil {
		t.Fatal(err)
	}
	if answer := w.send(t, old); answer.Code != http.StatusGone {
		t.Errorf("the former subscription: %d %s", answer.Code, answer.Body)
	}
	if answer := w.send(t, w.request(t, h, "text")); answer.Code != http.StatusCreated {
		t.Errorf("the renewed subscription: %d %s", answer.Code, answer.Body)
	}
	rotated, err := v.Rotate(httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", http.NoBody), "chat")
	if err != nil {
		t.Fatal(err)
	}
	fresh := w.browser(t, "chat")
	if answer := w.send(t, w.request(t, h, "text")); answer.Code != http.StatusCreated {
		t.Errorf("an old subscription with the old key: %d %s", answer.Code, answer.Body)
	}
	w.key = vapidKey(t, rotated.(App).PrivateKey)
	if answer := w.send(t, w.request(t, fresh, "text")); answer.Code != http.StatusCreated {
		t.Errorf("a new subscription with the new key: %d %s", answer.Code, answer.Body)
	}
	if answer := w.send(t, w.request(t, h, "text")); answer.Code != http.StatusForbidden {
		t.Errorf("an old subscription with the new key: %d %s", answer.Code, answer.Body)
	}
	if err := v.Revoke("chat"); err != nil {
		t.Fatal(err)
	}
	if answer := w.send(t, w.request(t, fresh, "text")); answer.Code < 400 {
		t.Errorf("a revoked site: %d %s", answer.Code, answer.Body)
	}
	// Another simulator knows the browser by its subscription.
	given := h.Phone().Token
	names, err := New(phone.NewBook()).Names(strings.Replace(given, `"expirationTime":null,`, "", 1))
	if err != nil || names.Token != given {
		t.Errorf("got %+v, %v", names, err)
	}
	for _, wrong := range []string{"", "x", strings.Replace(given, `"auth":"`, `"auth":"A`, 1), `{"endpoint":"https://example.com/x"}`} {
		if names, err := v.Names(wrong); err == nil {
			t.Errorf("%q: got %+v", wrong, names)
		}
	}
}

func TestApps(t *testing.T) {
	t.Parallel()
	v := New(phone.NewBook())
	for words, a := range map[string]App{
		"privateKey": {ID: "x", PrivateKey: "short"}, "services": {ID: "x", Services: []string{"netscape"}},
		"requestsPerSecond": {ID: "x", RequestsPerSecond: -1}, "id": {},
	} {
		if _, err := v.AddApp(a); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%+v: got %v", a, err)
		}
	}
	if v.CheckApp("x") == nil || !v.Takes("fcm.googleapis.com", "/fcm/send/x") || v.Takes("fcm.googleapis.com", "/v1/projects/x/messages:send") ||
		!v.Takes("fcm.googleapis.com", "/wp/x") || !v.Takes("wns2-par02p.notify.windows.com", "/w/") || v.Takes("example.com", "/") ||
		!v.Takes("web.push.apple.com", "/x") || v.Takes("api.sandbox.push.apple.com", "/3/device/x") {
		t.Error("takes what is another's")
	}
}

func TestTooManyPushes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, _ := w.vendor.console.Get("chat")
	a.RequestsPerSecond = 1
	if _, err := w.vendor.AddApp(a); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]int{"google": 429, "mozilla": 429, "apple": 429, "windows": 406} {
		answer := w.send(t, w.request(t, w.browsers[name], "text"))
		for n := 0; n < 100 && answer.Code == http.StatusCreated; n++ { // Those of a slow machine are not in one second.
			answer = w.send(t, w.request(t, w.browsers[name], "text"))
		}
		if answer.Code != want || answer.Header().Get("Retry-After") != "10" {
			t.Errorf("%s: %d %v", name, answer.Code, answer.Header())
		}
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		fault traffic.Fault
		want  string
	}{
		"throttle":    {traffic.Fault{Throttle: true}, `429 10 {"code":429,"errno":201`},
		"windows":     {traffic.Fault{Status: 406, RetryAfterSeconds: 900}, "406 900 "},
		"errno":       {traffic.Fault{Code: "errno 106"}, `410  {"code":410,"errno":106`},
		"reason":      {traffic.Fault{Code: "VapidPkHashMismatch"}, `400  {"reason":"VapidPkHashMismatch"}`},
		"reason, 403": {traffic.Fault{Code: "VapidPkHashMismatch", Status: 403}, `403  {"reason":"VapidPkHashMismatch"}`},
		"unavailable": {traffic.Fault{Status: 503}, "503  "},
	} {
		answer := httptest.NewRecorder()
		New(phone.NewBook()).Refuse(answer, tt.fault)
		got := fmt.Sprintf("%d %s %s", answer.Code, answer.Header().Get("Retry-After"), answer.Body)
		if !strings.HasPrefix(got, tt.want) {
			t.Errorf("%s: got %s", name, got)
		}
	}
}

func FuzzDecrypt(f *testing.F) {
	b := derived("id")
	f.Add([]byte("short"))
	f.Add(make([]byte, 200))
	f.Fuzz(func(t *testing.T, body []byte) {
		if text, err := b.Decrypt(body); err == nil && len(text) > len(body) {
			t.Errorf("%x reads %q", body, text)
		}
	})
}
