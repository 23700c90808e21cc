package ingress_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/offlinepush/operator/dispatcher/ingress/planetest"
	"github.com/offlinepush/operator/dispatcher/wire"
)

func TestRequestsThatBreakARule(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	key := bearer(planetest.ServerKey)
	batchOf := func(n int) string {
		return `{"messages":[` + strings.TrimSuffix(strings.Repeat(message+",", n), ",") + `]}`
	}
	field := func(name, value string) string { return strings.Replace(message, `"body":"x"`, name+":"+value, 1) }
	tests := []struct {
		name       string
		path, body string
		status     int
		code       wire.Code
		field      string
		cure       string
	}{
		{"no body", "/v1/messages", "", 400, wire.CodeInvalidRequest, "", ""},
		{"no JSON", "/v1/messages", "{", 400, wire.CodeInvalidRequest, "body", ""},
		{"two values", "/v1/messages", message + message, 400, wire.CodeInvalidRequest, "body", ""},
		{"a list", "/v1/messages", "[]", 422, wire.CodeInvalidRequest, "body", "expected object"},
		{"null", "/v1/messages", "null", 422, wire.CodeInvalidRequest, "body", "expected object"},
		{"no client id", "/v1/messages", `{"from":"a","to":["b"],"body":"x"}`, 422, wire.CodeInvalidRequest, "body", "clientID"},
		{"unknown field", "/v1/messages", field(`"text"`, `"x"`), 422, wire.CodeInvalidRequest, "body.text", "unexpected property"},
		{"number for text", "/v1/messages", field(`"body"`, `7`), 422, wire.CodeInvalidRequest, "body.body", "expected string"},
		{"text for number", "/v1/messages", field(`"pushTTLSeconds"`, `"7"`), 422, wire.CodeInvalidRequest, "body.pushTTLSeconds", "expected integer"},
		{"TTL of nothing", "/v1/messages", field(`"pushTTLSeconds"`, `0`), 422, wire.CodeInvalidRequest, "body.pushTTLSeconds", "expected number >= 1"},
		{"endless TTL", "/v1/messages", field(`"pushTTLSeconds"`, `1e9`), 422, wire.CodeInvalidRequest, "body.pushTTLSeconds", "expected number <= 2.4192e+06"},
		{"nobody", "/v1/messages", strings.Replace(message, `["b"]`, `[]`, 1), 422, wire.CodeInvalidRequest, "body.to", "expected array length >= 1"},
		{"101 receivers", "/v1/messages", strings.Replace(message, `["b"]`, `["b"`+strings.Repeat(`,"b"`, 100)+`]`, 1), 422, wire.CodeInvalidRequest, "body.to", "expected array length <= 100"},
		{"no receiver remains", "/v1/messages", strings.Replace(message, `["b"]`, `["\n",""]`, 1), 422, wire.CodeInvalidRequest, "body.to[0]", "control characters"},
		{"long body in bytes", "/v1/messages", field(`"body"`, `"`+strings.Repeat("ü", 16385)+`"`), 422, wire.CodeInvalidRequest, "body.body", "at most 32768 bytes, is 32770"},
		{"line break in an id", "/v1/messages", strings.Replace(message, `"from":"a"`, `"from":"a\n"`, 1), 422, wire.CodeInvalidRequest, "body.from", "control characters"},
		{"unknown profile", "/v1/messages", field(`"push"`, `{"title":"t","resourcesID":"ads"}`), 422, wire.CodeInvalidRequest, "body.push.resourcesID", "there are [im]"},
		{"unknown field below", "/v1/messages", field(`"push"`, `{"title":"t","sound":"s"}`), 422, wire.CodeInvalidRequest, "body.push.sound", "unexpected property"},
		{"smaller badge", "/v1/messages", field(`"push"`, `{"title":"t","badgeIncrement":-1}`), 422, wire.CodeInvalidRequest, "body.push.badgeIncrement", "expected number >= 0"},
		{"call of no kind", "/v1/messages", field(`"push"`, `{"title":"t","voIPConfig":{"handleType":"Fax","handleValue":"1"}}`), 422, wire.CodeInvalidRequest, "body.push.voIPConfig.handleType", "expected value to be one of"},
		{"parameters of no texts", "/v1/messages", field(`"push"`, `{"title":"t","privateMessageTemplate":{"titleParameters":"[]"}}`), 422, wire.CodeInvalidRequest, "body.push.privateMessageTemplate.titleParameters", "a JSON object of texts"},
		{"very large", "/v1/messages", field(`"body"`, `"`+strings.Repeat("x", 256<<10)+`"`), 413, wire.CodeTooLarge, "", "more than 262144 bytes"},
		{"empty batch", "/v1/messages:batch", `{"messages":[]}`, 422, wire.CodeInvalidRequest, "body.messages", "expected array length >= 1"},
		{"501 messages", "/v1/messages:batch", batchOf(501), 422, wire.CodeInvalidRequest, "body.messages", "expected array length <= 500"},
		{"path", "/v1/nothing", message, 404, wire.CodeNotFound, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := send(t, bed.Server, request{method: "POST", path: tt.path, body: tt.body, header: key})
			if got.status != tt.status || got.problem.Code != tt.code {
				t.Fatalf("got %d %s", got.status, got.body)
			}
			if tt.field == "" {
				if !strings.Contains(got.problem.Detail, tt.cure) {
					t.Errorf("got %q, want ...%s...", got.problem.Detail, tt.cure)
				}
				return
			}
			if !slices.ContainsFunc(got.problem.Errors, func(e wire.FieldError) bool {
				return e.Field == tt.field && strings.Contains(e.Message, tt.cure)
			}) {
				t.Errorf("got %s, want %s: ...%s...", got.body, tt.field, tt.cure)
			}
		})
	}
}

