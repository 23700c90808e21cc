package honor

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

func TestTable(t *testing.T) {
	t.Parallel()
	want := map[string]message.Class{}
	for class, codes := range map[message.Class][]string{
		message.Accepted:     {"200", "80000000", "80100000"},
		message.InvalidToken: {"80300007"},
		message.AuthExpired:  {"401", "403"},
		message.CredentialRejected: {
			"404", "10205",
			// A wrong clock concerns every push of the channel: none is lost while it is set.
			"10001", "10207",
			// RFC 6749, section 5.2.
			"invalid_client", "unauthorized_client",
		},
		message.Throttled:      {"503"},
		message.QuotaExhausted: {"80200047"},
		message.Transient:      {"500", "502"},
		message.Rejected: {
			"400", "10300", "80100003", "80200020", "80200050", "80200056", "80300006", "80300008", "80300010",
			// Concerns one kind of pushes: it must not hold back the others of the channel.
			"80200022",
		},
	} {
		for _, c := range codes {
			want[c] = class
		}
	}
	providertest.Table(t, Codes(), want)
}

func TestDocs(t *testing.T) {
	t.Parallel()
	providertest.Docs(t, "../../../docs/vendors/honor.md", Codes())
}

// At noon in UTC, China has 20 o'clock.
func noon() time.Time { return time.Date(2026, 12, 31, 12, 0, 0, 0, time.UTC) }

func TestOutcome(t *testing.T) {
	t.Parallel()
	type dead = map[string]string
	malformed := func(status int, c message.Class) message.Outcome {
		return message.Outcome{Class: c, HTTPStatus: status, Detail: fmt.Sprintf("HTTP %d without the vendor's answer", status)}
	}
	tests := []struct {
		name   string
		status int
		body   string
		want   message.Outcome
		dead   dead
	}{
		{
			"accepted", 200, `{"code":200,"message":"success","data":{"sendResult":true,"requestId":"r","failTokens":[],"expireTokens":null}}`,
			message.Outcome{Class: message.Accepted, HTTPStatus: 200, Code: "200", VendorMessageID: "r"},
			dead{},
		},
		{
			"accepted in text", 200, `{"code":"80000000","data":{"requestId":"r"}}`,
			message.Outcome{Class: message.Accepted, HTTPStatus: 200, Code: "80000000", VendorMessageID: "r"},
			dead{},
		},
		{
			"strange data", 200, `{"code":200,"data":["x"]}`,
			message.Outcome{Class: message.Accepted, HTTPStatus: 200, Code: "200"},
			dead{},
		},
		{
			"partly", 200, `{"code":80100000,"message":"some","data":{"sendResult":false,"requestId":"r","failTokens":["a"],"expireTokens":["b"]}}`,
			message.Outcome{Class: message.Accepted, HTTPStatus: 200, Code: "80100000", VendorMessageID: "r"},
			dead{"a": "named in data.failTokens", "b": "named in data.expireTokens"},
		},
		{
			"partly, and nobody is named", 200, `{"code":80100000,"message":"some","data":{"sendResult":true}}`,
			message.Outcome{Class: message.Unknown, HTTPStatus: 200, Code: "80100000", Detail: "some"},
			dead{},
		},
		{
			"a contradiction", 200, `{"code":200,"message":"success","data":{"sendResult":false,"failTokens":["a"]}}`,
			message.Outcome{Class: message.Unknown, HTTPStatus: 200, Code: "200", Detail: "success"},
			dead{"a": "named in data.failTokens"},
		},
		{
			"success with a bad status", 500, `{"code":200,"data":{"failTokens":["a"]}}`,
			message.Outcome{Class: message.Unknown, HTTPStatus: 500, Code: "200"},
			nil,
		},
		{
			"an error with HTTP 200", 200, `{"code":10205,"message":"appId unknown"}`,
			message.Outcome{Class: message.CredentialRejected, HTTPStatus: 200, Code: "10205", Detail: "appId unknown"},
			nil,
		},
		{
			"test messages used up", 200, `{"code":80200047,"message":"quota"}`,
			message.Outcome{Class: message.QuotaExhausted, HTTPStatus: 200, Code: "80200047", Detail: "quota", RetryAfter: 4 * time.Hour, ClassOnly: true},
			nil,
		},
		{
			"too fast", 503, `{"code":503}`,
			message.Outcome{Class: message.Throttled, HTTPStatus: 503, Code: "503", RetryAfter: time.Second},
			nil,
		},
		{
			"a code of tomorrow", 200, `{"code":77777,"message":"moon"}`,
			message.Outcome{Class: message.Unknown, HTTPStatus: 200, Code: "77777", Detail: "moon"},
			nil,
		},
		{"no code", 200, `{"message":"success"}`, malformed(200, message.Transient), nil},
		{"gateway", 503, `<html>`, malformed(503, message.Transient), nil},
		{"unauthorized", 401, ``, malformed(401, message.AuthExpired), nil},
		{"forbidden", 403, ``, malformed(403, message.AuthExpired), nil},
		{"not found", 404, ``, malformed(404, message.CredentialRejected), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, named := outcome(provider.Answer{Status: tt.status, Body: []byte(tt.body)}, provider.IndexCodes(Codes()), noon())
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			var gotDead dead
			if named != nil {
				gotDead = dead{}
			}
			for token, o := range named {
				if o.Class != message.InvalidToken || o.Code != got.Code {
					t.Errorf("%s: got %+v", token, o)
				}
				gotDead[token] = o.Detail
			}
			if diff := cmp.Diff(tt.dead, gotDead); diff != "" {
				t.Errorf("dead tokens (-want +got):\n%s", diff)
			}
		})
	}
}

func TestEveryCode(t *testing.T) {
	t.Parallel()
	for _, c := range pushCodes() {
		if c.Class == message.Accepted {
			continue // TestOutcome has those
		}
		for _, body := range []string{`{"code":` + c.Code + `,"message":"x"}`, `{"code":"` + c.Code + `","message":"x"}`} {
			o, _ := outcome(provider.Answer{Status: 200, Body: []byte(body)}, provider.IndexCodes(Codes()), noon())
			if o.Class != c.Class || o.Code != c.Code || o.Detail != "x" {
				t.Errorf("%s: got %+v", body, o)
			}
		}
	}
}

func FuzzOutcome(f *testing.F) {
	for _, c := range pushCodes() {
		f.Add(200, []byte(`{"code":`+c.Code+`,"message":"x","data":{"sendResult":true,"requestId":"r","failTokens":["a"],"expireTokens":["b"]}}`))
	}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		const token = "tok-123456"
		o, named := outcome(provider.Answer{Status: status, Body: body}, provider.IndexCodes(Codes()), noon(), token)
		if o.Class == message.Accepted && status != 200 || status != 200 && named != nil {
			t.Errorf("%d %q: got %+v and %v", status, body, o, named)
		}
		if o.Class == "" || o.RetryAfter < 0 || utf8.RuneCountInString(o.Detail) > 256 || utf8.RuneCountInString(o.Code) > 256 ||
			strings.Contains(o.Detail+o.Code+o.VendorMessageID, token) {
			t.Errorf("%d %q: got %+v", status, body, o)
		}
	})
}
