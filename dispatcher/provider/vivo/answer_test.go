package vivo

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/provider/providertest"
)

// documented is what vivo's documents (doc 362) and clients say of the codes.
func documented() map[message.Class][]string {
	return map[message.Class][]string{
		message.Accepted:     {"0"},
		message.InvalidToken: {"10302", "status 1", "status 2"},
		message.AuthExpired:  {"10000"},
		message.CredentialRejected: {
			"10200", "10201", "10202", "10203", "10207", "10204", "10206", "10205", "10094", "10043", "10045",
		},
		// 10071 is the night, in which system messages go on.
		message.QuotaExhausted: {"10070", "10073", "10252", "10254", "10071"},
		message.Throttled:      {"10072"},
		message.Rejected: {
			"10050", "10054", "10055", "10056", "10057", "10058", "10059", "10060", "10065", "10067", "10095", "10096", "10097",
			"10103", "10104", "10085", "10150", "10151", "10152", "10153", "10155", "10304", "10305", "10306", "10352", "10353",
			"10800", "10801", "10311", "status 3", "status 4",
			// Concern one push profile: they must not hold back the others of the channel.
			"10082", "10051",
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
	providertest.Docs(t, "../../../docs/vendors/vivo.md", Codes())
}

// At noon in UTC, China has 20 o'clock.
func noon() time.Time { return time.Date(2026, 12, 31, 12, 0, 0, 0, time.UTC) }

func TestOutcome(t *testing.T) {
	t.Parallel()
	malformed := func(status int) message.Outcome {
		return message.Outcome{Class: message.Transient, HTTPStatus: status, Detail: fmt.Sprintf("HTTP %d without the vendor's answer", status)}
	}
	tests := []struct {
		name   string
		status int
		body   string
		want   message.Outcome
	}{
		{
			"accepted", 200, `{"result":0,"desc":"请求成功","taskId":"542863351646687232"}`,
			message.Outcome{Class: message.Accepted, HTTPStatus: 200, Code: "0", VendorMessageID: "542863351646687232"},
		},
		{
			"accepted, in numbers", 200, `{"result":"0","desc":"ok","taskId":542863351646687232}`,
			message.Outcome{Class: message.Accepted, HTTPStatus: 200, Code: "0", VendorMessageID: "542863351646687232"},
		},
		{
			"strange id", 200, `{"result":0,"taskId":{"x":1},"invalidUser":"x"}`,
			message.Outcome{Class: message.Accepted, HTTPStatus: 200, Code: "0"},
		},
		{
			"refused", 200, `{"result":10206,"desc":"sign错误"}`,
			message.Outcome{Class: message.CredentialRejected, HTTPStatus: 200, Code: "10206", Detail: "sign错误"},
		},
		{
			"quota", 200, `{"result":10070,"desc":"超量"}`,
			message.Outcome{Class: message.QuotaExhausted, HTTPStatus: 200, Code: "10070", Detail: "超量", RetryAfter: 4 * time.Hour, ClassOnly: true},
		},
		{
			"night", 200, `{"result":10071,"desc":"night"}`,
			message.Outcome{Class: message.QuotaExhausted, HTTPStatus: 200, Code: "10071", Detail: "night", RetryAfter: 11 * time.Hour, ClassOnly: true},
		},
		{
			"quota of the channel", 200, `{"result":10252,"desc":"full"}`,
			message.Outcome{Class: message.QuotaExhausted, HTTPStatus: 200, Code: "10252", Detail: "full", RetryAfter: 4 * time.Hour},
		},
		{
			"too fast", 200, `{"result":10072,"desc":"fast"}`,
			message.Outcome{Class: message.Throttled, HTTPStatus: 200, Code: "10072", Detail: "fast", RetryAfter: time.Second},
		},
		{
			"a code of tomorrow", 200, `{"result":17777,"desc":"moon"}`,
			message.Outcome{Class: message.Unknown, HTTPStatus: 200, Code: "17777", Detail: "moon"},
		},
		{
			"success with a bad status", 500, `{"result":0,"desc":"ok"}`,
			message.Outcome{Class: message.Unknown, HTTPStatus: 500, Code: "0", Detail: "ok"},
		},
		{"no result", 200, `{"desc":"ok"}`, malformed(200)},
		{"result of letters", 200, `{"result":"abc"}`, malformed(200)},
		{"server error", 500, `{"timestamp":1,"status":500}`, malformed(500)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, got := outcome(provider.Answer{Status: tt.status, Body: []byte(tt.body)}, provider.IndexCodes(Codes()), noon())
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestUntilMorning(t *testing.T) {
	t.Parallel()
	china := time.FixedZone("UTC+8", 8*60*60)
	for clock, want := range map[string]time.Duration{
		"23:00": 8 * time.Hour, "23:59": 7*time.Hour + time.Minute, "00:00": 7 * time.Hour, "06:59": time.Minute,
		"07:00": 24 * time.Hour, "07:01": 24*time.Hour - time.Minute, "22:59": 8*time.Hour + time.Minute,
	} {
		at, err := time.ParseInLocation("2006-01-02 15:04", "2026-12-31 "+clock, china)
		if err != nil {
			t.Fatal(err)
		}
		if got := untilMorning(at.UTC()); got != want {
			t.Errorf("%s: got %s, want %s", clock, got, want)
		}
	}
}

func TestEveryCode(t *testing.T) {
	t.Parallel()
	for _, c := range resultCodes() {
		for _, body := range []string{`{"result":` + c.Code + `,"desc":"x"}`, `{"result":"` + c.Code + `","desc":"x"}`} {
			_, o := outcome(provider.Answer{Status: 200, Body: []byte(body)}, provider.IndexCodes(Codes()), noon())
			if o.Class != c.Class || o.Code != c.Code {
				t.Errorf("%s: got %+v", body, o)
			}
		}
	}
	for _, c := range statusCodes() {
		status := strings.TrimPrefix(c.Code, "status ")
		for _, body := range []string{
			`{"result":0,"invalidUsers":[{"status":` + status + `,"userid":"a"}]}`,
			`{"result":0,"invalidUsers":[{"status":"` + status + `","userid":"a"},{"status":9,"userid":17}]}`,
			`{"result":0,"invalidUser":{"status":` + status + `,"userid":"a"}}`,
			`{"result":0,"data":[{"status":` + status + `,"userid":"a"}]}`,
		} {
			r, o := outcome(provider.Answer{Status: 200, Body: []byte(body)}, provider.IndexCodes(Codes()), noon())
			named := r.named(provider.IndexCodes(Codes()), http.StatusOK)
			if o.Class != message.Accepted || named["a"].Class != c.Class || named["a"].Code != c.Code || named["a"].HTTPStatus != 200 {
				t.Errorf("%s: got %+v and %+v", body, o, named)
			}
			if one, ok := named["17"]; ok && one.Class != message.Unknown {
				t.Errorf("%s: a status of tomorrow: %+v", body, one)
			}
		}
	}
}

func FuzzOutcome(f *testing.F) {
	for _, c := range resultCodes() {
		f.Add(200, []byte(`{"result":`+c.Code+`,"desc":"x","taskId":"1","authToken":"t","invalidUsers":[{"status":1,"userid":"a"}],"data":{"userid":7}}`))
	}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		const token = "tok-123456"
		r, o := outcome(provider.Answer{Status: status, Body: body}, provider.IndexCodes(Codes()), noon(), token)
		if o.Class == message.Accepted && (status != http.StatusOK || r.Result != codeOK) || o.Class == message.InvalidToken && r.Result != "10302" {
			t.Errorf("%d %q: got %+v", status, body, o)
		}
		if o.Class == "" || o.RetryAfter < 0 || utf8.RuneCountInString(o.Detail) > 256 || utf8.RuneCountInString(o.Code) > 256 ||
			strings.Contains(o.Detail+o.Code+o.VendorMessageID, token) {
			t.Errorf("%d %q: got %+v", status, body, o)
		}
		for id, one := range r.named(provider.IndexCodes(Codes()), status) {
			if one.Class == "" || one.Class == message.Accepted || utf8.RuneCountInString(one.Detail+one.Code) > 512 {
				t.Errorf("%d %q: %s: got %+v", status, body, id, one)
			}
		}
	})
}