func TestErrorsDoNotQuoteValues(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	const hidden = "sEcReT-value"
	bodies := []string{
		`{"vendor":"FCM","token":"` + hidden + `"`,
		`{"vendor":"FCM","token":["` + hidden + `"]}`,
		`{"vendor":"FCM","token":"` + hidden + strings.Repeat("x", 4096) + `"}`,
		`{"vendor":"FCM","appType":"` + hidden + `","token":"t"}`,
		`{"vendor":"` + hidden + `","token":"` + hidden + `"}`,
		`{"vendor":"FCM","token":"` + hidden + `\u0000"}`,
	}
	for _, body := range bodies {
		got := send(t, bed.Device, request{method: "POST", path: "/v1/devices", body: body, header: bearer(planetest.RegistrationKey)})
		if got.status < 400 || strings.Contains(got.body, hidden) {
			t.Errorf("%.60s: %d %s", body, got.status, got.body)
		}
	}
}

func TestMediaTypes(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	for contentType, status := range map[string]int{
		"":                                  202,
		"application/json":                  202,
		"application/json; charset=utf-8":   202,
		"text/plain":                        415,
		"application/x-www-form-urlencoded": 415,
		"a;b+c":                             415,
	} {
		header := bearer(planetest.ServerKey)
		header["Content-Type"] = contentType
		body := strings.Replace(message, `"clientID":"c"`, fmt.Sprintf(`"clientID":%q`, contentType+"."), 1)
		got := send(t, bed.Server, request{method: "POST", path: "/v1/messages", body: body, header: header})
		if got.status != status || (status == 415 && got.problem.Code != wire.CodeUnsupportedMediaType) {
			t.Errorf("%q: %d %s", contentType, got.status, got.body)
		}
	}
}

func TestSendAndTrace(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	c, _ := bed.Phone(t, "FCM", "b")
	op := request{method: "POST", path: "/v1/messages", header: bearer(planetest.ServerKey)}
	op.body = `{"clientID":"c","from":"a","to":["z","b"],"push":{"title":"t"}}`
	var first, again wire.Sent
	for i, want := range []struct {
		status int
		into   *wire.Sent
	}{{http.StatusAccepted, &first}, {http.StatusOK, &again}} {
		got := send(t, bed.Server, op)
		if err := json.Unmarshal([]byte(got.body), want.into); err != nil || got.status != want.status {
			t.Fatalf("%d: %d %s", i, got.status, got.body)
		}
	}
	if first.Duplicate || !again.Duplicate || first.MessageID != again.MessageID {
		t.Errorf("first %+v, again %+v", first, again)
	}
	if len(first.Recipients) != 2 || first.Recipients[0] != (wire.Recipient{UserID: "z", Seq: 1}) || first.Recipients[1] != (wire.Recipient{UserID: "b", Seq: 1}) {
		t.Errorf("recipients: %+v", first.Recipients)
	}
	op.body = strings.Replace(op.body, `"t"`, `"u"`, 1)
	if got := send(t, bed.Server, op); got.status != http.StatusConflict || got.problem.Code != wire.CodeIDConflict {
		t.Errorf("other content: %d %s", got.status, got.body)
	}
	got := send(t, bed.Server, request{method: "GET", path: "/v1/messages/" + first.MessageID, header: op.header})
	var trace wire.Trace
	if err := json.Unmarshal([]byte(got.body), &trace); err != nil || len(trace.Devices) != 2 {
		t.Fatalf("%d %s", got.status, got.body)
	}
	for _, d := range trace.Devices {
		if want := map[string]string{"b": "Pending", "z": "Suppressed"}[d.UserID]; d.State != want {
			t.Errorf("%+v, want %s", d, want)
		}
		if d.UserID == "b" && (d.PushID != c.PushID || d.Channel != "fcm") {
			t.Errorf("%+v", d)
		}
	}
}

