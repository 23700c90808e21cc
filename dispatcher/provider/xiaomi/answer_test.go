package xiaomi

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/provider/providertest"
)

// documented is what Xiaomi's documents (pId 1560) and clients say of the codes.
func documented() map[message.Class][]string {
	return map[message.Class][]string{
		message.Accepted:     {"0"},
		message.InvalidToken: {"66007", "20301", "10029"},
		message.CredentialRejected: {
			"21301", "21302", "21303", "22000", "22001", "22002", "22006", "22007", "22008", "22022",
			"10004", "10005", "10014", "10012", "10026", "10031", "10036", "26006",
		},
		message.QuotaExhausted: {"200001", "10034"},
		message.Throttled:      {"200002", "10027", "10028", "10022", "10023", "10024", "26004"},
		message.Transient: {
			"-1", "1", "10001", "10002", "10003", "10009", "10010", "10011", "10037", "20607", "26003", "65029", "65003",
		},
		message.Rejected: {
			"100", "10008", "10016", "10017", "10018", "10020", "10021", "10025", "10041", "22100", "22103", "65009",
			"65011", "65014", "65015", "65036", "65037", "65038",
			// Concerns one category of pushes: it must not hold back the others of the channel.
			"27001",
		},
	}
}

func TestTable(t *testing.T) {
	t.Parallel()
	want := map[string]message.Class{}
	for class, codes := range documented() {
		for _, c := range codes {
			want[c] = class
		}
	}
	providertest.Table(t, Codes(), want)
}

func TestDocs(t *testing.T) {
	t.Parallel()
	providertest.Docs(t, "../../../docs/vendors/xiaomi.md", Codes())
}

// At noon in UTC, China has 20 o'clock.
func noon() time.Time { return time.Date(2026, 12, 31, 12, 0, 0, 0, time.UTC) }

