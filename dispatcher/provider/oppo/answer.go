package oppo

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
)

// reply is the shape of every answer.
type reply struct {
	Code    provider.Number `json:"code"`
	Message string          `json:"message"`
}

// result is what an answer says of one phone.
type result struct {
	MessageID      string          `json:"messageId"`
	OtherMessageID string          `json:"message_id"`
	RegistrationID string          `json:"registrationId"`
	ErrorCode      provider.Number `json:"errorCode"`
	ErrorMessage   string          `json:"errorMessage"`
}

// results are an object in the answer to a push to one phone, and a list in that to a push to many.
type results []result

// UnmarshalJSON implements json.Unmarshaler. It never fails: what cannot be read says nothing of a phone.
func (r *results) UnmarshalJSON(b []byte) error {
	var list []json.RawMessage
	if json.Unmarshal(b, &list) != nil {
		list = []json.RawMessage{b}
	}
	for _, raw := range list {
		var one result
		if json.Unmarshal(raw, &one) == nil {
			*r = append(*r, one)
		}
	}
	return nil
}

// outcome reads an answer as a whole. None of hide is shown.
func (c caller) outcome(a provider.Answer, now time.Time, hide ...string) message.Outcome {
	var r reply
	if json.Unmarshal(a.Body, &r) != nil || r.Code == "" {
		return a.Malformed()
	}
	return c.judge(a, r.Code, provider.Words(r.Message, hide...), now)
}

// judge says what a code means, of the whole answer or of one phone.
func (c caller) judge(a provider.Answer, code provider.Number, words string, now time.Time) message.Outcome {
	o := message.Outcome{
		Class: message.Unknown, Code: provider.Words(string(code)), HTTPStatus: a.Status, Detail: words, RetryAfter: a.RetryAfter,
	}
	if row, ok := c.codes[string(code)]; ok {
		row.Judge(&o)
	}
	switch {
	case o.Class == message.Accepted && a.Status != http.StatusOK:
		o.Class = message.Unknown // it contradicts itself
	case code == codeOK:
		o.Detail, o.RetryAfter = "", 0
	case o.Class == message.QuotaExhausted:
		o.RetryAfter = provider.UntilMidnight(now)
	case o.Class == message.Throttled:
		o.RetryAfter = max(o.RetryAfter, time.Second)
	}
	return o
}

// outcomes reads the answer to a push: what it says as a whole and, when it was taken, of each of the tokens.
func (c caller) outcomes(a provider.Answer, now time.Time, tokens []string, hide ...string) (whole message.Outcome, named map[string]message.Outcome) {
	whole = c.outcome(a, now, slices.Concat(hide, tokens)...)
	if whole.Code != codeOK || whole.Class != message.Accepted {
		return whole, nil
	}
	results := resultsOf(a, tokens)
	named = make(map[string]message.Outcome, len(tokens))
	for _, token := range tokens {
		one, ok := results[token]
		if !ok && len(tokens) > 1 {
			o := whole
			o.Class, o.Detail = message.Unknown, "the answer says nothing of this phone"
			named[token] = o
			continue
		}
		hide := append(slices.Clone(hide), token)
		o := c.judge(a, cmp.Or(one.ErrorCode, codeOK), provider.Words(one.ErrorMessage, hide...), now)
		if o.Class == message.Accepted {
			o.VendorMessageID = provider.Words(cmp.Or(one.MessageID, one.OtherMessageID), hide...)
		}
		named[token] = o
	}
	return whole, named
}

// resultsOf are the results of the phones by their tokens. Where the answer does not name the phones, it has their order.
func resultsOf(a provider.Answer, tokens []string) map[string]result {
	var r struct {
		Data results `json:"data"`
	}
	_ = json.Unmarshal(a.Body, &r) // was read before
	named := make(map[string]result, len(r.Data))
	for i, one := range r.Data {
		if one.RegistrationID == "" && len(r.Data) == len(tokens) {
			one.RegistrationID = tokens[i]
		}
		named[one.RegistrationID] = one
	}
	return named
}
