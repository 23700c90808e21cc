package pushkit

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/provider/providertest"
)

func index() provider.CodeIndex { return provider.IndexCodes(slices.Concat(Codes(), Reasons())) }

// TestTable walks the codes of Huawei's documents.
func TestTable(t *testing.T) {
	t.Parallel()
	want := map[string]message.Class{}
	for class, codes := range map[message.Class][]string{
		message.Accepted:           {"80000000", "80100000"},
		message.InvalidToken:       {"80300007", "tokenFormatError"},
		message.AuthExpired:        {"80200003", "80200005", "HTTP 401"},
		message.CredentialRejected: {"80200001", "80300002", "80600003", "80300036", "80300037", "HTTP 404", "noRight", "appinfoError", "disableSendHuaweiMsgBecauseOfPenalty"},
		message.Throttled:          {"HTTP 503", "80100017", "80300029", "80300030"},
		message.Transient:          {"HTTP 500", "HTTP 502", "81000001"},
		message.Rejected: {
			"HTTP 400", "80100001", "80100003", "80100004", "80100013", "80100016", "80100018", "80100022", "80300008", "80300010", "80300011", "80300013",
			"noPushTypeRight", "countryNotSupport", "tokenPlatformNotSupport", "atomicUnableSendUnsubscribedMsg", "differentImgVerifyPolicy",
			"notSupportPlayVoice", "noRightToSendThisLiveNotificationEvent",
		},
	} {
		for _, c := range codes {
			want[c] = class
		}
	}
	providertest.Table(t, slices.Concat(Codes(), Reasons()), want)
}

// inMsg writes JSON as Huawei does: in a text.
func inMsg(code, msg string) string {
	quoted, _ := json.Marshal(msg)
	return fmt.Sprintf(`{"code":%q,"msg":%s,"requestId":"r1"}`, code, quoted)
}

func TestRead(t *testing.T) {
	t.Parallel()
	named := func(class message.Class, code, detail string) message.Outcome {
		return message.Outcome{Class: class, Code: code, HTTPStatus: 200, Detail: detail}
	}
	const reason = "named in msg with this reason"
	partly := message.Outcome{Class: message.Accepted, Code: "80100000", HTTPStatus: 200, VendorMessageID: "r1"}
	tests := []struct {
		name   string
		status int
		body   string
		want   message.Outcome
		named  map[string]message.Outcome
	}{
		{
			"accepted", 200, `{"code":"80000000","msg":"Success","requestId":"r1"}`,
			message.Outcome{Class: message.Accepted, Code: "80000000", HTTPStatus: 200, VendorMessageID: "r1"},
			nil,
		},
		{
			"a number for a code", 200, `{"code":80000000,"msg":null,"requestId":"r1"}`,
			message.Outcome{Class: message.Accepted, Code: "80000000", HTTPStatus: 200, VendorMessageID: "r1"},
			nil,
		},
		{
			"accepted with an error's status", 500, `{"code":"80000000","msg":"Success"}`,
			message.Outcome{Class: message.Unknown, Code: "80000000", HTTPStatus: 500, Detail: "Success"},
			nil,
		},
		{
			"v1 names dead tokens", 200, inMsg("80100000", `{"success":3,"failure":1,"illegal_tokens":["a"]}`),
			partly,
			map[string]message.Outcome{"a": named(message.InvalidToken, "80100000", "named in msg.illegal_tokens")},
		},
		{
			"msg is an object", 200, `{"code":"80100000","msg":{"illegal_tokens":["a"]},"requestId":"r1"}`,
			partly,
			map[string]message.Outcome{"a": named(message.InvalidToken, "80100000", "named in msg.illegal_tokens")},
		},
		{
			"v3 gives reasons", 200, inMsg("80100000", `{"success":1,"illegal_tokens":["a","b"],"tokenFormatError":["a"],"noRight":["b"],"countryNotSupport":["c"],"moonPhase":["d"]}`),
			partly,
			map[string]message.Outcome{
				"a": named(message.InvalidToken, "tokenFormatError", reason),
				"b": named(message.CredentialRejected, "noRight", reason),
				"c": named(message.Rejected, "countryNotSupport", reason),
				"d": named(message.Unknown, "moonPhase", reason),
			},
		},
		{
			"v3 gives reasons inside", 200, inMsg("80300007", `{"illegalTokens":{"tokenFormatError":["a"],"noPushTypeRight":["b"]}}`),
			message.Outcome{Class: message.InvalidToken, Code: "80300007", HTTPStatus: 200, Detail: `{"illegalTokens":{"tokenFormatError":["a"],"noPushTypeRight":["b"]}}`},
			map[string]message.Outcome{"a": named(message.InvalidToken, "tokenFormatError", reason), "b": named(message.Rejected, "noPushTypeRight", reason)},
		},
		{
			"some phones refused, nobody knows which", 200, inMsg("80100000", "partial"),
			message.Outcome{Class: message.Unknown, Code: "80100000", HTTPStatus: 200, VendorMessageID: "r1", Detail: "some phones were refused, and msg does not say which"},
			nil,
		},
		{
			"no phone is named", 200, inMsg("80100000", `{"success":3,"failure":1,"illegal_tokens":[]}`),
			message.Outcome{Class: message.Unknown, Code: "80100000", HTTPStatus: 200, VendorMessageID: "r1", Detail: "some phones were refused, and msg does not say which"},
			nil,
		},
		{
			"taken in part with an error's status", 500, inMsg("80100000", `{"illegal_tokens":["a"]}`),
			message.Outcome{Class: message.Unknown, Code: "80100000", HTTPStatus: 500, Detail: `{"illegal_tokens":["a"]}`},
			nil,
		},
		{
			"all refused", 400, `{"code":"80300007","msg":"All the tokens are invalid."}`,
			message.Outcome{Class: message.InvalidToken, Code: "80300007", HTTPStatus: 400, Detail: "All the tokens are invalid."},
			nil,
		},
		{
			"flow control without a wait", 503, `{"code":"80300029","msg":"slow"}`,
			message.Outcome{Class: message.Throttled, Code: "80300029", HTTPStatus: 503, Detail: "slow", RetryAfter: time.Second},
			nil,
		},
		{
			"flow control without a body", 503, `busy`,
			message.Outcome{Class: message.Throttled, Code: "HTTP 503", HTTPStatus: 503, Detail: "HTTP 503 without the vendor's answer", RetryAfter: time.Second},
			nil,
		},
		{
			"401 without a body", 401, ``,
			message.Outcome{Class: message.AuthExpired, Code: "HTTP 401", HTTPStatus: 401, Detail: "HTTP 401 without the vendor's answer"},
			nil,
		},
		{
			"400 without a body", 400, `<html>`,
			message.Outcome{Class: message.Unknown, HTTPStatus: 400, Detail: "HTTP 400 without the vendor's answer"},
			nil,
		},
		{
			"a code of tomorrow", 200, `{"code":"80999999","msg":"moon"}`,
			message.Outcome{Class: message.Unknown, Code: "80999999", HTTPStatus: 200, Detail: "moon"},
			nil,
		},
		{
			"a code of tomorrow with a status", 400, `{"code":"80999999","msg":"moon"}`,
			message.Outcome{Class: message.Rejected, Code: "80999999", HTTPStatus: 400, Detail: "moon"},
			nil,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			v := read(provider.Answer{Status: tt.status, Body: []byte(tt.body)}, index())
			if diff := cmp.Diff(tt.want, v.outcome); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.named, v.named); diff != "" {
				t.Errorf("named (-want +got):\n%s", diff)
			}
		})
	}
}

