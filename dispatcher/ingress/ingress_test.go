package ingress_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/ingress/planetest"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// answer is what a plane answered.
type answer struct {
	status  int
	header  http.Header
	body    string
	problem wire.Problem
}

type request struct {
	method, path, body string
	header             map[string]string
}

func send(t *testing.T, s *httptest.Server, r request) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), r.method, s.URL+r.path, strings.NewReader(r.body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range r.header {
		req.Header.Set(name, value)
	}
	resp, err := s.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := answer{status: resp.StatusCode, header: resp.Header, body: string(b)}
	if a.status >= 400 {
		a.checkProblem(t)
	}
	return a
}

// checkProblem holds for every error of both planes.
func (a *answer) checkProblem(t *testing.T) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.body), &a.problem); err != nil {
		t.Fatalf("%d is no problem: %q", a.status, a.body)
	}
	p := a.problem
	known := false
	for _, code := range wire.Codes() {
		known = known || p.Code == code
	}
	if a.header.Get("Content-Type") != wire.ProblemType || p.Status != a.status || !known || p.Detail == "" ||
		p.Title != http.StatusText(a.status) || p.RequestID != a.header.Get(wire.RequestIDHeader) || p.RequestID == "" {
		t.Errorf("%d %v: %+v", a.status, a.header, p)
	}
}

func bearer(token string) map[string]string {
	return map[string]string{"Authorization": "Bearer " + token}
}

const message = `{"clientID":"c","from":"a","to":["b"],"body":"x"}`

// serverOperations are all of the server plane, with a good body.
func serverOperations() []request {
	return []request{
		{method: "POST", path: "/v1/messages", body: message},
		{method: "POST", path: "/v1/messages:batch", body: `{"messages":[` + message + `]}`},
		{method: "GET", path: "/v1/messages/m"},
		{method: "GET", path: "/v1/users/u/presence"},
		{method: "PUT", path: "/v1/users/u/presence", body: `{"online":true}`},
		{method: "POST", path: "/v1/presence:query", body: `{"userIDs":["u"]}`},
		{method: "GET", path: "/v1/users/u/push-rule"},
		{method: "PUT", path: "/v1/users/u/push-rule", body: `{}`},
		{method: "GET", path: "/v1/users/u/mutes"},
		{method: "PUT", path: "/v1/users/u/mutes", body: `{"conversations":[{"type":"Peer","id":"a"}],"muted":true}`},
		{method: "GET", path: "/v1/users/u/devices"},
		{method: "PUT", path: "/v1/users/u/badge", body: `{"badge":3}`},
		{method: "PUT", path: "/v1/devices/p/binding", body: `{"userID":"u"}`},
		{method: "DELETE", path: "/v1/devices/p/binding"},
		{method: "POST", path: "/v1/calls", body: `{"clientID":"k","callID":"k","from":"a","to":["b"]}`},
		{method: "GET", path: "/v1/calls/c"},
		{method: "POST", path: "/v1/calls/c/invite", body: `{"userID":"a","to":["b"]}`},
		{method: "POST", path: "/v1/calls/c/accept", body: `{"userID":"b"}`},
		{method: "POST", path: "/v1/calls/c/reject", body: `{"userID":"b"}`},
		{method: "POST", path: "/v1/calls/c/cancel", body: `{"userID":"a"}`},
		{method: "POST", path: "/v1/calls/c/quit", body: `{"userID":"a"}`},
		{method: "POST", path: "/v1/calls/c/end", body: `{"userID":"a"}`},
		{method: "GET", path: "/v1/bindings"},
		{method: "GET", path: "/v1/bindings:checksum"},
		{method: "POST", path: "/v1/bindings", body: movedLine},
	}
}

func TestServerPlaneCredentials(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	c, _ := bed.Phone(t, "FCM", "u")
	wrong := map[string]map[string]string{
		"none":             nil,
		"empty":            {"Authorization": "Bearer "},
		"no scheme":        {"Authorization": planetest.ServerKey},
		"other scheme":     {"Authorization": "Basic " + planetest.ServerKey},
		"registration key": bearer(planetest.RegistrationKey),
		"user token":       bearer(bed.UserToken(t, "u")),
		"device secret":    {wire.SecretHeader: c.DeviceSecret},
		"beginning":        bearer(planetest.ServerKey[:10]),
		"with more":        bearer(planetest.ServerKey + "x"),
		"space":            bearer(" " + planetest.ServerKey),
	}
	for _, op := range serverOperations() {
		op.path = strings.Replace(op.path, "/p/", "/"+c.PushID+"/", 1)
		for name, header := range wrong {
			op.header = header
			got := send(t, bed.Server, op)
			if got.status != http.StatusUnauthorized || got.problem.Code != wire.CodeUnauthenticated || got.header.Get("WWW-Authenticate") != "Bearer" {
				t.Errorf("%s %s with %s: %d %s", op.method, op.path, name, got.status, got.body)
			}
		}
		op.header = bearer(planetest.ServerKey)
		if got := send(t, bed.Server, op); got.status >= 300 && got.status != http.StatusNotFound {
			t.Errorf("%s %s with the server key: %d %s", op.method, op.path, got.status, got.body)
		}
	}
}

