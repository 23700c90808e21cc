package harmonyos

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/simulator/callback"
	"github.com/offlinepush/operator/dispatcher/simulator/phone"
	"github.com/offlinepush/operator/dispatcher/simulator/pushkit"
)

// privateKey is made once for all tests: making a key takes time.
var privateKey = sync.OnceValue(newKey)

// world is Push Kit with the projects 1 and 2, a phone of each.
type world struct {
	vendor       *Vendor
	project      Project
	one, foreign *phone.Handset
}

func newWorld(t *testing.T, p Project) *world {
	t.Helper()
	book := phone.NewBook()
	post := callback.Options{Client: http.DefaultClient, Interval: time.Millisecond, Log: slog.New(slog.DiscardHandler)}
	w := &world{vendor: New(book, post)}
	t.Cleanup(w.vendor.Close)
	p.ProjectID, p.PrivateKey = "1", privateKey()
	w.project = p
	for _, p := range []Project{p, {ProjectID: "2", PrivateKey: privateKey()}} {
		if _, err := w.vendor.Add(p); err != nil {
			t.Fatal(err)
		}
	}
	add := func(project string) *phone.Handset {
		h, err := book.Add(Name, project, "", w.vendor.Issue())
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	w.one, w.foreign = add("1"), add("2")
	return w
}

func token(h *phone.Handset) string { return h.Phone().Token }

// bearer signs a JWT whose claims and header are changed.
func (w *world) bearer(t *testing.T, change func(claims, header map[string]any)) string {
	t.Helper()
	a := w.project.ServiceAccount()
	claims := jwt.MapClaims{
		"iss": a.SubAccount, "aud": a.TokenURI, "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
	}
	j := jwt.NewWithClaims(jwt.SigningMethodPS256, claims)
	j.Header["kid"] = a.KeyID
	if change != nil {
		change(claims, j.Header)
	}
	key, err := jwt.ParseRSAPrivateKeyFromPEM([]byte(a.PrivateKey))
	if err != nil {
		t.Fatal(err)
	}
	signed, err := j.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return "Bearer " + signed
}

// body is a good push to the tokens.
func body(change func(options, shown map[string]any), tokens ...string) map[string]any {
	shown := map[string]any{"title": "Hi", "body": "There", "clickAction": map[string]any{"actionType": 0, "data": map[string]any{"payload": "p"}}}
	options := map[string]any{}
	if change != nil {
		change(options, shown)
	}
	maps.DeleteFunc(shown, func(_ string, v any) bool { return v == nil })
	return map[string]any{
		"payload": map[string]any{"notification": shown}, "target": map[string]any{"token": tokens}, "pushOptions": options,
	}
}

func extra(text string, tokens ...string) map[string]any {
	return map[string]any{"payload": map[string]any{"extraData": text}, "target": map[string]any{"token": tokens}}
}

func (w *world) send(t *testing.T, authorization, kind string, b any) (int, pushkit.Answer) {
	t.Helper()
	encoded, err := json.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v3/1/messages:send", strings.NewReader(string(encoded)))
	r.Header.Set("Authorization", authorization)
	r.Header.Set("push-type", kind)
	got := httptest.NewRecorder()
	w.vendor.ServeHTTP(got, r)
	var a pushkit.Answer
	if err := json.Unmarshal(got.Body.Bytes(), &a); err != nil {
		a.Msg = got.Body.String()
	}
	return got.Code, a
}

func TestAuthorization(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Project{})
	ago := func(d time.Duration) int64 { return time.Now().Add(-d).Unix() }
	tests := map[string]struct {
		change func(claims, header map[string]any)
		code   string
	}{
		"good":            {nil, "80000000"},
		"another key":     {func(_, header map[string]any) { header["kid"] = "x" }, "80200001"},
		"another account": {func(claims, _ map[string]any) { claims["iss"] = "12" }, "80200001"},
		"for another":     {func(claims, _ map[string]any) { claims["aud"] = "https://x" }, "80200001"},
		"without end":     {func(claims, _ map[string]any) { delete(claims, "exp") }, "80200001"},
		"of tomorrow":     {func(claims, _ map[string]any) { claims["iat"] = ago(-time.Hour) }, "80200001"},
		"over":            {func(claims, _ map[string]any) { claims["iat"], claims["exp"] = ago(2*time.Hour), ago(time.Hour) }, "80200005"},
		"too long":        {func(claims, _ map[string]any) { claims["exp"] = ago(-25 * time.Hour) }, "80300036"},
	}
	for name, tt := range tests {
		if _, got := w.send(t, w.bearer(t, tt.change), "0", body(nil, token(w.one))); got.Code != tt.code {
			t.Errorf("%s: got %+v, want %s", name, got, tt.code)
		}
	}
	for _, authorization := range []string{"", "Bearer x", "Basic x"} {
		if status, got := w.send(t, authorization, "0", body(nil, token(w.one))); status != http.StatusUnauthorized || got.Code != "80200001" {
			t.Errorf("%q: got %d %+v", authorization, status, got)
		}
	}
	if err := w.vendor.Revoke("1"); err != nil {
		t.Fatal(err)
	}
	if _, got := w.send(t, w.bearer(t, nil), "0", body(nil, token(w.one))); got.Code != "80200001" {
		t.Errorf("revoked: got %+v", got)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Project{Images: []string{"https://x/good.png"}, Account: pushkit.Account{Sensitive: []string{"lottery"}}})
	set := func(key string, v any) func(_, shown map[string]any) {
		return func(_, shown map[string]any) { shown[key] = v }
	}
	option := func(key string, v any) func(options, _ map[string]any) {
		return func(options, _ map[string]any) { options[key] = v }
	}
	id := token(w.one)
	eleven := strings.Split("a,b,c,d,e,f,g,h,i,j,k", ",")
	tests := []struct {
		name, kind string
		body       any
		code       string
	}{
		{"no JSON", "0", "x", "80100003"},
		{"unknown field", "0", body(set("colour", "red"), id), "80100003"},
		{"no token", "0", body(nil), "80300010"},
		{"a token twice", "0", body(nil, id, id), "80100001"},
		{"too long", "0", body(set("body", strings.Repeat("x", 4096)), id), "80300008"},
		{"no type", "", body(nil, id), "80100001"},
		{"unknown type", "3", body(nil, id), "80100001"},
		{"notification without one", "0", extra("x", id), "80100003"},
		{"background without data", "6", extra("", id), "80100003"},
		{"call with a notification", "10", body(nil, id), "80100003"},
		{"no title", "0", body(set("title", nil), id), "80100003"},
		{"no click", "0", body(set("clickAction", nil), id), "80100003"},
		{"page without a name", "0", body(set("clickAction", map[string]any{"actionType": 1}), id), "80100003"},
		{"web page", "0", body(set("clickAction", map[string]any{"actionType": 2, "uri": "https://x"}), id), "80100003"},
		{"data is no object", "0", body(set("clickAction", map[string]any{"actionType": 0, "data": "x"}), id), "80100003"},
		{"badge too high", "0", body(set("badge", map[string]any{"addNum": 100}), id), "80100001"},
		{"unknown category", "0", body(set("category", "GOSSIP"), id), "80100001"},
		{"sensitive", "0", body(set("title", "lottery"), id), "80100016"},
		{"image over http", "0", body(set("image", "http://x/good.png"), id), "80100001"},
		{"unchecked image", "0", body(set("image", "https://x/bad.png"), id), "80100022"},
		{"ttl over", "0", body(option("ttl", 0), id), "80100004"},
		{"ttl too long", "0", body(option("ttl", 1296001), id), "80100001"},
		{"receipt configuration", "0", body(option("receiptId", "x"), id), "80300013"},
		{"test to eleven", "0", body(option("testMessage", true), eleven...), "80300030"},
		{"only dead phones", "0", body(nil, "gone"), "80300007"},
		{"foreign phone", "0", body(nil, token(w.foreign)), "80300007"},
		{"no right to call", "10", extra("x", id), "80300007"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if _, got := w.send(t, w.bearer(t, nil), tt.kind, tt.body); got.Code != tt.code || got.Msg == "" || got.RequestID == "" {
				t.Errorf("got %+v, want %s", got, tt.code)
			}
		})
	}
}