// TestEveryCode finds the row's class whatever the status is.
func TestEveryCode(t *testing.T) {
	t.Parallel()
	for _, c := range Codes() {
		if c.Code == codePartial || strings.HasPrefix(c.Code, "HTTP") {
			continue
		}
		for _, status := range []int{200, 400, 401, 503} {
			o := read(provider.Answer{Status: status, Body: []byte(inMsg(c.Code, "words"))}, index()).outcome
			if c.Class == message.Accepted && status != 200 {
				continue
			}
			if o.Class != c.Class || o.Code != c.Code {
				t.Errorf("%s with %d: got %+v", c.Code, status, o)
			}
		}
	}
	for _, c := range Reasons() {
		o := read(provider.Answer{Status: 200, Body: []byte(inMsg(codePartial, `{"`+c.Code+`":["a"]}`))}, index()).of("a")
		if o.Class != c.Class || o.Code != c.Code {
			t.Errorf("%s: got %+v", c.Code, o)
		}
	}
}

func FuzzOutcome(f *testing.F) {
	for _, c := range Codes() {
		f.Add(200, []byte(inMsg(c.Code, `{"illegal_tokens":["tok-123456"]}`)))
	}
	f.Add(503, []byte(inMsg("80300007", `{"illegalTokens":{"noRight":["tok-123456"]}}`)))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		const token = "tok-123456"
		v := read(provider.Answer{Status: status, Body: body}, index(), token)
		if v.outcome.Class == message.Accepted && status != 200 {
			t.Errorf("accepted by %d %q", status, body)
		}
		for _, o := range []message.Outcome{v.outcome, v.of(token)} {
			long := utf8.RuneCountInString(o.Detail) > 256 || utf8.RuneCountInString(o.Code) > 256
			if o.Class == "" || long || strings.Contains(o.Detail+o.Code+o.VendorMessageID, token) {
				t.Errorf("%d %q: got %+v", status, body, o)
			}
		}
	})
}
