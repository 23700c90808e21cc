package webpush

import (
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

// TestTable walks what RFC 8030 and the push services' documents say.
func TestTable(t *testing.T) {
	t.Parallel()
	providertest.Table(t, Codes(), map[string]message.Class{
		"200": message.Accepted, "201": message.Accepted, "202": message.Accepted, "204": message.Accepted,
		// The subscription is dead.
		"404": message.InvalidToken, "410": message.InvalidToken, "VapidPkHashMismatch": message.InvalidToken,
		"key mismatch": message.InvalidToken, "errno 102": message.InvalidToken, "errno 103": message.InvalidToken,
		"errno 105": message.InvalidToken, "errno 106": message.InvalidToken,
		// The token is signed once more; then the channel is unhealthy.
		"401": message.AuthExpired, "403": message.AuthExpired, "errno 109": message.AuthExpired, "BadJwtToken": message.AuthExpired,
		// Slower, please.
		"429": message.Throttled, "406": message.Throttled,
		// Again, later.
		"500": message.Transient, "502": message.Transient, "503": message.Transient, "504": message.Transient,
		"errno 201": message.Transient, "errno 202": message.Transient, "errno 999": message.Transient,
		// The message is wrong.
		"400": message.Rejected, "413": message.Rejected, "errno 101": message.Rejected, "errno 104": message.Rejected,
		"errno 110": message.Rejected, "errno 111": message.Rejected,
		"301": message.Unknown,
	})
}

func mozilla(errno, words string) []byte {
	return []byte(`{"code":400,"errno":` + errno + `,"error":"x","message":"` + words + `","more_info":"http://x"}`)
}

func TestOutcome(t *testing.T) {
	t.Parallel()
	const foreign = "the VAPID credentials in the authorization header do not correspond to the credentials used to create the subscriptions.\n"
	header := func(pairs ...string) http.Header {
		h := http.Header{}
		for i := 0; i < len(pairs); i += 2 {
			h.Set(pairs[i], pairs[i+1])
		}
		return h
	}
	tests := []struct {
		name   string
		answer provider.Answer
		want   message.Outcome
	}{
		{"Mozilla takes it", provider.Answer{Status: 201, Header: header("Location", "https://updates.push.services.mozilla.com/m/id-1")}, message.Outcome{Class: message.Accepted, HTTPStatus: 201, VendorMessageID: "id-1"}},
		{"Apple takes it", provider.Answer{Status: 201, Header: header("apns-id", "id-2")}, message.Outcome{Class: message.Accepted, HTTPStatus: 201, VendorMessageID: "id-2"}},
		{"Windows takes it", provider.Answer{Status: 201, Header: header("X-WNS-MSG-ID", "id-3")}, message.Outcome{Class: message.Accepted, HTTPStatus: 201, VendorMessageID: "id-3"}},
		{"taken with a body", provider.Answer{Status: 202, Body: []byte(`{"errno":106,"message":"x"}`)}, message.Outcome{Class: message.Accepted, HTTPStatus: 202}},
		{"gone at Google", provider.Answer{Status: 410, Body: []byte("push subscription has unsubscribed or expired.\n")}, message.Outcome{Class: message.InvalidToken, HTTPStatus: 410, Code: "410", Detail: "HTTP 410 Gone"}},
		{"gone at Mozilla", provider.Answer{Status: 410, Body: mozilla("106", "No such subscription")}, message.Outcome{Class: message.InvalidToken, HTTPStatus: 410, Code: "errno 106", Detail: "No such subscription"}},
		{"gone at Apple", provider.Answer{Status: 410, Body: []byte(`{"reason":"Unregistered"}`)}, message.Outcome{Class: message.InvalidToken, HTTPStatus: 410, Code: "Unregistered", Detail: "Unregistered"}},
		{"another key at Google", provider.Answer{Status: 403, Body: []byte(foreign)}, message.Outcome{Class: message.InvalidToken, HTTPStatus: 403, Code: "key mismatch", Detail: "HTTP 403 Forbidden"}},
		{"another key at Mozilla", provider.Answer{Status: 401, Body: mozilla("109", "VAPID public key mismatch")}, message.Outcome{Class: message.InvalidToken, HTTPStatus: 401, Code: "key mismatch", Detail: "VAPID public key mismatch"}},
		{"another key at Apple, 400", provider.Answer{Status: 400, Body: []byte(`{"reason":"VapidPkHashMismatch"}`)}, message.Outcome{Class: message.InvalidToken, HTTPStatus: 400, Code: "VapidPkHashMismatch", Detail: "VapidPkHashMismatch"}},
		{"another key at Apple, 403", provider.Answer{Status: 403, Body: []byte(`{"reason":"VapidPkHashMismatch"}`)}, message.Outcome{Class: message.InvalidToken, HTTPStatus: 403, Code: "VapidPkHashMismatch", Detail: "VapidPkHashMismatch"}},
		{"a bad token at Apple, 400", provider.Answer{Status: 400, Body: []byte(`{"reason":"BadJwtToken"}`)}, message.Outcome{Class: message.AuthExpired, HTTPStatus: 400, Code: "BadJwtToken", Detail: "BadJwtToken"}},
		{"a bad token at Mozilla", provider.Answer{Status: 401, Body: mozilla("109", "Invalid VAPID audience")}, message.Outcome{Class: message.AuthExpired, HTTPStatus: 401, Code: "errno 109", Detail: "Invalid VAPID audience"}},
		{"throttled", provider.Answer{Status: 429, RetryAfter: 7 * time.Second}, message.Outcome{Class: message.Throttled, HTTPStatus: 429, Code: "429", Detail: "HTTP 429 Too Many Requests", RetryAfter: 7 * time.Second}},
		{"throttled by Mozilla", provider.Answer{Status: 429, Body: mozilla("201", "slow")}, message.Outcome{Class: message.Throttled, HTTPStatus: 429, Code: "errno 201", Detail: "slow"}},
		{"throttled by Windows", provider.Answer{Status: 406, RetryAfter: 15 * time.Minute, Header: header("X-WNS-Error-Description", "too fast")}, message.Outcome{Class: message.Throttled, HTTPStatus: 406, Code: "406", Detail: "too fast", RetryAfter: 15 * time.Minute}},
		{"a reason of tomorrow", provider.Answer{Status: 400, Body: []byte(`{"reason":"MoonPhase"}`)}, message.Outcome{Class: message.Unknown, HTTPStatus: 400, Code: "MoonPhase", Detail: "MoonPhase"}},
		{"a failure of tomorrow", provider.Answer{Status: 507, Body: mozilla("777", "full")}, message.Outcome{Class: message.Transient, HTTPStatus: 507, Code: "errno 777", Detail: "full"}},
		{"a page in the way", provider.Answer{Status: 418, Body: []byte("<html>")}, message.Outcome{Class: message.Unknown, HTTPStatus: 418, Code: "418", Detail: "HTTP 418 I'm a teapot"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, outcome(tt.answer, provider.IndexCodes(Codes()))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestEveryCode finds each row by what the push service answers.
func TestEveryCode(t *testing.T) {
	t.Parallel()
	for _, c := range Codes() {
		a := provider.Answer{Status: c.HTTP}
		errno, isErrno := strings.CutPrefix(c.Code, "errno ")
		switch {
		case isErrno:
			a.Body = mozilla(errno, "words")
		case c.Code == keyMismatch:
			a.Body = mozilla("109", "VAPID public key mismatch")
		case strings.ContainsAny(c.Code[:1], "BV"):
			a.Body = []byte(`{"reason":"` + c.Code + `"}`)
		}
		o := outcome(a, provider.IndexCodes(Codes()))
		if o.Class != c.Class || c.Class != message.Accepted && o.Code != c.Code {
			t.Errorf("%s: got %+v", c.Code, o)
		}
	}
}

func FuzzOutcome(f *testing.F) {
	for _, c := range Codes() {
		f.Add(c.HTTP, []byte(`{"errno":106,"message":"m","reason":"`+c.Code+`"}`), "tok-123456")
	}
	f.Fuzz(func(t *testing.T, status int, body []byte, said string) {
		const secret = "tok-123456-of-a-browser"
		h := http.Header{"Location": {"/m/" + said}, "X-Wns-Error-Description": {said}}
		o := outcome(provider.Answer{Status: status, Header: h, Body: body}, provider.IndexCodes(Codes()), secret)
		if (o.Class == message.Accepted) != (status == 200 || status == 201 || status == 202 || status == 204) {
			t.Errorf("%d %q: got %+v", status, body, o)
		}
		text := o.Detail + o.Code + o.VendorMessageID
		if o.Class == "" || utf8.RuneCountInString(o.Detail) > 256 || utf8.RuneCountInString(o.Code) > 256 || strings.Contains(text, secret) {
			t.Errorf("%d %q: got %+v", status, body, o)
		}
	})
}

func TestDocs(t *testing.T) {
	t.Parallel()
	providertest.Docs(t, "../../../docs/vendors/webpush.md", Codes())
}