func TestReasons(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Project{})
	_, got := w.send(t, w.bearer(t, nil), "0", body(nil, "gone", token(w.one), token(w.foreign)))
	want := fmt.Sprintf(`{"failure":2,"illegalTokens":{"noRight":[%q],"tokenFormatError":["gone"]},"success":1}`, token(w.foreign))
	if got.Code != "80100000" || got.Msg != want {
		t.Errorf("got %+v, want %s", got, want)
	}
}

func TestWhatPhonesGet(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Project{Calls: true, Images: []string{"https://x/a.png"}, Account: pushkit.Account{Categories: []string{"IM"}}})
	_, got := w.send(t, w.bearer(t, nil), "0", body(func(options, shown map[string]any) {
		options["ttl"], options["testMessage"] = 60, true
		shown["category"], shown["notifyId"], shown["image"], shown["sound"] = "IM", 5, "https://x/a.png", "ring"
		shown["badge"] = map[string]any{"addNum": 2}
		shown["clickAction"] = map[string]any{"actionType": 1, "uri": "chat://x", "data": map[string]any{"payload": "p", "n": 1}}
	}, token(w.one)))
	want := phone.Content{
		MessageID: got.RequestID, Kind: phone.Notification, Title: "Hi", Content: "There", Payload: "p",
		Data: map[string]string{"payload": "p", "n": "1"}, Sound: "ring", Category: "IM", Click: "chat://x",
		Image: "https://x/a.png", Badge: new(int32(2)), ReplaceID: "5",
	}
	if diff := cmp.Diff(want, w.one.Arrivals(0)[0].Content); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for i, kind := range []string{"6", "10"} {
		_, got := w.send(t, w.bearer(t, nil), kind, extra(`{"payload":"p"}`, token(w.one)))
		want := phone.Content{MessageID: got.RequestID, Kind: phone.Data, Payload: "p", Data: map[string]string{"payload": "p"}}
		if diff := cmp.Diff(want, w.one.Arrivals(int64(i + 1))[0].Content); diff != "" {
			t.Errorf("%s (-want +got):\n%s", kind, diff)
		}
	}
}