func TestDevicePlaneCredentials(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	c, _ := bed.Phone(t, "FCM", "")
	other, _ := bed.Phone(t, "Xiaomi", "")
	secret, user := c.DeviceSecret, bed.UserToken(t, "u")
	path := "/v1/devices/" + c.PushID
	tests := []struct {
		name   string
		op     request
		bearer string
		secret string
		status int
	}{
		{"register with nothing", request{method: "POST", path: "/v1/devices"}, "", "", 401},
		{"register with the server key", request{method: "POST", path: "/v1/devices"}, planetest.ServerKey, "", 401},
		{"register with a user token", request{method: "POST", path: "/v1/devices"}, user, "", 401},
		{"register with a wrong key", request{method: "POST", path: "/v1/devices"}, "wrong", "", 401},
		{"register", request{method: "POST", path: "/v1/devices", body: `{"vendor":"FCM","token":"new"}`}, planetest.RegistrationKey, "", 201},

		{"set token with nothing", request{method: "PUT", path: path + "/token", body: `{"token":"t"}`}, "", "", 401},
		{"set token with the server key", request{method: "PUT", path: path + "/token", body: `{"token":"t"}`}, planetest.ServerKey, "", 401},
		{"set token with another's secret", request{method: "PUT", path: path + "/token", body: `{"token":"t"}`}, "", other.DeviceSecret, 401},
		{"set token", request{method: "PUT", path: path + "/token", body: `{"token":"t"}`}, "", secret, 204},

		{"bind with nothing", request{method: "PUT", path: path + "/binding"}, "", "", 401},
		{"bind without the user", request{method: "PUT", path: path + "/binding"}, "", secret, 401},
		{"bind without the device", request{method: "PUT", path: path + "/binding"}, user, "", 401},
		{"bind with the server key", request{method: "PUT", path: path + "/binding"}, planetest.ServerKey, secret, 401},
		{"bind with the registration key", request{method: "PUT", path: path + "/binding"}, planetest.RegistrationKey, secret, 401},
		{"bind with another's secret", request{method: "PUT", path: path + "/binding"}, user, other.DeviceSecret, 401},
		{"bind an unknown device", request{method: "PUT", path: "/v1/devices/nobody/binding"}, user, secret, 404},
		{"bind", request{method: "PUT", path: path + "/binding"}, user, secret, 200},

		{"log out with nothing", request{method: "DELETE", path: path + "/binding"}, "", "", 401},
		{"log out with the user only", request{method: "DELETE", path: path + "/binding"}, user, "", 401},
		{"log out with another's secret", request{method: "DELETE", path: path + "/binding"}, "", other.DeviceSecret, 401},
		{"log out", request{method: "DELETE", path: path + "/binding"}, "", secret, 204},
		{"log out again", request{method: "DELETE", path: path + "/binding"}, "", secret, 204},

		{"unregister with nothing", request{method: "DELETE", path: path}, "", "", 401},
		{"unregister with the server key", request{method: "DELETE", path: path}, planetest.ServerKey, "", 401},
		{"unregister with another's secret", request{method: "DELETE", path: path}, "", other.DeviceSecret, 401},
		{"unregister", request{method: "DELETE", path: path}, "", secret, 204},
		{"unregister again", request{method: "DELETE", path: path}, "", secret, 404},
	}
	for _, tt := range tests { // in this order
		tt.op.header = map[string]string{}
		if tt.bearer != "" {
			tt.op.header["Authorization"] = "Bearer " + tt.bearer
		}
		if tt.secret != "" {
			tt.op.header[wire.SecretHeader] = tt.secret
		}
		got := send(t, bed.Device, tt.op)
		if got.status != tt.status {
			t.Errorf("%s: %d %s, want %d", tt.name, got.status, got.body, tt.status)
		}
		for _, hidden := range []string{tt.bearer, tt.secret} {
			if hidden != "" && got.status >= 400 && strings.Contains(got.body, hidden) {
				t.Errorf("%s: the answer quotes a credential: %s", tt.name, got.body)
			}
		}
	}
}

func TestPlanesDoNotServeEachOther(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	for _, op := range serverOperations() {
		if strings.HasSuffix(op.path, "/binding") {
			continue // Both planes have it, with different credentials.
		}
		op.header = bearer(planetest.ServerKey)
		if got := send(t, bed.Device, op); got.status != http.StatusNotFound {
			t.Errorf("the device plane serves %s %s: %d", op.method, op.path, got.status)
		}
	}
	register := request{method: "POST", path: "/v1/devices", body: `{"vendor":"FCM","token":"t"}`, header: bearer(planetest.RegistrationKey)}
	if got := send(t, bed.Server, register); got.status != http.StatusNotFound {
		t.Errorf("the server plane registers: %d", got.status)
	}
}

func TestKeysRotateWithoutRestart(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	op := request{method: "GET", path: "/v1/users/u/presence"}
	try := func(key string) int {
		op.header = bearer(key)
		return send(t, bed.Server, op).status
	}
	set := func(keys ...string) {
		bed.Configure(t, func(d *config.Document) {
			d.Auth.ServerKeys = nil
			for _, k := range keys {
				d.Auth.ServerKeys = append(d.Auth.ServerKeys, config.NewSecret(k))
			}
		})
	}
	next := "the-next-server-key-1"
	steps := []struct {
		keys     []string
		old, new int
	}{
		{[]string{planetest.ServerKey}, 200, 401},
		{[]string{planetest.ServerKey, next}, 200, 200},
		{[]string{next}, 401, 200},
	}
	for i, step := range steps {
		set(step.keys...)
		if diff := cmp.Diff([]int{step.old, step.new}, []int{try(planetest.ServerKey), try(next)}); diff != "" {
			t.Errorf("step %d: %s", i, diff)
		}
	}
}
