package meizu

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

// TestTable walks the codes of Meizu's documents and SDK. 110010 has a second class beside a push id; TestOutcome has that.
func TestTable(t *testing.T) {
	t.Parallel()
	want := map[string]message.Class{}
	for class, codes := range map[message.Class][]string{
		message.Accepted:           {"200", "520"},
		message.InvalidToken:       {"110002", "110003", "110005"},
		message.CredentialRejected: {"1006", "110000", "110001", "110031", "110033", "110009", "201"},
		message.Throttled:          {"110010", "110053", "518"},
		message.QuotaExhausted:     {"110019", "110051", "110011"},
		message.Transient:          {"1001", "1003", "500", "501", "513", "519", "300"},
		message.Rejected:           {"1005", "110004", "110032"},
	} {
		for _, c := range codes {
			want[c] = class
		}
	}
	providertest.Table(t, Codes(), want)
}

func TestDocs(t *testing.T) {
	t.Parallel()
	providertest.Docs(t, "../../../docs/vendors/meizu.md", Codes())
}

// At noon in UTC, China has 20 o'clock.
func noon() time.Time { return time.Date(2026, 12, 31, 12, 0, 0, 0, time.UTC) }

func TestOutcome(t *testing.T) {
	t.Parallel()
	type named = map[string]message.Outcome
	malformed := func(status int, c message.Class) message.Outcome {
		return message.Outcome{Class: c, HTTPStatus: status, Detail: fmt.Sprintf("HTTP %d without the vendor's answer", status)}
	}
	taken := message.Outcome{Class: message.Accepted, HTTPStatus: 200, Code: "200", VendorMessageID: "m"}
	of := func(code string, class message.Class, detail string) message.Outcome {
		return message.Outcome{Class: class, HTTPStatus: 200, Code: code, Detail: detail}
	}
	invalid := of("110002", message.InvalidToken, "named in value")
	folded := of("520", message.Accepted, "folded: the phone had the same push more than five times within a minute")
	folded.VendorMessageID = "m"
	slow := of("518", message.Throttled, "named in value")
	slow.RetryAfter = time.Second
	full := of("110011", message.QuotaExhausted, "named in value")
	full.RetryAfter, full.PhoneOnly = 4*time.Hour, true
	tests := []struct {
		name   string
		status int
		body   string
		want   message.Outcome
		named  named
	}{
		{"accepted", 200, `{"code":"200","message":"","msgId":"m","value":{},"redirect":""}`, taken, named{}},
		{"accepted with an empty text", 200, `{"code":200,"msgId":"m","value":""}`, taken, nil},
		{"accepted with a list", 200, `{"code":"200","msgId":"m","value":[{"date":"x"}]}`, taken, nil},
		{
			"failures by code", 200, `{"code":"200","msgId":"m","value":{"110002":["a","b"],"520":["c"],"518":["d"],"110010":["e"],"110011":["f"],
				"201":"g,h","777":["i"],"501":7}}`,
			taken,
			named{
				"a": invalid, "b": invalid, "c": folded, "d": slow, "f": full,
				"e": of("110010", message.Rejected, "the user switched off notifications"),
				"g": of("201", message.CredentialRejected, "named in value"), "h": of("201", message.CredentialRejected, "named in value"),
				"i": of("777", message.Unknown, "named in value"),
			},
		},
		{
			"too fast", 200, `{"code":"110010","message":"应用请求频率超过限制","value":"","redirect":""}`,
			message.Outcome{Class: message.Throttled, HTTPStatus: 200, Code: "110010", Detail: "应用请求频率超过限制", RetryAfter: time.Second},
			nil,
		},
		{
			"used up", 200, `{"code":"110019","message":"full"}`,
			message.Outcome{Class: message.QuotaExhausted, HTTPStatus: 200, Code: "110019", Detail: "full", RetryAfter: 4 * time.Hour},
			nil,
		},
		{"wrong sign", 200, `{"code":"1006","message":"sign"}`, of("1006", message.CredentialRejected, "sign"), nil},
		{"a code of tomorrow", 200, `{"code":"77777","message":"moon"}`, of("77777", message.Unknown, "moon"), nil},
		{
			"success with a bad status", 500, `{"code":"200","value":{"110002":["a"]}}`,
			message.Outcome{Class: message.Unknown, HTTPStatus: 500, Code: "200"},
			nil,
		},
		{"no code", 200, `{"value":{}}`, malformed(200, message.Transient), nil},
		{"code of letters", 200, `{"code":"abc"}`, malformed(200, message.Transient), nil},
		{"gateway", 503, `<html>`, malformed(503, message.Transient), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, gotNamed := outcome(provider.Answer{Status: tt.status, Body: []byte(tt.body)}, provider.IndexCodes(Codes()), noon())
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if len(tt.named)+len(gotNamed) > 0 {
				if diff := cmp.Diff(tt.named, gotNamed); diff != "" {
					t.Errorf("named (-want +got):\n%s", diff)
				}
			}
		})
	}
}

func TestEveryCode(t *testing.T) {
	t.Parallel()
	for _, c := range Codes() {
		if c.Class == message.Accepted {
			continue // TestOutcome has those
		}
		for _, body := range []string{`{"code":` + c.Code + `,"message":"x"}`, `{"code":"` + c.Code + `","message":"x","value":""}`} {
			o, named := outcome(provider.Answer{Status: 200, Body: []byte(body)}, provider.IndexCodes(Codes()), noon())
			if o.Class != c.Class || o.Code != c.Code || o.Detail != "x" || len(named) != 0 {
				t.Errorf("%s: got %+v, %v", body, o, named)
			}
		}
	}
}

func FuzzOutcome(f *testing.F) {
	for _, c := range Codes() {
		f.Add(200, []byte(`{"code":"`+c.Code+`","message":"x","msgId":"m","value":{"`+c.Code+`":["a","b"]},"redirect":"https://a.meizu.com/"}`))
	}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		const token = "tok-123456"
		a := provider.Answer{Status: status, Body: body}
		o, named := outcome(a, provider.IndexCodes(Codes()), noon(), token)
		if o.Class == message.Accepted && status != 200 || o.Class != message.Accepted && named != nil {
			t.Errorf("%d %q: got %+v and %v", status, body, o, named)
		}
		for _, o := range named {
			if o.Class == "" || strings.Contains(o.Detail+o.Code, token) {
				t.Errorf("%d %q: got %+v", status, body, o)
			}
		}
		if o.Class == "" || o.RetryAfter < 0 || utf8.RuneCountInString(o.Detail) > 256 || utf8.RuneCountInString(o.Code) > 256 ||
			strings.Contains(o.Detail+o.Code+o.VendorMessageID, token) {
			t.Errorf("%d %q: got %+v", status, body, o)
		}
		if link := redirect(a, "https://server-api-push.meizu.com"); link != "" && !strings.HasPrefix(link, "https://") {
			t.Errorf("%q is followed to %s", body, link)
		}
	})
}
