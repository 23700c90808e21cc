package honor

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
)

// throttleWait is the first wait after too many requests, where Honor names none.
const throttleWait = time.Second

// reply is the shape of every answer.
type reply struct {
	Code    provider.Number `json:"code"`
	Message string          `json:"message"`
	Data    data            `json:"data"`
}

type data struct {
	SendResult   *bool    `json:"sendResult"`
	RequestID    string   `json:"requestId"`
	FailTokens   []string `json:"failTokens"`
	ExpireTokens []string `json:"expireTokens"`
}

// UnmarshalJSON implements json.Unmarshaler. It never fails: an answer with
// strange data still has its code.
func (d *data) UnmarshalJSON(b []byte) error {
	type plain data
	var p plain
	if json.Unmarshal(b, &p) == nil {
		*d = data(p)
	}
	return nil
}

// outcome reads an answer as a whole; named holds the outcomes of the tokens that an
// accepted request names as dead. None of hide is shown.
func outcome(a provider.Answer, codes provider.CodeIndex, now time.Time, hide ...string) (o message.Outcome, named map[string]message.Outcome) {
	var r reply
	if json.Unmarshal(a.Body, &r) != nil || r.Code == "" {
		return malformed(a), nil
	}
	o = message.Outcome{
		Class:      message.Unknown,
		Code:       provider.Words(string(r.Code), hide...),
		HTTPStatus: a.Status,
		Detail:     provider.Words(r.Message, hide...),
		RetryAfter: a.RetryAfter,
	}
	if row, ok := codes[string(r.Code)]; ok {
		row.Judge(&o)
	}
	if o.Class == message.Accepted {
		return r.accepted(o, hide)
	}
	o.RetryAfter = wait(o, now)
	return o, nil
}

// malformed goes by the status. Honor says 401 or 403 when an access token is refused.
func malformed(a provider.Answer) message.Outcome {
	o := a.Malformed()
	switch {
	case a.Status == http.StatusUnauthorized, a.Status == http.StatusForbidden:
		o.Class = message.AuthExpired
	case o.Class == message.Throttled:
		o.RetryAfter = max(o.RetryAfter, throttleWait)
	}
	return o
}

func wait(o message.Outcome, now time.Time) time.Duration {
	if o.Class == message.QuotaExhausted {
		return provider.UntilMidnight(now)
	}
	if o.Class == message.Throttled {
		return max(o.RetryAfter, throttleWait)
	}
	return o.RetryAfter
}

// accepted tells a push that was taken, or taken in part, from a contradiction: the phones of that are tried again.
func (r reply) accepted(o message.Outcome, hide []string) (message.Outcome, map[string]message.Outcome) {
	named := map[string]message.Outcome{}
	for field, tokens := range map[string][]string{"data.failTokens": r.Data.FailTokens, "data.expireTokens": r.Data.ExpireTokens} {
		for _, token := range tokens {
			named[token] = message.Outcome{Class: message.InvalidToken, Code: o.Code, HTTPStatus: o.HTTPStatus, Detail: "named in " + field}
		}
	}
	partly, failed := o.Code == codePartly, r.Data.SendResult != nil && !*r.Data.SendResult
	switch {
	case o.HTTPStatus != http.StatusOK:
		o.Class = message.Unknown
		return o, nil
	case partly && len(named) == 0, failed && !partly:
		o.Class = message.Unknown
	default:
		o.Detail, o.RetryAfter, o.VendorMessageID = "", 0, provider.Words(r.Data.RequestID, hide...)
	}
	return o, named
}