func TestBatchAnswersEveryMessage(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	body := `{"messages":[` + message + `,` + strings.Replace(message, `"body":"x"`, `"push":{"title":"t","resourcesID":"ads"}`, 1) + `,` + message + `]}`
	got := send(t, bed.Server, request{method: "POST", path: "/v1/messages:batch", body: body, header: bearer(planetest.ServerKey)})
	var out wire.BatchResults
	if err := json.Unmarshal([]byte(got.body), &out); err != nil || got.status != 200 || len(out.Results) != 3 {
		t.Fatalf("%d %s", got.status, got.body)
	}
	if r := out.Results[0]; r.Sent == nil || r.Problem != nil || r.Sent.Duplicate {
		t.Errorf("first: %s", got.body)
	}
	if r := out.Results[1]; r.Sent != nil || r.Problem == nil || r.Problem.Errors[0].Field != "body.messages[1].push.resourcesID" {
		t.Errorf("second: %s", got.body)
	}
	if r := out.Results[2]; r.Sent == nil || !r.Sent.Duplicate || r.Sent.MessageID != out.Results[0].Sent.MessageID {
		t.Errorf("third: %s", got.body)
	}
}

func TestRequestIDs(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	for id, kept := range map[string]bool{
		"trace-1.2_3": true, "": false, "a b": false, strings.Repeat("x", 65): false, "<script>": false,
	} {
		got := send(t, bed.Server, request{method: "GET", path: "/v1/nothing", header: map[string]string{wire.RequestIDHeader: id}})
		if echo := got.header.Get(wire.RequestIDHeader); (echo == id) != kept {
			t.Errorf("%q: got %q", id, echo)
		}
	}
}

func TestStoreTroubleIs503(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	c, _ := bed.Phone(t, "FCM", "u")
	bed.Break(t)
	for _, op := range serverOperations() {
		if strings.HasSuffix(op.path, "/presence") {
			continue // It is not in the store.
		}
		op.path = strings.Replace(op.path, "/p/", "/"+c.PushID+"/", 1)
		op.path = strings.Replace(op.path, "messages/m", "messages/01a20a87-2ccb-709e-98b6-5a6cb9472c7c", 1)
		op.header = bearer(planetest.ServerKey)
		got := send(t, bed.Server, op)
		if strings.HasSuffix(op.path, ":batch") {
			if !strings.Contains(got.body, `"code":"store_unavailable"`) {
				t.Errorf("%s %s: %d %s", op.method, op.path, got.status, got.body)
			}
			continue
		}
		if got.status != http.StatusServiceUnavailable || got.problem.Code != wire.CodeStoreUnavailable || got.header.Get("Retry-After") == "" {
			t.Errorf("%s %s: %d %s", op.method, op.path, got.status, got.body)
		}
	}
}

func FuzzServerPlane(f *testing.F) {
	for _, op := range serverOperations() {
		f.Add(op.method, op.path, op.body)
	}
	f.Add("POST", "/v1/messages", `{"to":[{}],"push":null}`)
	f.Add("POST", "/v1/messages", strings.Replace(message, `"body":"x"`, `"push":`+wholePush, 1))
	f.Add("POST", "/v1/bindings?asOf=2026-01-02T03:04:05Z", `{"userID":"u","vendor":"Xiaomi","token":"t"}`)
	f.Add("GET", "/v1/bindings?after=-1&limit=x", "")
	f.Add("PUT", "/v1/devices/%00/binding", `{"userID":"\ud800"}`)
	bed := planetest.New(f)
	f.Fuzz(func(t *testing.T, method, path, body string) {
		planetest.Fuzz(t, bed.Server.Config.Handler, planetest.FuzzInput{
			Method: method, Path: path, Body: body, Key: planetest.ServerKey,
		})
	})
}

func FuzzDevicePlane(f *testing.F) {
	f.Add("POST", "/v1/devices", `{"vendor":"FCM","token":"t"}`)
	f.Add("PUT", "/v1/devices/p/token", `{"token":"t"}`)
	f.Add("PUT", "/v1/devices/p/token", `{"token":"t","kind":"voip"}`)
	f.Add("POST", "/v1/devices", `{"vendor":"APNs","environment":"Sandbox","token":"t","voipToken":"v"}`)
	f.Add("PUT", "/v1/devices/p/badge", `{"badge":7}`)
	f.Add("POST", "/v1/receipts/x", `{}`)
	f.Add("PUT", "/v1/devices/p/binding", "")
	f.Add("DELETE", "/v1/devices/p", "")
	f.Add("GET", "/v1/session", "")
	bed := planetest.New(f)
	f.Fuzz(func(t *testing.T, method, path, body string) {
		planetest.Fuzz(t, bed.Device.Config.Handler, planetest.FuzzInput{
			Method: method, Path: path, Body: body, Key: planetest.RegistrationKey,
		})
	})
}
