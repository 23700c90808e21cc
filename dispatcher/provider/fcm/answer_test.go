package fcm

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

// TestTable walks the codes of Firebase's documents. Three codes have a second
// class that depends on more than the code; TestOutcome and TestMismatch have them.
func TestTable(t *testing.T) {
	t.Parallel()
	providertest.Table(t, Codes(), map[string]message.Class{
		// The token is dead.
		"UNREGISTERED": message.InvalidToken,
		// The message is wrong.
		"INVALID_ARGUMENT": message.Rejected,
		// The access token ran out.
		"UNAUTHENTICATED": message.AuthExpired,
		// The channel is unhealthy.
		"SENDER_ID_MISMATCH":     message.CredentialRejected,
		"PERMISSION_DENIED":      message.CredentialRejected,
		"NOT_FOUND":              message.CredentialRejected,
		"THIRD_PARTY_AUTH_ERROR": message.CredentialRejected,
		"invalid_grant":          message.CredentialRejected,
		"invalid_client":         message.CredentialRejected,
		// Slower, please.
		"QUOTA_EXCEEDED":     message.Throttled,
		"RESOURCE_EXHAUSTED": message.Throttled,
		// Again, later.
		"UNAVAILABLE":       message.Transient,
		"INTERNAL":          message.Transient,
		"UNSPECIFIED_ERROR": message.Unknown,
	})
}

func TestDocs(t *testing.T) {
	t.Parallel()
	providertest.Docs(t, "../../../docs/vendors/fcm.md", Codes())
}

const fcmError = `{"@type":"type.googleapis.com/google.firebase.fcm.v1.FcmError","errorCode":"%"}`

func withCode(code, status, words string, details ...string) string {
	all := append([]string{strings.Replace(fcmError, "%", code, 1)}, details...)
	return `{"error":{"code":400,"message":"` + words + `","status":"` + status + `","details":[` + strings.Join(all, ",") + `]}}`
}

func violations(field string) string {
	return `{"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"field":"` + field + `","description":"bad"}]}`
}

func quotaFailure(subject, description string) string {
	return `{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"subject":"` + subject + `","description":"` + description + `"}]}`
}

