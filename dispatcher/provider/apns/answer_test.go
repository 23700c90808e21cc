package apns

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

// TestTable walks the reasons of Apple's documents, and the two spellings of one of them.
func TestTable(t *testing.T) {
	t.Parallel()
	providertest.Table(t, Codes(), map[string]message.Class{
		// The token is dead.
		"Unregistered":   message.InvalidToken,
		"ExpiredToken":   message.InvalidToken,
		"BadDeviceToken": message.InvalidToken,
		// The token or the channel is another app's; TestATokenOfAnotherApp has the second class.
		"DeviceTokenNotForTopic": message.CredentialRejected,
		// The JWT ran out.
		"ExpiredProviderToken": message.AuthExpired,
		// The channel is unhealthy.
		"InvalidProviderToken":       message.CredentialRejected,
		"MissingProviderToken":       message.CredentialRejected,
		"BadCertificate":             message.CredentialRejected,
		"BadCertificateEnvironment":  message.CredentialRejected,
		"BadEnvironmentKeyIdInToken": message.CredentialRejected,
		"BadEnvironmentKeyInToken":   message.CredentialRejected,
		"UnrelatedKeyIdInToken":      message.CredentialRejected,
		"Forbidden":                  message.CredentialRejected,
		"TopicDisallowed":            message.CredentialRejected,
		"BadTopic":                   message.CredentialRejected,
		"MissingTopic":               message.CredentialRejected,
		// Slower, please: one phone, and all.
		"TooManyRequests":             message.Throttled,
		"TooManyProviderTokenUpdates": message.Throttled,
		// Again, later.
		"InternalServerError": message.Transient,
		"ServiceUnavailable":  message.Transient,
		"Shutdown":            message.Transient,
		"IdleTimeout":         message.Transient,
		// The push is wrong.
		"BadCollapseId":      message.Rejected,
		"BadExpirationDate":  message.Rejected,
		"BadMessageId":       message.Rejected,
		"BadPriority":        message.Rejected,
		"InvalidPushType":    message.Rejected,
		"DuplicateHeaders":   message.Rejected,
		"MissingDeviceToken": message.Rejected,
		"PayloadEmpty":       message.Rejected,
		"BadPath":            message.Rejected,
		"MethodNotAllowed":   message.Rejected,
		"PayloadTooLarge":    message.Rejected,
	})
}

func TestOutcome(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		answer provider.Answer
		want   message.Outcome
	}{
		{
			"accepted",
			provider.Answer{Status: 200, Header: http.Header{"Apns-Id": {"cc455e83-72e2-8dd4-94ca-82c762be29f7"}}},
			message.Outcome{Class: message.Accepted, HTTPStatus: 200, VendorMessageID: "cc455e83-72e2-8dd4-94ca-82c762be29f7"},
		},
		{
			"200 of somebody else",
			provider.Answer{Status: 200, Body: []byte(`{"reason":"Unregistered"}`)},
			message.Outcome{Class: message.Transient, HTTPStatus: 200, Detail: "HTTP 200 without the vendor's answer"},
		},
		{
			"removed at a time",
			provider.Answer{Status: 410, Body: []byte(`{"reason":"Unregistered","timestamp":1700000000123}`)},
			message.Outcome{
				Class: message.InvalidToken, HTTPStatus: 410, Code: "Unregistered", Detail: "Unregistered",
				InvalidSince: time.UnixMilli(1700000000123),
			},
		},
		{
			"removed",
			provider.Answer{Status: 410, Body: []byte(`{"reason":"Unregistered"}`)},
			message.Outcome{Class: message.InvalidToken, HTTPStatus: 410, Code: "Unregistered", Detail: "Unregistered"},
		},
		{
			"one phone too often",
			provider.Answer{Status: 429, RetryAfter: 7 * time.Second, Body: []byte(`{"reason":"TooManyRequests"}`)},
			message.Outcome{
				Class: message.Throttled, HTTPStatus: 429, Code: "TooManyRequests", Detail: "TooManyRequests",
				RetryAfter: 30 * time.Second, PhoneOnly: true,
			},
		},
		{
			"a reason of tomorrow",
			provider.Answer{Status: 400, Body: []byte(`{"reason":"MoonPhase"}`)},
			message.Outcome{Class: message.Unknown, HTTPStatus: 400, Code: "MoonPhase", Detail: "MoonPhase"},
		},
		{
			"a failure of tomorrow",
			provider.Answer{Status: 502, Body: []byte(`{"reason":"MoonPhase"}`)},
			message.Outcome{Class: message.Transient, HTTPStatus: 502, Code: "MoonPhase", Detail: "MoonPhase"},
		},
		{
			"403 without a body",
			provider.Answer{Status: 403},
			message.Outcome{Class: message.CredentialRejected, HTTPStatus: 403, Detail: "HTTP 403 without the vendor's answer"},
		},
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

// TestEveryCode finds the row's class by the reason alone.
func TestEveryCode(t *testing.T) {
	t.Parallel()
	for _, c := range Codes() {
		if c.HTTP < 400 {
			t.Errorf("%s comes with HTTP %d", c.Code, c.HTTP)
		}
		for _, status := range []int{c.HTTP, 400, 503} {
			o := outcome(provider.Answer{Status: status, Body: []byte(`{"reason":"` + c.Code + `"}`)}, provider.IndexCodes(Codes()))
			if o.Class != c.Class || o.Code != c.Code || o.Detail == "" {
				t.Errorf("%s with %d: got %+v", c.Code, status, o)
			}
		}
	}
}

func FuzzOutcome(f *testing.F) {
	for _, c := range Codes() {
		f.Add(c.HTTP, []byte(`{"reason":"`+c.Code+`","timestamp":1}`), "")
	}
	f.Add(200, []byte(""), "cc455e83-72e2-8dd4-94ca-82c762be29f7")
	f.Fuzz(func(t *testing.T, status int, body []byte, id string) {
		const token = "tok-123456"
		o := outcome(provider.Answer{Status: status, Body: body, Header: http.Header{"Apns-Id": {id}}}, provider.IndexCodes(Codes()), token)
		if (o.Class == message.Accepted) != (status == http.StatusOK && o.VendorMessageID != "") {
			t.Errorf("%d %q %q: got %+v", status, body, id, o)
		}
		if o.Class == "" || utf8.RuneCountInString(o.Detail) > 256 || strings.Contains(o.Detail+o.Code, token) || o.Class == message.Rejected && o.Code == "" && status != http.StatusRequestEntityTooLarge {
			t.Errorf("%d %q: got %+v", status, body, o)
		}
	})
}

func TestDocs(t *testing.T) {
	t.Parallel()
	providertest.Docs(t, "../../../docs/vendors/apns.md", Codes())
}
