package oppo

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

// documented is what OPPO's document of return codes and the interfaces' own codes say.
func documented() map[message.Class][]string {
	return map[message.Class][]string{
		message.Accepted:           {"0", "32"},
		message.InvalidToken:       {"10000"},
		message.AuthExpired:        {"11", "29"},
		message.CredentialRejected: {"14", "15", "16", "17", "18", "19", "26", "27", "28", "30"},
		message.QuotaExhausted:     {"33", "34", "42"},
		message.Throttled:          {"-2", "13", "55"},
		message.Transient:          {"-1"},
		message.Rejected:           {"12", "20", "21", "22", "23", "24", "25", "31", "40", "41", "51", "59", "67", "69"},
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

func decoder() caller { return caller{codes: provider.IndexCodes(Codes())} }

// At noon in UTC, China has 20 o'clock.
func noon() time.Time { return time.Date(2026, 12, 31, 12, 0, 0, 0, time.UTC) }

func TestOutcome(t *testing.T) {
	t.Parallel()
	malformed := func(status int, c message.Class) message.Outcome {
		return message.Outcome{Class: c, HTTPStatus: status, Detail: fmt.Sprintf("HTTP %d without the vendor's answer", status)}
	}
	tests := []struct {
		name   string
		status int
		body   string
		want   message.Outcome
	}{
		{"taken", 200, `{"code":0,"message":"ok"}`, message.Outcome{Class: message.Accepted, HTTPStatus: 200, Code: "0"}},
		{"taken, in text", 200, `{"code":"0"}`, message.Outcome{Class: message.Accepted, HTTPStatus: 200, Code: "0"}},
		{
			"taken before", 200, `{"code":32,"message":"Data Duplicate"}`,
			message.Outcome{Class: message.Accepted, HTTPStatus: 200, Code: "32", Detail: "Data Duplicate"},
		},
		{
			"bad signature", 200, `{"code":16,"message":"Invalid Signature"}`,
			message.Outcome{Class: message.CredentialRejected, HTTPStatus: 200, Code: "16", Detail: "Invalid Signature"},
		},
		{
			"daily quota", 200, `{"code":33,"message":"x"}`,
			message.Outcome{Class: message.QuotaExhausted, HTTPStatus: 200, Code: "33", Detail: "x", RetryAfter: 4 * time.Hour, ClassOnly: true},
		},
		{"too fast", 200, `{"code":-2}`, message.Outcome{Class: message.Throttled, HTTPStatus: 200, Code: "-2", RetryAfter: time.Second}},
		{"a code of tomorrow", 200, `{"code":777,"message":"moon"}`, message.Outcome{Class: message.Unknown, HTTPStatus: 200, Code: "777", Detail: "moon"}},
		{"success with a bad status", 500, `{"code":0}`, message.Outcome{Class: message.Unknown, HTTPStatus: 500, Code: "0"}},
		{"code with a bad status", 503, `{"code":-1}`, message.Outcome{Class: message.Transient, HTTPStatus: 503, Code: "-1"}},
		{"no code", 200, `{"message":"ok"}`, malformed(200, message.Transient)},
		{"null code", 200, `{"code":null}`, malformed(200, message.Transient)},
		{"code of letters", 200, `{"code":"abc"}`, malformed(200, message.Transient)},
		{"gateway", 503, `<html>`, malformed(503, message.Transient)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := decoder().outcome(provider.Answer{Status: tt.status, Body: []byte(tt.body)}, noon())
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestOutcomes(t *testing.T) {
	t.Parallel()
	taken := func(id string) message.Outcome {
		return message.Outcome{Class: message.Accepted, HTTPStatus: 200, Code: "0", VendorMessageID: id}
	}
	dead := message.Outcome{Class: message.InvalidToken, HTTPStatus: 200, Code: "10000", Detail: "Invalid <redacted>"}
	silent := message.Outcome{Class: message.Unknown, HTTPStatus: 200, Code: "0", Detail: "the answer says nothing of this phone"}
	tests := []struct {
		name, data, tokens string
		want               []message.Outcome
	}{
		{"one", `{"messageId":"m1"}`, "@a", []message.Outcome{taken("m1")}},
		{"one, in the other spelling", `{"message_id":"m1"}`, "@a", []message.Outcome{taken("m1")}},
		{"one, without data", `null`, "@a", []message.Outcome{taken("")}},
		{"one, with strange data", `"x"`, "@a", []message.Outcome{taken("")}},
		{"one, with an error in a good answer", `{"errorCode":10000,"errorMessage":"Invalid @a"}`, "@a", []message.Outcome{dead}},
		{
			"many, in another order", `[{"messageId":"m2","registrationId":"@b"},{"messageId":"m1","registrationId":"@a"}]`, "@a @b",
			[]message.Outcome{taken("m1"), taken("m2")},
		},
		{
			"many, partly", `[{"messageId":"m1","registrationId":"@a","errorCode":0},{"registrationId":"@b","errorCode":"10000","errorMessage":"Invalid @b"}]`, "@a @b",
			[]message.Outcome{taken("m1"), dead},
		},
		{"many, by order only", `[{"messageId":"m1"},{"errorCode":10000,"errorMessage":"Invalid @b"}]`, "@a @b", []message.Outcome{taken("m1"), dead}},
		{"many, one not named", `[{"messageId":"m1","registrationId":"@a"}]`, "@a @b", []message.Outcome{taken("m1"), silent}},
		{"many, one not readable", `[{"messageId":"m1","registrationId":"@a"},{"registrationId":7}]`, "@a @b", []message.Outcome{taken("m1"), silent}},
		{"many, without data", `{}`, "@a @b", []message.Outcome{silent, silent}},
		{
			"many, with other trouble",
			`[{"registrationId":"@a","errorCode":33,"errorMessage":"full"},{"registrationId":"@b","errorCode":12345,"errorMessage":"moon"}]`, "@a @b",
			[]message.Outcome{
				{Class: message.QuotaExhausted, HTTPStatus: 200, Code: "33", Detail: "full", RetryAfter: 4 * time.Hour, ClassOnly: true},
				{Class: message.Unknown, HTTPStatus: 200, Code: "12345", Detail: "moon"},
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := provider.Answer{Status: 200, Body: []byte(`{"code":0,"message":"","data":` + tt.data + `}`)}
			tokens := strings.Fields(tt.tokens)
			_, got := decoder().outcomes(a, noon(), tokens)
			want := map[string]message.Outcome{}
			for i, token := range tokens {
				want[token] = tt.want[i]
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestEveryCode finds the row's class in an answer and in what it says of a phone.
func TestEveryCode(t *testing.T) {
	t.Parallel()
	for _, c := range Codes() {
		whole, each := decoder().outcomes(provider.Answer{Status: 200, Body: []byte(`{"code":` + c.Code + `}`)}, noon(), []string{"a"})
		if whole.Class != c.Class || whole.Code != c.Code || (each != nil) != (c.Code == codeOK) {
			t.Errorf("%s: got %+v and %+v", c.Code, whole, each)
		}
		_, each = decoder().outcomes(provider.Answer{Status: 200, Body: []byte(`{"code":0,"data":[{"errorCode":` + c.Code + `}]}`)}, noon(), []string{"a"})
		if each["a"].Class != c.Class || each["a"].Code != c.Code {
			t.Errorf("%s of a phone: got %+v", c.Code, each)
		}
	}
}

func FuzzOutcome(f *testing.F) {
	for _, c := range Codes() {
		f.Add(200, []byte(`{"code":`+c.Code+`,"message":"tok-123456"}`))
		f.Add(200, []byte(`{"code":0,"data":[{"registrationId":"tok-123456","errorCode":`+c.Code+`,"errorMessage":"tok-123456"}]}`))
	}
	f.Fuzz(func(t *testing.T, status int, answered []byte) {
		tokens := []string{"tok-123456", "tok-654321"}
		whole, each := decoder().outcomes(provider.Answer{Status: status, Body: answered}, noon(), tokens)
		if whole.Class == message.Accepted && status != 200 || whole.Class != message.Accepted && each != nil || each != nil && len(each) != len(tokens) {
			t.Errorf("%d %q: got %+v and %+v", status, answered, whole, each)
		}
		for token, o := range each {
			checkOutcome(t, o, token)
		}
		checkOutcome(t, whole, tokens...)
	})
}

func checkOutcome(t *testing.T, o message.Outcome, hidden ...string) {
	t.Helper()
	if o.Class == "" || o.RetryAfter < 0 || utf8.RuneCountInString(o.Detail) > 256 || utf8.RuneCountInString(o.Code) > 256 {
		t.Errorf("got %+v", o)
	}
	for _, token := range hidden {
		if strings.Contains(o.Detail+o.VendorMessageID, token) {
			t.Errorf("shows %s in %+v", token, o)
		}
	}
}

func TestDocs(t *testing.T) {
	t.Parallel()
	providertest.Docs(t, "../../../docs/vendors/oppo.md", Codes())
}