func TestOutcome(t *testing.T) {
	t.Parallel()
	const notValid = "The registration token is not a valid FCM registration token"
	tests := []struct {
		name   string
		answer provider.Answer
		want   message.Outcome
	}{
		{
			"accepted",
			provider.Answer{Status: 200, Body: []byte(`{"name":"projects/p/messages/0:1%2"}`)},
			message.Outcome{Class: message.Accepted, HTTPStatus: 200, VendorMessageID: "0:1%2"},
		},
		{
			"the FcmError counts before the status",
			provider.Answer{Status: 401, Body: []byte(withCode("THIRD_PARTY_AUTH_ERROR", "UNAUTHENTICATED", "no APNs key"))},
			message.Outcome{Class: message.CredentialRejected, HTTPStatus: 401, Code: "THIRD_PARTY_AUTH_ERROR", Detail: "no APNs key"},
		},
		{
			"token blamed by words",
			provider.Answer{Status: 400, Body: []byte(withCode("INVALID_ARGUMENT", "INVALID_ARGUMENT", notValid))},
			message.Outcome{Class: message.InvalidToken, HTTPStatus: 400, Code: "INVALID_ARGUMENT", Detail: notValid},
		},
		{
			"token blamed by field",
			provider.Answer{Status: 400, Body: []byte(withCode("INVALID_ARGUMENT", "INVALID_ARGUMENT", "bad request", violations("message.token")))},
			message.Outcome{Class: message.InvalidToken, HTTPStatus: 400, Code: "INVALID_ARGUMENT", Detail: "bad request; message.token: bad"},
		},
		{
			"another field blamed, whatever the words",
			provider.Answer{Status: 400, Body: []byte(withCode("INVALID_ARGUMENT", "INVALID_ARGUMENT", notValid, violations("message.android.ttl")))},
			message.Outcome{Class: message.Rejected, HTTPStatus: 400, Code: "INVALID_ARGUMENT", Detail: notValid + "; message.android.ttl: bad"},
		},
		{
			"words without an FcmError blame nothing",
			provider.Answer{Status: 400, Body: []byte(`{"error":{"status":"INVALID_ARGUMENT","message":"` + notValid + `"}}`)},
			message.Outcome{Class: message.Rejected, HTTPStatus: 400, Code: "INVALID_ARGUMENT", Detail: notValid},
		},
		{
			"quota with a wait",
			provider.Answer{Status: 429, RetryAfter: 7 * time.Second, Body: []byte(withCode("QUOTA_EXCEEDED", "RESOURCE_EXHAUSTED", "slow"))},
			message.Outcome{Class: message.Throttled, HTTPStatus: 429, Code: "QUOTA_EXCEEDED", Detail: "slow", RetryAfter: 7 * time.Second},
		},
		{
			"quota without a wait",
			provider.Answer{Status: 429, Body: []byte(withCode("QUOTA_EXCEEDED", "RESOURCE_EXHAUSTED", "slow"))},
			message.Outcome{Class: message.Throttled, HTTPStatus: 429, Code: "QUOTA_EXCEEDED", Detail: "slow", RetryAfter: time.Minute},
		},
		{
			"quota of the project",
			provider.Answer{Status: 429, Body: []byte(withCode("QUOTA_EXCEEDED", "RESOURCE_EXHAUSTED", "slow", quotaFailure("project:p", "Send requests per minute")))},
			message.Outcome{
				Class: message.Throttled, HTTPStatus: 429, Code: "QUOTA_EXCEEDED", RetryAfter: time.Minute,
				Detail: "slow; project:p: Send requests per minute",
			},
		},
		{
			"quota of the phone",
			provider.Answer{Status: 429, Body: []byte(withCode("QUOTA_EXCEEDED", "RESOURCE_EXHAUSTED", "slow", quotaFailure("Device:7", "rate")))},
			message.Outcome{
				Class: message.Throttled, HTTPStatus: 429, Code: "QUOTA_EXCEEDED", RetryAfter: time.Minute, PhoneOnly: true,
				Detail: "slow; Device:7: rate",
			},
		},
		{
			"quota of the phone, in words",
			provider.Answer{Status: 429, Body: []byte(`{"error":{"status":"RESOURCE_EXHAUSTED","message":"Device Message Rate Exceeded"}}`)},
			message.Outcome{
				Class: message.Throttled, HTTPStatus: 429, Code: "RESOURCE_EXHAUSTED", RetryAfter: time.Minute, PhoneOnly: true,
				Detail: "Device Message Rate Exceeded",
			},
		},
		{
			"overload without a wait",
			provider.Answer{Status: 503, Body: []byte(`{"error":{"status":"UNAVAILABLE","message":"busy"}}`)},
			message.Outcome{Class: message.Transient, HTTPStatus: 503, Code: "UNAVAILABLE", Detail: "busy", RetryAfter: 10 * time.Second},
		},
		{
			"a code of tomorrow",
			provider.Answer{Status: 409, Body: []byte(withCode("MOON_PHASE", "ABORTED", "full"))},
			message.Outcome{Class: message.Unknown, HTTPStatus: 409, Code: "MOON_PHASE", Detail: "full"},
		},
		{
			"a failure of tomorrow",
			provider.Answer{Status: 502, Body: []byte(withCode("MOON_PHASE", "ABORTED", "full"))},
			message.Outcome{Class: message.Transient, HTTPStatus: 502, Code: "MOON_PHASE", Detail: "full", RetryAfter: 10 * time.Second},
		},
		{
			"an error with status 200",
			provider.Answer{Status: 200, Body: []byte(`{"error":{"status":"INTERNAL"}}`)},
			message.Outcome{Class: message.Transient, HTTPStatus: 200, Detail: "HTTP 200 without the vendor's answer", RetryAfter: 10 * time.Second},
		},
		{
			"401 without a body",
			provider.Answer{Status: 401},
			message.Outcome{Class: message.AuthExpired, HTTPStatus: 401, Detail: "HTTP 401 without the vendor's answer"},
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

// TestEveryCode finds the row's class both in an FcmError and in a status.
func TestEveryCode(t *testing.T) {
	t.Parallel()
	for _, c := range Codes() {
		for _, body := range []string{withCode(c.Code, "ABORTED", "x"), `{"error":{"status":"` + c.Code + `","message":"x"}}`} {
			o := outcome(provider.Answer{Status: max(c.HTTP, http.StatusBadRequest), Body: []byte(body)}, provider.IndexCodes(Codes()))
			if o.Class != c.Class || o.Code != c.Code {
				t.Errorf("%s: got %+v", body, o)
			}
		}
	}
}

func FuzzOutcome(f *testing.F) {
	for _, c := range Codes() {
		f.Add(c.HTTP, []byte(withCode(c.Code, c.Code, "words", violations("message.token"))))
	}
	f.Add(200, []byte(`{"name":"projects/p/messages/1"}`))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		const token = "tok-123456"
		o := outcome(provider.Answer{Status: status, Body: body}, provider.IndexCodes(Codes()), token)
		if o.Class == message.Accepted && (status != http.StatusOK || o.VendorMessageID == "") {
			t.Errorf("accepted by %d %q", status, body)
		}
		if o.Class == "" || utf8.RuneCountInString(o.Detail) > 256 || utf8.RuneCountInString(o.Code) > 256 || strings.Contains(o.Detail+o.Code, token) {
			t.Errorf("%d %q: got %+v", status, body, o)
		}
	})
}
