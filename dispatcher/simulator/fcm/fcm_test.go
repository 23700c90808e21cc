package fcm

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/simulator/phone"
)

// world is Firebase with the projects chat and other, one phone each.
type world struct {
	vendor       *Vendor
	account      ServiceAccount
	phone, other *phone.Handset
	bearer       string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	book := phone.NewBook()
	w := &world{vendor: New(book)}
	for _, p := range []Project{{ProjectID: "chat"}, {ProjectID: "other"}, {ProjectID: "small", MessagesPerMinute: 1}} {
		if err := w.vendor.AddProject(p); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	if w.account, err = w.vendor.newKey(NewAccount{ProjectID: "chat", TokenURI: "https://sim.test/fcm/token"}); err != nil {
		t.Fatal(err)
	}
	w.phone, err = book.Add(Name, "chat", "phone-1", w.vendor.Issue())
	if err != nil {
		t.Fatal(err)
	}
	if w.other, err = book.Add(Name, "other", "phone-2", w.vendor.Issue()); err != nil {
		t.Fatal(err)
	}
	w.bearer = w.mint(t, "chat")
	return w
}

func (w *world) mint(t *testing.T, project string) string {
	t.Helper()
	a := account{email: "mint@" + project, project: project, life: time.Hour}
	key, err := jwt.ParseRSAPrivateKeyFromPEM([]byte(w.account.PrivateKey))
	if err != nil {
		t.Fatal(err)
	}
	if !w.vendor.console.putKey(a, "key", &key.PublicKey) {
		t.Fatalf("no project %s", project)
	}
	token, _ := w.vendor.console.mint(a, time.Now())
	return token
}

// fill puts what the world knows into a text.
func (w *world) fill(text string) string {
	return strings.NewReplacer(
		"PHONE", w.phone.Phone().Token, "FID", w.phone.Phone().InstallationID, "OTHER", w.other.Phone().Token,
		"GONE", "cGoneGoneGoneGone:APA91b"+strings.Repeat("x", 100), "LONG", strings.Repeat("x", 5000),
	).Replace(text)
}

func (w *world) send(ctx context.Context, project, bearer, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/v1/projects/"+project+"/messages:send", strings.NewReader(w.fill(body)))
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	answer := httptest.NewRecorder()
	w.vendor.ServeHTTP(answer, r)
	return answer
}

var update = flag.Bool("update", false, "write the golden files")

// golden compares an answer with its golden file, status first.
func golden(t *testing.T, answer *httptest.ResponseRecorder) {
	t.Helper()
	file := filepath.Join("testdata", strings.ReplaceAll(t.Name()[strings.Index(t.Name(), "/")+1:], "/", "-")+".golden")
	got := append([]byte(http.StatusText(answer.Code)+"\n"), answer.Body.Bytes()...)
	if *update {
		if err := os.WriteFile(file, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	expired, _ := w.vendor.console.mint(account{email: "mint@chat", project: "chat"}, time.Now())
	tests := []struct{ name, project, bearer, body string }{
		{"no-bearer", "chat", "", `{"message":{"token":"PHONE"}}`},
		{"unknown-bearer", "chat", "ya29.unknown", `{"message":{"token":"PHONE"}}`},
		{"expired-bearer", "chat", expired, `{"message":{"token":"PHONE"}}`},
		{"bearer-of-other-project", "other", w.bearer, `{"message":{"token":"OTHER"}}`},
		{"no-project", "nowhere", w.bearer, `{"message":{"token":"PHONE"}}`},
		{"no-json", "chat", w.bearer, `{"message":`},
		{"no-target", "chat", w.bearer, `{"message":{}}`},
		{"two-targets", "chat", w.bearer, `{"message":{"token":"PHONE","topic":"news"}}`},
		{"unknown-field", "chat", w.bearer, `{"message":{"token":"PHONE","colour":"red"}}`},
		{"number-in-data", "chat", w.bearer, `{"message":{"token":"PHONE","data":{"a":"1","b":2}}}`},
		{"reserved-key", "chat", w.bearer, `{"message":{"token":"PHONE","data":{"from":"me"}}}`},
		{"reserved-android-key", "chat", w.bearer, `{"message":{"token":"PHONE","android":{"data":{"gcm.a":"b"}}}}`},
		{"ttl-without-unit", "chat", w.bearer, `{"message":{"token":"PHONE","android":{"ttl":"3600"}}}`},
		{"ttl-in-minutes", "chat", w.bearer, `{"message":{"token":"PHONE","android":{"ttl":"1m1s"}}}`},
		{"ttl-too-long", "chat", w.bearer, `{"message":{"token":"PHONE","android":{"ttl":"2419201s"}}}`},
		{"priority", "chat", w.bearer, `{"message":{"token":"PHONE","android":{"priority":"URGENT"}}}`},
		{"image", "chat", w.bearer, `{"message":{"token":"PHONE","notification":{"title":"a","image":"a.png"}}}`},
		{"android-image", "chat", w.bearer, `{"message":{"token":"PHONE","android":{"notification":{"image":"ftp://x/a.png"}}}}`},
		{"negative-count", "chat", w.bearer, `{"message":{"token":"PHONE","android":{"notification":{"notification_count":-1}}}}`},
		{"count-as-text", "chat", w.bearer, `{"message":{"token":"PHONE","android":{"notification":{"notification_count":"many"}}}}`},
		{"too-big-image", "chat", w.bearer, `{"message":{"token":"PHONE","notification":{"title":"a","image":"https://x/LONG"}}}`},
		{"too-big", "chat", w.bearer, `{"message":{"token":"PHONE","data":{"payload":"LONG"}}}`},
		{"malformed-token", "chat", w.bearer, `{"message":{"token":"abc"}}`},
		{"unregistered", "chat", w.bearer, `{"message":{"token":"GONE"}}`},
		{"sender-id-mismatch", "chat", w.bearer, `{"message":{"token":"OTHER"}}`},
		{"id-as-token", "chat", w.bearer, `{"message":{"token":"FID"}}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { golden(t, w.send(t.Context(), tt.project, tt.bearer, tt.body)) })
	}
	if got := w.phone.Arrivals(0); len(got) > 0 {
		t.Errorf("refused messages arrived: %v", got)
	}
}

func TestAcceptedMessages(t *testing.T) {
	t.Parallel()
	const full = `{"message":{"token":"PHONE","notification":{"title":"Hi","body":"There"},"data":{"payload":"p","k":"v"},
		"android":{"priority":"high","ttl":"0s","notification":{"channel_id":"calls","sound":"ring","tag":"m1"}}}}`
	tests := []struct {
		name, body string
		want       *phone.Content
	}{
		{"everything", full, &phone.Content{
			Kind: phone.Notification, Title: "Hi", Content: "There", Payload: "p",
			Data: map[string]string{"payload": "p", "k": "v"}, Sound: "ring", Channel: "calls", ReplaceID: "m1",
		}},
		{"picture and number", `{"message":{"token":"PHONE","notification":{"title":"Hi","image":"https://x.example/a.png"},
			"android":{"notification":{"notification_count":7}}}}`, &phone.Content{
			Kind: phone.Notification, Title: "Hi", Image: "https://x.example/a.png", Badge: new(int32(7)),
		}},
		{"data only", `{"message":{"token":"PHONE","data":{"payload":"p"}}}`, &phone.Content{
			Kind: phone.Data, Payload: "p", Data: map[string]string{"payload": "p"},
		}},
		{"android overrides", `{"message":{"token":"PHONE","notification":{"title":"a","body":"b"},"data":{"payload":"p"},
			"android":{"data":{"payload":"q"},"notification":{"title":"c"}}}}`, &phone.Content{
			Kind: phone.Notification, Title: "c", Content: "b", Payload: "q", Data: map[string]string{"payload": "q"},
		}},
		{
			"camel case", `{"validateOnly":false,"message":{"token":"PHONE","android":{"notification":{"channelId":"calls"}}}}`,
			&phone.Content{Kind: phone.Notification, Channel: "calls"},
		},
		{
			"installation id", `{"message":{"fid":"FID","data":{"a":"b"}}}`,
			&phone.Content{Kind: phone.Data, Data: map[string]string{"a": "b"}},
		},
		{"validate only", `{"validate_only":true,"message":{"token":"PHONE","data":{"a":"b"}}}`, nil},
		{"topic", `{"message":{"topic":"news","data":{"a":"b"}}}`, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			answer := w.send(t.Context(), "chat", w.bearer, tt.body)
			var sent struct {
				Name string `json:"name"`
			}
			if err := json.Unmarshal(answer.Body.Bytes(), &sent); err != nil || answer.Code != http.StatusOK {
				t.Fatalf("status %d: %s", answer.Code, answer.Body)
			}
			id, ok := strings.CutPrefix(sent.Name, "projects/chat/messages/")
			if !ok || id == "" {
				t.Errorf("name = %q", sent.Name)
			}
			var got *phone.Content
			if arrivals := w.phone.Arrivals(0); len(arrivals) == 1 {
				got = &arrivals[0].Content
			}
			if tt.want != nil {
				tt.want.MessageID = id
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("the phone got (-want +got):\n%s", diff)
			}
		})
	}
}

func TestQuota(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	bearer := w.mint(t, "small")
	if first := w.send(t.Context(), "small", bearer, `{"message":{"token":"GONE"}}`); first.Code != http.StatusNotFound {
		t.Fatalf("first: status %d: %s", first.Code, first.Body)
	}
	second := w.send(t.Context(), "small", bearer, `{"message":{"token":"GONE"}}`)
	if got := second.Header().Get("Retry-After"); got != "60" {
		t.Errorf("Retry-After = %q, want 60", got)
	}
	t.Run("quota", func(t *testing.T) { golden(t, second) })
}

func TestUnregisteredAfterRotationAndUninstallation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	body := w.fill(`{"message":{"token":"PHONE","data":{"a":"b"}}}`)
	names := phone.Names{Token: w.phone.Phone().Token, InstallationID: w.phone.Phone().InstallationID}
	if err := w.vendor.phones.RotateToken(w.phone, w.vendor.Reissue(names)); err != nil {
		t.Fatal(err)
	}
	old := w.send(t.Context(), "chat", w.bearer, body)
	if old.Code != http.StatusNotFound || !strings.Contains(old.Body.String(), "UNREGISTERED") {
		t.Errorf("old token: status %d: %s", old.Code, old.Body)
	}
	body = w.fill(`{"message":{"token":"PHONE","data":{"a":"b"}}}`)
	if fresh := w.send(t.Context(), "chat", w.bearer, body); fresh.Code != http.StatusOK {
		t.Errorf("new token: status %d: %s", fresh.Code, fresh.Body)
	}
	w.vendor.phones.Uninstall(w.phone)
	if gone := w.send(t.Context(), "chat", w.bearer, body); gone.Code != http.StatusNotFound {
		t.Errorf("uninstalled: status %d: %s", gone.Code, gone.Body)
	}
}

// grant asks for an access token with what the service account would claim, changed by mutate.
func (w *world) grant(t *testing.T, mutate func(jwt.MapClaims, *jwt.Token), form url.Values) *httptest.ResponseRecorder {
	t.Helper()
	now := time.Now()
	c := jwt.MapClaims{
		"iss": w.account.ClientEmail, "scope": scope, "aud": w.account.TokenURI,
		"iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	}
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, c)
	token.Header["kid"] = w.account.PrivateKeyID
	mutate(c, token)
	key, err := jwt.ParseRSAPrivateKeyFromPEM([]byte(w.account.PrivateKey))
	if err != nil {
		t.Fatal(err)
	}
	assertion, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	if form == nil {
		form = url.Values{"grant_type": {grantType}, "assertion": {assertion}}
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "https://sim.test/token", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer := httptest.NewRecorder()
	w.vendor.ServeHTTP(answer, r)
	return answer
}

func TestGrant(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tests := []struct {
		name   string
		mutate func(jwt.MapClaims, *jwt.Token)
		form   url.Values
	}{
		{"grant-unknown-account", func(c jwt.MapClaims, _ *jwt.Token) { c["iss"] = "nobody@chat" }, nil},
		{"grant-no-issuer", func(c jwt.MapClaims, _ *jwt.Token) { delete(c, "iss") }, nil},
		{"grant-unknown-key", func(_ jwt.MapClaims, k *jwt.Token) { k.Header["kid"] = "gone" }, nil},
		{"grant-no-key", func(_ jwt.MapClaims, k *jwt.Token) { delete(k.Header, "kid") }, nil},
		{"grant-wrong-audience", func(c jwt.MapClaims, _ *jwt.Token) { c["aud"] = "https://evil.test/token" }, nil},
		{"grant-wrong-scope", func(c jwt.MapClaims, _ *jwt.Token) { c["scope"] = "email" }, nil},
		{"grant-expired", func(c jwt.MapClaims, _ *jwt.Token) { c["exp"] = c["iat"].(int64) - 60 }, nil},
		{"grant-too-long", func(c jwt.MapClaims, _ *jwt.Token) { c["exp"] = c["iat"].(int64) + 7200 }, nil},
		{"grant-from-the-future", func(c jwt.MapClaims, _ *jwt.Token) { c["iat"] = c["iat"].(int64) + 600 }, nil},
		{"grant-no-times", func(c jwt.MapClaims, _ *jwt.Token) { delete(c, "iat") }, nil},
		{"grant-type", func(jwt.MapClaims, *jwt.Token) {}, url.Values{"grant_type": {"password"}}},
		{"grant-no-assertion", func(jwt.MapClaims, *jwt.Token) {}, url.Values{"grant_type": {grantType}}},
		{"grant-malformed", func(jwt.MapClaims, *jwt.Token) {}, url.Values{"grant_type": {grantType}, "assertion": {"a.b"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { golden(t, w.grant(t, tt.mutate, tt.form)) })
	}
}

func TestGrantedTokenSends(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mint := func() *httptest.ResponseRecorder { return w.grant(t, func(jwt.MapClaims, *jwt.Token) {}, nil) }
	answer := mint()
	var granted struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   int    `json:"expires_in"`
		TokenType   string `json:"token_type"`
	}
	if err := json.NewDecoder(bytes.NewReader(answer.Body.Bytes())).Decode(&granted); err != nil {
		t.Fatal(err)
	}
	if granted.ExpiresIn != 3599 || granted.TokenType != "Bearer" {
		t.Errorf("granted %s", answer.Body)
	}
	const body = `{"message":{"token":"PHONE","data":{"a":"b"}}}`
	if got := w.send(t.Context(), "chat", granted.AccessToken, body); got.Code != http.StatusOK {
		t.Errorf("status %d: %s", got.Code, got.Body)
	}
	if err := w.vendor.Revoke(w.account.ClientEmail); err != nil {
		t.Fatal(err)
	}
	if got := w.send(t.Context(), "chat", granted.AccessToken, body); got.Code != http.StatusUnauthorized {
		t.Errorf("after the account was revoked: status %d: %s", got.Code, got.Body)
	}
	if got := mint(); got.Code != http.StatusBadRequest || !strings.Contains(got.Body.String(), "invalid_grant") {
		t.Errorf("grant after the account was revoked: status %d: %s", got.Code, got.Body)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"message":{"token":"a","data":{"a":"b"},"android":{"ttl":"3.5s","notification":{"tag":"x"}}}}`))
	f.Add([]byte(`{"validateOnly":true,"message":{"topic":"t","apns":{"headers":{}}}}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		r, failure := parse(body)
		if failure != nil {
			if failure.Code != http.StatusBadRequest || failure.Message == "" {
				t.Fatalf("failure %+v", failure)
			}
			return
		}
		if _, failure := r.Message.target(); failure != nil || r.Message.check() != nil {
			return
		}
		if p := r.Message.push("id"); p.TTL < 0 || p.TTL > maxTTL {
			t.Fatalf("TTL %v", p.TTL)
		}
	})
}
