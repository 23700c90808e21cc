package apns

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/offlinepush/operator/dispatcher/simulator/phone"
	"github.com/offlinepush/operator/dispatcher/simulator/traffic"
)

const good = `{"aps":{"alert":{"title":"Hi","body":"there"}},"payload":"p"}`

// world is APNs with an app, an app of another team and an app with a certificate, and a phone of the first.
type world struct {
	production, sandbox *Vendor
	book                *phone.Book
	app, foreign, old   App
	phone               *phone.Handset
	bearer              string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{book: phone.NewBook()}
	w.production, w.sandbox = New(w.book)
	for at, a := range map[*App]App{
		&w.app: {BundleID: "io.chat"}, &w.foreign: {BundleID: "io.foreign", Environment: "Sandbox"}, &w.old: {BundleID: "io.old", Auth: "Certificate"},
	} {
		made, err := w.production.Add(a)
		if err != nil {
			t.Fatal(err)
		}
		*at = made
	}
	var err error
	if w.phone, err = w.book.Add(Name, "io.chat", "phone-1", w.production.Issue()); err != nil {
		t.Fatal(err)
	}
	w.bearer = "bearer " + sign(t, w.app, time.Now())
	return w
}

func sign(t *testing.T, a App, at time.Time) string {
	t.Helper()
	key, err := jwt.ParseECPrivateKeyFromPEM([]byte(a.PrivateKey))
	if err != nil {
		t.Fatal(err)
	}
	token := jwt.NewWithClaims(jwt.SigningMethodES256, jwt.MapClaims{"iss": a.TeamID, "iat": at.Unix()})
	token.Header["kid"] = a.KeyID
	value, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// request is a good push, which change may spoil.
func (w *world) request(t *testing.T, body string, change func(*http.Request)) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/3/device/"+w.phone.Phone().Token, strings.NewReader(body))
	r.ProtoMajor = 2
	r.Header.Set("Authorization", w.bearer)
	r.Header.Set("Apns-Topic", "io.chat")
	r.Header.Set("Apns-Push-Type", "alert")
	if change != nil {
		change(r)
	}
	return r
}

func (w *world) send(t *testing.T, v *Vendor, body string, change func(*http.Request)) *httptest.ResponseRecorder {
	t.Helper()
	answer := httptest.NewRecorder()
	v.ServeHTTP(answer, w.request(t, body, change))
	return answer
}

// expect compares an answer with a status and a reason.
func expect(t *testing.T, answer *httptest.ResponseRecorder, status int, reason string) {
	t.Helper()
	var f refusal
	err := json.Unmarshal(answer.Body.Bytes(), &f)
	if answer.Code != status || f.Reason != reason || (err != nil) != (reason == "") {
		t.Errorf("got %d %s, want %d %s", answer.Code, answer.Body, status, reason)
	}
}