func TestReceipts(t *testing.T) {
	t.Parallel()
	received := make(chan Status, 10)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		var got struct {
			Statuses []Status `json:"statuses"`
		}
		if json.Unmarshal(text, &got) != nil || err != nil || r.Header.Get("X-HUAWEI-CALLBACK-ID") != "" {
			t.Errorf("%v %s", r.Header, text)
		}
		for _, s := range got.Statuses {
			received <- s
		}
	}))
	t.Cleanup(server.Close)
	w := newWorld(t, Project{Account: pushkit.Account{Receipts: []pushkit.ReceiptConfig{{ID: "r", URL: server.URL}}, MarketingPerDay: 1}})
	for _, result := range []int{0, 256} {
		_, answer := w.send(t, w.bearer(t, nil), "0", body(func(options, _ map[string]any) { options["biTag"] = "tag" }, token(w.one)))
		select {
		case got := <-received:
			got.Delivery.Timestamp = 0
			want := Status{
				Token: token(w.one), PushType: "0", Package: "app.1", BiTag: "tag", RequestID: answer.RequestID, Delivery: Delivery{Result: result},
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		case <-time.After(time.Minute):
			t.Fatal("no receipt")
		}
	}
}

func TestConsole(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Project{})
	if _, err := w.vendor.Add(Project{ProjectID: "3", PrivateKey: "x"}); err == nil || !strings.Contains(err.Error(), "privateKey") {
		t.Errorf("got %v", err)
	}
	mux := http.NewServeMux()
	w.vendor.RegisterAdmin(mux, "")
	for path, status := range map[string]int{"/admin/harmonyos/apps/1/service-account": 200, "/admin/harmonyos/apps/9/service-account": 404} {
		got := httptest.NewRecorder()
		mux.ServeHTTP(got, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		if got.Code != status {
			t.Errorf("%s: got %d", path, got.Code)
		}
		var a ServiceAccount
		if err := json.Unmarshal(got.Body.Bytes(), &a); status == 200 && (err != nil || a != w.project.ServiceAccount()) {
			t.Errorf("got %+v, %v", a, err)
		}
	}
	rotated, err := w.vendor.Rotate(httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader("")), "1")
	if p, ok := rotated.(Project); err != nil || !ok || p.keyID() == w.project.keyID() {
		t.Errorf("got %v, %v", rotated, err)
	}
	if _, got := w.send(t, w.bearer(t, nil), "0", body(nil, token(w.one))); got.Code != "80200001" {
		t.Errorf("the old key: got %+v", got)
	}
}
