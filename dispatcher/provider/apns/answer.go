package apns

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
)

const (
	// phoneWait is the wait for a phone that got too many pushes.
	phoneWait = 30 * time.Second
	// updatesWait is the wait for a JWT that came too early; no other is made meanwhile.
	updatesWait = 5 * time.Minute
)

// failure is the shape of APNs's errors.
type failure struct {
	Reason string `json:"reason"`
	// Timestamp is when the token became invalid, in milliseconds; 0 where APNs does not tell.
	Timestamp int64 `json:"timestamp"`
}

// outcome reads the answer to a push. None of hide is shown.
func outcome(a provider.Answer, codes provider.CodeIndex, hide ...string) message.Outcome {
	if a.Status == http.StatusOK {
		return accepted(a)
	}
	var f failure
	if json.Unmarshal(a.Body, &f) != nil || f.Reason == "" {
		return a.Malformed()
	}
	words := provider.Words(f.Reason, hide...)
	o := message.Outcome{Class: provider.ClassOf(a.Status), Code: words, HTTPStatus: a.Status, Detail: words, RetryAfter: a.RetryAfter}
	if row, ok := codes[f.Reason]; ok {
		o.Class = row.Class
	} else if a.Status < http.StatusInternalServerError {
		o.Class = message.Unknown
	}
	switch {
	case f.Reason == tooManyRequests:
		o.PhoneOnly, o.RetryAfter = true, max(o.RetryAfter, phoneWait)
	case o.Class == message.Throttled:
		o.RetryAfter = max(o.RetryAfter, updatesWait)
	}
	if o.Class == message.InvalidToken && f.Timestamp > 0 {
		o.InvalidSince = time.UnixMilli(f.Timestamp)
	}
	return o
}

// accepted is proven by the id that APNs echoes: the body is empty, as anybody's may be.
func accepted(a provider.Answer) message.Outcome {
	id := provider.Words(a.Header.Get("apns-id"))
	if id == "" {
		return a.Malformed()
	}
	return message.Outcome{Class: message.Accepted, HTTPStatus: a.Status, VendorMessageID: id}
}