func head(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

func bare(name string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Del(name) }
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	kind := func(kind string, more ...func(*http.Request)) func(*http.Request) {
		return func(r *http.Request) {
			r.Header.Set("Apns-Push-Type", kind)
			for _, change := range more {
				change(r)
			}
		}
	}
	path := func(path string) func(*http.Request) {
		return func(r *http.Request) { r.URL.Path = path }
	}
	const silent = `{"aps":{"content-available":1}}`
	long := func(n int) string {
		return fmt.Sprintf(`{"aps":{"alert":%q}}`, strings.Repeat("x", n-len(`{"aps":{"alert":""}}`)))
	}
	tests := []struct {
		name   string
		change func(*http.Request)
		body   string
		status int
		reason string
	}{
		{"good", nil, good, 200, ""},
		{"old HTTP", func(r *http.Request) { r.ProtoMajor = 1 }, good, 505, ""},
		{"no token", path("/3/device/"), good, 400, "MissingDeviceToken"},
		{"path", path("/3/devices/x"), good, 404, "BadPath"},
		{"deep path", path("/3/device/x/y"), good, 404, "BadPath"},
		{"method", func(r *http.Request) { r.Method = http.MethodGet }, good, 405, "MethodNotAllowed"},
		{"no JWT", bare("Authorization"), good, 403, "MissingProviderToken"},
		{"no bearer", head("Authorization", "key=x"), good, 403, "MissingProviderToken"},
		{"id", head("Apns-Id", "1"), good, 400, "BadMessageId"},
		{"two topics", func(r *http.Request) { r.Header.Add("Apns-Topic", "x") }, good, 400, "DuplicateHeaders"},
		{"type", kind("sms"), good, 400, "InvalidPushType"},
		{"priority", head("Apns-Priority", "7"), good, 400, "BadPriority"},
		{"urgent background", kind("background", head("Apns-Priority", "10")), silent, 400, "BadPriority"},
		{"background of default priority", kind("background"), silent, 400, "BadPriority"},
		{"background", kind("background", head("Apns-Priority", "5")), silent, 200, ""},
		{"background that shows", kind("background", head("Apns-Priority", "5")), good, 400, "InvalidPushType"},
		{"alert without anything", nil, silent, 400, "InvalidPushType"},
		{"expiration", head("Apns-Expiration", "soon"), good, 400, "BadExpirationDate"},
		{"collapse id of 64", head("Apns-Collapse-Id", strings.Repeat("x", 64)), good, 200, ""},
		{"collapse id", head("Apns-Collapse-Id", strings.Repeat("x", 65)), good, 400, "BadCollapseId"},
		{"no topic", bare("Apns-Topic"), good, 400, "MissingTopic"},
		{"unknown topic", head("Apns-Topic", "io.none"), good, 400, "BadTopic"},
		{"topic of another team", head("Apns-Topic", "io.foreign"), good, 400, "TopicDisallowed"},
		{"call without its topic", kind("voip"), good, 400, "InvalidPushType"},
		{"topic of calls", head("Apns-Topic", "io.chat.voip"), good, 400, "InvalidPushType"},
		{"call to the alert token", kind("voip", head("Apns-Topic", "io.chat.voip")), good, 400, "DeviceTokenNotForTopic"},
		{"call", kind("voip", head("Apns-Topic", "io.chat.voip"), path("/3/device/"+w.phone.Phone().VoIPToken)), long(5120), 200, ""},
		{"long call", kind("voip", head("Apns-Topic", "io.chat.voip")), long(5121), 413, "PayloadTooLarge"},
		{"alert to the VoIP token", path("/3/device/" + w.phone.Phone().VoIPToken), good, 400, "DeviceTokenNotForTopic"},
		{"empty", nil, "", 400, "PayloadEmpty"},
		{"not JSON", nil, "{", 400, "PayloadEmpty"},
		{"no aps", nil, `{"payload":"p"}`, 400, "PayloadEmpty"},
		{"4096 bytes", nil, long(4096), 200, ""},
		{"long", nil, long(4097), 413, "PayloadTooLarge"},
		{"malformed token", path("/3/device/good-token"), good, 400, "BadDeviceToken"},
		{"nobody's token", path("/3/device/" + strings.Repeat("0", 64)), good, 400, "BadDeviceToken"},
		{"token in capitals", path("/3/device/" + strings.ToUpper(w.phone.Phone().Token)), good, 200, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			answer := w.send(t, w.production, tt.body, tt.change)
			if tt.status == http.StatusHTTPVersionNotSupported {
				if answer.Code != tt.status {
					t.Errorf("got %d", answer.Code)
				}
				return
			}
			expect(t, answer, tt.status, tt.reason)
		})
	}
	expect(t, w.send(t, w.sandbox, good, nil), 400, "BadDeviceToken")
}

func TestIDsAreEchoed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const id = "cc455e83-72e2-8dd4-94ca-82c762be29f7"
	answer := w.send(t, w.production, good, head("Apns-Id", id))
	if got := answer.Header().Get("Apns-Id"); got != id || answer.Body.Len() != 0 || answer.Header().Get("Apns-Unique-Id") != "" {
		t.Errorf("got %q %s", got, answer.Body)
	}
	answer = w.send(t, w.sandbox, good, nil)
	if !uuid.MatchString(answer.Header().Get("Apns-Id")) || !uuid.MatchString(answer.Header().Get("Apns-Unique-Id")) {
		t.Errorf("got %v", answer.Header())
	}
}

func TestRemovedApp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := w.phone.Phone().Token
	before := time.Now().UnixMilli()
	w.book.Uninstall(w.phone)
	answer := w.send(t, w.production, good, func(r *http.Request) { r.URL.Path = "/3/device/" + token })
	expect(t, answer, 410, "Unregistered")
	var f refusal
	if err := json.Unmarshal(answer.Body.Bytes(), &f); err != nil || f.Timestamp < before || f.Timestamp > time.Now().UnixMilli() {
		t.Errorf("got %s", answer.Body)
	}
}

func TestJWTs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		connection := func(bearer, address string) *httptest.ResponseRecorder {
			return w.send(t, w.production, good, func(r *http.Request) {
				r.Header.Set("Authorization", "Bearer "+bearer)
				r.RemoteAddr = address
			})
		}
		first := sign(t, w.app, time.Now())
		expect(t, connection(first, "a:1"), 200, "")
		time.Sleep(19 * time.Minute) // virtual
		second := sign(t, w.app, time.Now())
		expect(t, connection(second, "a:1"), 429, "TooManyProviderTokenUpdates")
		expect(t, connection(first, "a:1"), 200, "")
		expect(t, connection(second, "b:1"), 200, "")
		time.Sleep(time.Minute) // virtual
		expect(t, connection(second, "a:1"), 200, "")
		expect(t, connection(first, "a:1"), 200, "")
		time.Sleep(41 * time.Minute) // virtual
		expect(t, connection(first, "c:1"), 403, "ExpiredProviderToken")
		expect(t, connection(sign(t, w.app, time.Now().Add(2*time.Minute)), "d:1"), 403, "InvalidProviderToken")
		forged := w.app
		forged.PrivateKey = w.foreign.PrivateKey
		expect(t, connection(sign(t, forged, time.Now()), "e:1"), 403, "InvalidProviderToken")
		unknown := w.app
		unknown.KeyID = "NONE"
		expect(t, connection(sign(t, unknown, time.Now()), "f:1"), 403, "InvalidProviderToken")
		expect(t, connection(sign(t, w.foreign, time.Now()), "g:1"), 403, "BadEnvironmentKeyIdInToken")
		if err := w.production.Revoke("io.chat"); err != nil {
			t.Error(err)
		}
		expect(t, connection(second, "h:1"), 403, "InvalidProviderToken")
	})
}

