package fcm

import (
	"encoding/json"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
)

// Waits that Firebase's guides ask for where an answer has no Retry-After.
const (
	quotaWait   = time.Minute
	failureWait = 10 * time.Second
)

// sent is the answer to an accepted message.
type sent struct {
	Name string `json:"name"`
}

// failure is the shape of FCM's errors.
type failure struct {
	Error struct {
		Message string   `json:"message"`
		Status  string   `json:"status"`
		Details []detail `json:"details"`
	} `json:"error"`
}

// detail is an FcmError, a google.rpc.BadRequest or a google.rpc.QuotaFailure; other kinds leave it empty.
type detail struct {
	Type            string           `json:"@type"`
	ErrorCode       string           `json:"errorCode"`
	FieldViolations []violation      `json:"fieldViolations"`
	Violations      []quotaViolation `json:"violations"`
}

type violation struct {
	Field       string `json:"field"`
	Description string `json:"description"`
}

type quotaViolation struct {
	Subject     string `json:"subject"`
	Description string `json:"description"`
}

// outcome reads the answer to a message for one phone. None of hide is shown.
func outcome(a provider.Answer, codes provider.CodeIndex, hide ...string) message.Outcome {
	if a.Status == http.StatusOK {
		return accepted(a)
	}
	var f failure
	if json.Unmarshal(a.Body, &f) != nil || f.code() == "" {
		return malformed(a)
	}
	o := message.Outcome{
		Class:      provider.ClassOf(a.Status),
		Code:       provider.Words(f.code(), hide...),
		HTTPStatus: a.Status,
		Detail:     provider.Words(f.words(), hide...),
	}
	if row, ok := codes[f.code()]; ok {
		o.Class = row.Class
	} else if a.Status < http.StatusInternalServerError {
		o.Class = message.Unknown
	}
	if f.code() == invalidArgument && f.blamesToken() {
		o.Class = message.InvalidToken
	}
	if f.code() == quotaExceeded || f.code() == resourceExhausted {
		o.PhoneOnly = f.blamesDevice()
	}
	o.RetryAfter = wait(o.Class, a.RetryAfter)
	return o
}

func accepted(a provider.Answer) message.Outcome {
	var s sent
	if json.Unmarshal(a.Body, &s) != nil {
		return malformed(a)
	}
	id := provider.Words(path.Base(s.Name))
	if s.Name == "" || id == "" {
		return malformed(a)
	}
	return message.Outcome{Class: message.Accepted, HTTPStatus: a.Status, VendorMessageID: id}
}

// malformed goes by the status. FCM says 401 when an access token is refused.
func malformed(a provider.Answer) message.Outcome {
	o := a.Malformed()
	if a.Status == http.StatusUnauthorized {
		o.Class = message.AuthExpired
	}
	o.RetryAfter = wait(o.Class, a.RetryAfter)
	return o
}

func wait(c message.Class, asked time.Duration) time.Duration {
	switch {
	case asked > 0:
		return asked
	case c == message.Throttled:
		return quotaWait
	case c == message.Transient:
		return failureWait
	}
	return 0
}

// code is the FcmError's code, which says more than the status.
func (f failure) code() string {
	for _, d := range f.Error.Details {
		if d.ErrorCode != "" {
			return d.ErrorCode
		}
	}
	return f.Error.Status
}

func (f failure) words() string {
	var b strings.Builder
	b.WriteString(f.Error.Message)
	for _, v := range f.violations() {
		b.WriteString("; " + v.Field + ": " + v.Description)
	}
	for _, d := range f.Error.Details {
		for _, v := range d.Violations {
			b.WriteString("; " + v.Subject + ": " + v.Description)
		}
	}
	return b.String()
}

func (f failure) violations() (all []violation) {
	for _, d := range f.Error.Details {
		all = append(all, d.FieldViolations...)
	}
	return all
}

// blamesDevice tells the rate of one phone from that of the project, by words alone.
func (f failure) blamesDevice() bool { return strings.Contains(strings.ToLower(f.words()), "device") }

// blamesToken tells a dead token from a wrong message. FCM answers both with
// INVALID_ARGUMENT: a token is blamed by field, or without any field by an
// FcmError whose message is the only sign.
func (f failure) blamesToken() bool {
	violations := f.violations()
	for _, v := range violations {
		if v.Field == "message.token" || v.Field == "message.fid" {
			return true
		}
	}
	fcmError := false
	for _, d := range f.Error.Details {
		fcmError = fcmError || d.ErrorCode != ""
	}
	return len(violations) == 0 && fcmError && strings.Contains(f.Error.Message, "not a valid FCM")
}
