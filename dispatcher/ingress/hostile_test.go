package ingress_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/offlinepush/operator/dispatcher/ingress/planetest"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// hostile is a body, a header or a path that wants to mean something else than it was checked as.
type hostile struct {
	name string
	request
	status int
	// says is in the message about a field.
	says string
}

// bomb is a MiB of spaces around a good body, in a KiB.
func bomb(t *testing.T, body string) string {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := io.WriteString(w, body+strings.Repeat(" ", 1<<20)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// ambiguous are JSON bodies around a good one that encoding/json would take; each has a field that breaks a
// rule where the checks do not look, or an id that would become another.
func ambiguous(good, field, bad string) map[string][2]string {
	member := func(name, value string) string {
		return strings.TrimSuffix(good, "}") + `,"` + name + `":` + value + "}"
	}
	return map[string][2]string{
		"a name twice":               {strings.Replace(good, "{", `{"`+field+`":`+bad+`,`, 1), "twice"},
		"a name in another case":     {member(strings.ToUpper(field), bad), "twice"},
		"a name with an escape":      {member(fmt.Sprintf(`\u%04x`, field[0])+field[1:], bad), "twice"},
		"half of a surrogate pair":   {member("more", `"\ud800"`), "surrogate"},
		"no UTF-8":                   {member("more", "\"\xff\""), "UTF-8"},
		"an overlong form":           {member("more", "\"\xc0\xaf\""), "UTF-8"},
		"33 lists in each other":     {member("more", strings.Repeat("[", 33)+strings.Repeat("]", 33)), "in each other"},
		"5,000 objects":              {member("more", strings.Repeat(`{"a":`, 5000)+"1"+strings.Repeat("}", 5000)), "in each other"},
		"10,000 lists in each other": {member("more", strings.Repeat("[", 10_001)+strings.Repeat("]", 10_001)), "depth"},
		"a comment":                  {good + "// more", "invalid character"},
		"a byte order mark":          {"\ufeff" + good, "invalid character"},
	}
}

func (h hostile) try(t *testing.T, plane *httptest.Server) {
	t.Helper()
	got := send(t, plane, h.request)
	if got.status != h.status {
		t.Errorf("%s: %d %s, want %d", h.name, got.status, got.body, h.status)
	}
	if h.says != "" && (len(got.problem.Errors) != 1 || !strings.Contains(got.problem.Errors[0].Message, h.says)) {
		t.Errorf("%s: %s, want one error: ...%s...", h.name, got.body, h.says)
	}
}

// TestHostileBodies sends what means two things, or more than it seems. Nothing of it has an effect.
func TestHostileBodies(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	const (
		whole  = `{"clientID":"k","from":"a","to":["b"],"pushTTLSeconds":60,"push":{"title":"t"}}`
		device = `{"vendor":"FCM","token":"t"}`
		row    = `{"userID":"u","vendor":"FCM","token":"t","updatedAt":"2026-01-02T03:04:05Z"}`
	)
	server, registration := bearer(planetest.ServerKey), bearer(planetest.RegistrationKey)
	with := func(header map[string]string, name, value string) map[string]string {
		return map[string]string{"Authorization": header["Authorization"], name: value}
	}
	before := bed.Dump(t)
	for name, body := range ambiguous(whole, "pushTTLSeconds", "0") {
		hostile{name, request{"POST", "/v1/messages", body[0], server}, 400, body[1]}.try(t, bed.Server)
	}
	merged := strings.Replace(whole, `"push"`, `"push":{"title":"t","badgeIncrement":-1},"push"`, 1)
	hostile{"an object that would be merged", request{"POST", "/v1/messages", merged, server}, 400, "twice"}.try(t, bed.Server)
	for name, body := range ambiguous(device, "token", `{"x":1}`) {
		hostile{name, request{"POST", "/v1/devices", body[0], registration}, 400, body[1]}.try(t, bed.Device)
	}
	for name, line := range ambiguous(row, "userID", `"\u0000"`) {
		got := send(t, bed.Server, request{"POST", "/v1/bindings", line[0], server})
		var out wire.ImportedBindings
		if err := json.Unmarshal([]byte(got.body), &out); err != nil || got.status != 200 || len(out.Refused) != 1 || out.Created != 0 {
			t.Errorf("a row with %s: %d %s", name, got.status, got.body)
		}
	}
	for _, h := range []hostile{
		{"a bomb", request{"POST", "/v1/messages", bomb(t, whole), with(server, "Content-Encoding", "gzip")}, 415, ""},
		{"two encodings", request{"POST", "/v1/messages", whole, with(server, "Content-Encoding", "br, gzip")}, 415, ""},
		{"an encoding in name only", request{"PUT", "/v1/users/u/badge", `{"badge":1}`, with(server, "Content-Encoding", "deflate")}, 415, ""},
		{"a bomb of bindings", request{"POST", "/v1/bindings", bomb(t, row), with(server, "Content-Encoding", "gzip")}, 415, ""},
		{"a bomb without its name", request{"POST", "/v1/messages", bomb(t, whole), server}, 400, "invalid character"},
	} {
		h.try(t, bed.Server)
	}
	for _, h := range []hostile{
		{"a bomb", request{"POST", "/v1/devices", bomb(t, device), with(registration, "Content-Encoding", "x-gzip")}, 415, ""},
		{"64 KiB and a byte", request{"POST", "/v1/devices", device + strings.Repeat(" ", 64<<10-len(device)+1), registration}, 413, ""},
	} {
		h.try(t, bed.Device)
	}
	if after := bed.Dump(t); after != before {
		t.Errorf("it had an effect: %s", firstDifference(before, after))
	}
	hostile{"no encoding at all", request{"POST", "/v1/messages", whole, with(server, "Content-Encoding", "identity")}, 202, ""}.try(t, bed.Server)
}

// TestHostileURLs puts into paths and queries what could leave its place in a path, a log, a header or a statement.
func TestHostileURLs(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	c, _ := bed.Phone(t, "FCM", "u")
	bed.Phone(t, "Xiaomi", "a/../u")
	before := bed.Dump(t)
	server := bearer(planetest.ServerKey)
	secret := map[string]string{wire.SecretHeader: c.DeviceSecret}
	for _, id := range []string{"%00", "u%00", "a%0D%0ASet-Cookie:%20a=b", "%7F", "%C2%85", "%FF", "%ED%A0%80", "%C0%AF"} {
		for _, path := range []string{
			"/v1/users/" + id + "/presence", "/v1/users/" + id + "/devices", "/v1/users/" + id + "/mutes", "/v1/calls/" + id, "/v1/messages/" + id,
			"/v1/groups/" + id + "/members", "/v1/broadcasts/" + id, "/v1/users/u/devices?cursor=" + id, "/v1/bindings?after=" + id,
		} {
			hostile{path, request{"GET", path, "", server}, 422, "without control characters"}.try(t, bed.Server)
		}
		for _, path := range []string{"/v1/devices/" + id + "/binding", "/v1/devices/" + id} {
			hostile{path, request{"DELETE", path, "", secret}, 422, "without control characters"}.try(t, bed.Device)
		}
		hostile{"a receipt", request{"POST", "/v1/receipts/" + id, "{}", nil}, 404, ""}.try(t, bed.Device)
		hostile{"nothing", request{"GET", "/v1/nothing/" + id, "", server}, 404, ""}.try(t, bed.Server)
	}
	for _, key := range []string{`"\u0000"`, `"\ud800"`, "\"\xff\"", `{"id":"a","ID":"b"}`} {
		path := "/v1/users/u/devices?cursor=" + base64.RawURLEncoding.EncodeToString([]byte(key))
		hostile{key, request{"GET", path, "", server}, 422, "is not a nextCursor"}.try(t, bed.Server)
	}
	hostile{"half an escape", request{"GET", "/v1/bindings?after=%", "", server}, 422, "without control characters"}.try(t, bed.Server)
	if got := send(t, bed.Server, request{"GET", "/v1/users/a%2F..%2Fu/devices", "", server}); !strings.Contains(got.body, `"Xiaomi"`) || strings.Contains(got.body, "FCM") {
		t.Errorf("an id with slashes is another: %d %s", got.status, got.body)
	}
	for _, path := range []string{
		"/v1/devices/x%2F..%2F" + c.PushID, "/v1/devices/x/../" + c.PushID + "/nothing", "/v1/devices/" + c.PushID + "%2Fbinding", "/v1/devices/..%2F" + c.PushID,
	} {
		hostile{path, request{"DELETE", path, "", secret}, 404, ""}.try(t, bed.Device)
	}
	if after := bed.Dump(t); after != before {
		t.Errorf("it had an effect: %s", firstDifference(before, after))
	}
}

// statusOf is the answer to what no client would say.
func statusOf(t *testing.T, s *httptest.Server, text string) int {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(2 * time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode
}

// TestHostileConnections sends too slowly, too much, and requests that two servers would cut differently.
func TestHostileConnections(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	before := bed.Dump(t)
	s := httptest.NewUnstartedServer(bed.Server.Config.Handler)
	s.Config.ReadTimeout, s.Config.MaxHeaderBytes = 200*time.Millisecond, 16<<10 // as short as a test wants
	s.Start()
	t.Cleanup(s.Close)
	head := "POST /v1/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + planetest.ServerKey + "\r\nContent-Type: application/json\r\n"
	for name, c := range map[string]struct {
		text   string
		status int
	}{
		"half a body":                      {head + "Content-Length: 100\r\n\r\n{\"clientID\":", 408},
		"half a chunk":                     {head + "Transfer-Encoding: chunked\r\n\r\n50\r\n{\"clientID\":", 408},
		"a chunk of nothing":               {head + "Transfer-Encoding: chunked\r\n\r\nx\r\n", 400},
		"an endless body":                  {head + fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", 300<<10, strings.Repeat(" ", 300<<10)), 413},
		"two lengths":                      {head + "Content-Length: 2\r\nContent-Length: 49\r\n\r\n" + message, 400},
		"a negative length":                {head + "Content-Length: -1\r\n\r\n" + message, 400},
		"another transfer encoding":        {head + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501},
		"a line break in a header":         {head + "X-Request-Id: a\rb\r\nContent-Length: 2\r\n\r\n{}", 400},
		"a null byte in a header":          {head + "X-Request-Id: a\x00b\r\nContent-Length: 2\r\n\r\n{}", 400},
		"a space before the colon":         {head + "Content-Length : 2\r\n\r\n{}", 400},
		"40 KiB of headers":                {head + "X-More: " + strings.Repeat("x", 40<<10) + "\r\n\r\n", 431},
		"a null byte in the path":          {"GET /v1/users/a\x00b/presence HTTP/1.1\r\nHost: x\r\n\r\n", 400},
		"two hosts":                        {"GET /v1/users/a/presence HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400},
		"an expectation of something else": {head + "Expect: 200-ok\r\nContent-Length: 2\r\n\r\n{}", 417},
	} {
		if got := statusOf(t, s, c.text); got != c.status {
			t.Errorf("%s: %d, want %d", name, got, c.status)
		}
	}
	if after := bed.Dump(t); after != before {
		t.Errorf("it had an effect: %s", firstDifference(before, after))
	}
}

// TestHostileUserTokens binds a device with tokens that must prove nothing.
func TestHostileUserTokens(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	c, _ := bed.Phone(t, "FCM", "")
	before := bed.Dump(t)
	good := strings.Split(bed.UserToken(t, "victim"), ".")
	header := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	doc, _ := bed.Live.Current()
	public := []byte(doc.Auth.DeviceJWT.JWKS.Reveal())
	mac := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"sub": "victim", "iss": planetest.Issuer, "aud": planetest.Audience, "exp": time.Now().Add(time.Hour).Unix(),
	})
	mac.Header["kid"] = planetest.KeyID
	forged, err := mac.SignedString(public)
	if err != nil {
		t.Fatal(err)
	}
	for name, token := range map[string]string{
		"none":                       header(`{"alg":"none"}`) + "." + good[1] + ".",
		"None":                       header(`{"alg":"None","kid":"`+planetest.KeyID+`"}`) + "." + good[1] + "." + good[2],
		"a MAC with the public key":  forged,
		"a swapped header":           header(`{"alg":"EdDSA","kid":"`+planetest.KeyID+`","typ":"x"}`) + "." + good[1] + "." + good[2],
		"a key that it brings along": header(`{"alg":"EdDSA","jwk":`+string(public)+`}`) + "." + good[1] + "." + good[2],
		"padding":                    good[0] + "." + good[1] + "." + good[2] + "==",
		"a fourth part":              strings.Join(good, ".") + "." + good[2],
		"ten thousand dots":          strings.Repeat(".", 10_000),
		"12 KiB":                     good[0] + "." + strings.Repeat("A", 12<<10) + "." + good[2],
		"deep claims":                good[0] + "." + header(strings.Repeat(`{"a":`, 3000)+"1"+strings.Repeat("}", 3000)) + "." + good[2],
	} {
		op := request{"PUT", "/v1/devices/" + c.PushID + "/binding", "", bearer(token)}
		op.header[wire.SecretHeader] = c.DeviceSecret
		if got := send(t, bed.Device, op); got.status != 401 || got.problem.Code != wire.CodeUnauthenticated {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	if after := bed.Dump(t); after != before {
		t.Errorf("it had an effect: %s", firstDifference(before, after))
	}
}