func TestOneKeyOnAConnection(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	expect(t, w.send(t, w.production, good, nil), 200, "")
	other, err := w.production.Add(App{BundleID: "io.second", TeamID: w.app.TeamID})
	if err != nil {
		t.Fatal(err)
	}
	w.bearer = "bearer " + sign(t, other, time.Now())
	expect(t, w.send(t, w.production, good, nil), 403, "InvalidProviderToken")
	expect(t, w.send(t, w.production, good, func(r *http.Request) { r.TLS = &tls.ConnectionState{} }), 200, "") // another connection
}

func TestCertificates(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		h, err := w.book.Add(Name, "io.old", "phone-2", w.production.Issue())
		if err != nil {
			t.Fatal(err)
		}
		w.phone = h
		with := func(leaf *x509.Certificate, topic string) *httptest.ResponseRecorder {
			return w.send(t, w.production, good, func(r *http.Request) {
				r.Header.Del("Authorization")
				r.Header.Set("Apns-Topic", topic)
				r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{leaf}}
			})
		}
		leaf := w.old.leaf()
		expect(t, with(leaf, "io.old"), 200, "")
		expect(t, with(leaf, "io.chat"), 400, "TopicDisallowed")
		expect(t, with(leaf, ""), 400, "MissingTopic")
		other, err := w.production.Add(App{BundleID: "io.old", Auth: "Certificate", CertificateDays: 1, Environment: "Production"})
		if err != nil {
			t.Fatal(err)
		}
		expect(t, with(leaf, "io.old"), 403, "BadCertificate")
		expect(t, with(other.leaf(), "io.old"), 200, "")
		time.Sleep(25 * time.Hour) // virtual
		expect(t, with(other.leaf(), "io.old"), 403, "BadCertificate")
		limited, err := w.production.Add(App{BundleID: "io.old", Auth: "Certificate", Environment: "Sandbox"})
		if err != nil {
			t.Fatal(err)
		}
		expect(t, with(limited.leaf(), "io.old"), 403, "BadCertificateEnvironment")
	})
}

func TestConsoleExplainsMistakes(t *testing.T) {
	t.Parallel()
	production, _ := New(phone.NewBook())
	for want, a := range map[string]App{
		"id must be set":    {},
		"without slash":     {BundleID: "a/b"},
		"without .voip":     {BundleID: "io.chat.voip"},
		"auth: is":          {BundleID: "a", Auth: "None"},
		"environment: is":   {BundleID: "a", Environment: "Test"},
		"must not be neg":   {BundleID: "a", CertificateDays: -1},
		"privateKey: must ": {BundleID: "a", PrivateKey: "x"},
	} {
		if _, err := production.Add(a); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: got %v", a, err)
		}
	}
	if _, err := production.Names("x"); err == nil {
		t.Error("a malformed token is taken")
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	production, _ := New(phone.NewBook())
	for _, tt := range []struct {
		fault  traffic.Fault
		status int
		reason string
	}{
		{traffic.Fault{Throttle: true}, 429, "TooManyRequests"},
		{traffic.Fault{Quota: true}, 429, "TooManyRequests"},
		{traffic.Fault{Status: 503}, 503, "ServiceUnavailable"},
		{traffic.Fault{Status: 502}, 502, "InternalServerError"},
		{traffic.Fault{Status: 403}, 403, "InvalidProviderToken"},
		{traffic.Fault{Status: 410}, 410, "Unregistered"},
		{traffic.Fault{Code: "UnrelatedKeyIdInToken"}, 403, "UnrelatedKeyIdInToken"},
		{traffic.Fault{Code: "IdleTimeout"}, 400, "IdleTimeout"},
	} {
		answer := httptest.NewRecorder()
		production.Refuse(answer, tt.fault)
		expect(t, answer, tt.status, tt.reason)
	}
}

func TestTimeToLive(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_790_000_000, 0)
	for text, want := range map[string]time.Duration{
		"": keptFor, "0": 0, "1790000060": time.Minute, "1789999999": 0, "9999999999": keptFor,
	} {
		if got, ok := ttl(text, now); got != want || !ok {
			t.Errorf("%q: got %s, %t", text, got, ok)
		}
	}
}

func FuzzPayload(f *testing.F) {
	f.Add([]byte(good))
	f.Add([]byte(`{"aps":{"alert":"x","badge":1,"sound":{"name":"a","critical":1}},"a":{"b":[1]}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		p, ok := parse(body)
		if ok && !json.Valid(body) {
			t.Errorf("%q is taken", body)
		}
		req := request{kind: typeAlert, payload: p}
		if c := req.push(); c.Payload != p.data["payload"] {
			t.Errorf("%q: the phone gets %+v", body, c)
		}
	})
}