func TestOutcome(t *testing.T) {
	t.Parallel()
	type bad = map[string]bool
	malformed := func(status int, c message.Class) message.Outcome {
		return message.Outcome{Class: c, HTTPStatus: status, Detail: fmt.Sprintf("HTTP %d without the vendor's answer", status)}
	}
	tests := []struct {
		name   string
		status int
		body   string
		want   message.Outcome
		bad    bad
	}{
		{
			"accepted", 200, `{"result":"ok","code":0,"data":{"id":"m1"},"trace_id":"t1"}`,
			message.Outcome{Class: message.Accepted, HTTPStatus: 200, Code: "0", VendorMessageID: "m1"},
			bad{},
		},
		{
			"without an id", 200, `{"result":"ok","code":"0","trace_id":"t1"}`,
			message.Outcome{Class: message.Accepted, HTTPStatus: 200, Code: "0", VendorMessageID: "t1"},
			bad{},
		},
		{
			"strange data", 200, `{"result":"ok","code":0,"data":["x"],"trace_id":"t1"}`,
			message.Outcome{Class: message.Accepted, HTTPStatus: 200, Code: "0", VendorMessageID: "t1"},
			bad{},
		},
		{
			"partly", 200, `{"result":"ok","code":0,"data":{"id":"m1","bad_regids":"a, b,,"}}`,
			message.Outcome{Class: message.Accepted, HTTPStatus: 200, Code: "0", VendorMessageID: "m1"},
			bad{"a": true, "b": true},
		},
		{
			"partly, in another case", 200, `{"result":"ok","code":0,"data":{"id":"m1","bad_regIds":"a"}}`,
			message.Outcome{Class: message.Accepted, HTTPStatus: 200, Code: "0", VendorMessageID: "m1"},
			bad{"a": true},
		},
		{
			"refused", 200, `{"result":"error","code":21301,"reason":"no","description":"认证失败","info":"no"}`,
			message.Outcome{Class: message.CredentialRejected, HTTPStatus: 200, Code: "21301", Detail: "no; 认证失败"},
			nil,
		},
		{
			"daily quota", 200, `{"result":"error","code":200001,"reason":"quota"}`,
			message.Outcome{Class: message.QuotaExhausted, HTTPStatus: 200, Code: "200001", Detail: "quota", RetryAfter: 4 * time.Hour, ClassOnly: true},
			nil,
		},
		{
			"too many today", 200, `{"result":"error","code":10034}`,
			message.Outcome{Class: message.QuotaExhausted, HTTPStatus: 200, Code: "10034", RetryAfter: 4 * time.Hour},
			nil,
		},
		{
			"too fast", 200, `{"result":"error","code":200002}`,
			message.Outcome{Class: message.Throttled, HTTPStatus: 200, Code: "200002", RetryAfter: time.Second},
			nil,
		},
		{
			"offline", 200, `{"result":"error","code":65003}`,
			message.Outcome{Class: message.Transient, HTTPStatus: 200, Code: "65003", PhoneOnly: true},
			nil,
		},
		{
			"a code of tomorrow", 200, `{"result":"error","code":77777,"info":"moon"}`,
			message.Outcome{Class: message.Unknown, HTTPStatus: 200, Code: "77777", Detail: "moon"},
			nil,
		},
		{
			"contradiction", 200, `{"result":"error","code":0,"info":"moon"}`,
			message.Outcome{Class: message.Unknown, HTTPStatus: 200, Code: "0", Detail: "moon"},
			nil,
		},
		{
			"success with a bad status", 500, `{"result":"ok","code":0}`,
			message.Outcome{Class: message.Unknown, HTTPStatus: 500, Code: "0"},
			nil,
		},
		{
			"code with a bad status", 503, `{"result":"error","code":10009}`,
			message.Outcome{Class: message.Transient, HTTPStatus: 503, Code: "10009"},
			nil,
		},
		{"no code", 200, `{"result":"ok"}`, malformed(200, message.Transient), nil},
		{"null code", 200, `{"code":null}`, malformed(200, message.Transient), nil},
		{"code of letters", 200, `{"code":"abc"}`, malformed(200, message.Transient), nil},
		{"gateway", 503, `<html>`, malformed(503, message.Transient), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, gotBad := outcome(provider.Answer{Status: tt.status, Body: []byte(tt.body)}, provider.IndexCodes(Codes()), noon())
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.bad, gotBad); diff != "" {
				t.Errorf("bad ids (-want +got):\n%s", diff)
			}
		})
	}
}

func TestEveryCode(t *testing.T) {
	t.Parallel()
	for _, c := range Codes() {
		for _, body := range []string{`{"code":` + c.Code + `,"reason":"x"}`, `{"code":"` + c.Code + `","reason":"x"}`} {
			o, _ := outcome(provider.Answer{Status: 200, Body: []byte(body)}, provider.IndexCodes(Codes()), noon())
			if o.Class != c.Class || o.Code != c.Code {
				t.Errorf("%s: got %+v", body, o)
			}
		}
	}
}

func FuzzOutcome(f *testing.F) {
	for _, c := range Codes() {
		f.Add(200, []byte(`{"result":"error","code":`+c.Code+`,"reason":"x","data":{"id":"m","bad_regids":"a,b"}}`))
	}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		const token = "tok-123456"
		o, bad := outcome(provider.Answer{Status: status, Body: body}, provider.IndexCodes(Codes()), noon(), token)
		if o.Class == message.Accepted && status != 200 || o.Class != message.Accepted && bad != nil || bad[""] {
			t.Errorf("%d %q: got %+v and %v", status, body, o, bad)
		}
		if o.Class == "" || o.RetryAfter < 0 || utf8.RuneCountInString(o.Detail) > 256 || utf8.RuneCountInString(o.Code) > 256 ||
			strings.Contains(o.Detail+o.Code+o.VendorMessageID, token) {
			t.Errorf("%d %q: got %+v", status, body, o)
		}
	})
}
