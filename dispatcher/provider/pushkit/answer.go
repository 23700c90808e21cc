package pushkit

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
)

// text reads what Huawei writes as text, and mostly is: a number or an object is kept as it is written.
type text string

// UnmarshalJSON implements json.Unmarshaler.
func (t *text) UnmarshalJSON(b []byte) error {
	var s string
	if json.Unmarshal(b, &s) != nil {
		s = string(b)
	}
	*t = text(s)
	return nil
}

// reply is the shape of every answer to a push.
type reply struct {
	Code      text   `json:"code"`
	Msg       text   `json:"msg"`
	RequestID string `json:"requestId"`
}

// verdict is what an answer says of a request, and of the phones that it names.
type verdict struct {
	outcome message.Outcome
	named   map[string]message.Outcome // by token
}

// of is the outcome of one phone.
func (v verdict) of(token string) message.Outcome {
	if o, ok := v.named[token]; ok {
		return o
	}
	return v.outcome
}

// namesAll tells whether no phone is left to the outcome of the whole.
func (v verdict) namesAll(tokens []string) bool {
	return !slices.ContainsFunc(tokens, func(t string) bool { _, ok := v.named[t]; return !ok })
}

// read reads an answer. None of hide is shown.
func read(a provider.Answer, codes provider.CodeIndex, hide ...string) verdict {
	var r reply
	if json.Unmarshal(a.Body, &r) != nil || r.Code == "" {
		return verdict{outcome: byStatus(a, codes)}
	}
	code := string(r.Code)
	o := message.Outcome{
		Class: message.Unknown, Code: provider.Words(code, hide...), HTTPStatus: a.Status,
		Detail: provider.Words(string(r.Msg), hide...), RetryAfter: a.RetryAfter,
	}
	row, known := codes[code]
	if !known {
		row, known = codes[statusCode(a.Status)]
	}
	if known {
		o.Class = row.Class
	}
	switch {
	case o.Class == message.Accepted && a.Status != http.StatusOK:
		o.Class = message.Unknown // it contradicts itself
	case o.Class == message.Accepted:
		return r.accepted(a, codes, hide)
	case o.Class == message.Throttled:
		o.RetryAfter = max(o.RetryAfter, time.Second)
	}
	v := verdict{outcome: o}
	if code == codeAllRefused {
		v.named, _ = r.refused(o.HTTPStatus, codes)
	}
	return v
}

// byStatus is the verdict of an answer without Huawei's shape. A wrong message is nothing that a proxy could know of.
func byStatus(a provider.Answer, codes provider.CodeIndex) message.Outcome {
	o := a.Malformed()
	row, ok := codes[statusCode(a.Status)]
	if !ok || row.Class == message.Rejected {
		return o
	}
	o.Class, o.Code = row.Class, row.Code
	if o.Class == message.Throttled {
		o.RetryAfter = max(o.RetryAfter, time.Second)
	}
	return o
}

// statusCode is the row of a status that comes without a code of its own.
func statusCode(status int) string { return "HTTP " + strconv.Itoa(status) }

// accepted reads an answer that took the message for all or some phones.
func (r reply) accepted(a provider.Answer, codes provider.CodeIndex, hide []string) verdict {
	v := verdict{outcome: message.Outcome{
		Class: message.Accepted, Code: string(r.Code), HTTPStatus: a.Status, VendorMessageID: provider.Words(r.RequestID, hide...),
	}}
	if r.Code != codePartial {
		return v
	}
	named, ok := r.refused(a.Status, codes)
	if !ok {
		v.outcome.Class, v.outcome.Detail = message.Unknown, "some phones were refused, and msg does not say which"
		return v
	}
	v.named = named
	return v
}

// refused reads the phones that msg names: JSON in a text, with lists of tokens by reason. A reason counts more than the
// list of all refused ones. It is not ok if none is named.
func (r reply) refused(status int, codes provider.CodeIndex) (named map[string]message.Outcome, ok bool) {
	var lists map[string]json.RawMessage
	if json.Unmarshal([]byte(r.Msg), &lists) != nil {
		return nil, false
	}
	named = map[string]message.Outcome{}
	for _, key := range plainLists() {
		refuse(named, tokensOf(lists[key]), message.Outcome{
			Class: message.InvalidToken, Code: string(r.Code), HTTPStatus: status, Detail: "named in msg." + key,
		})
		var inner map[string]json.RawMessage
		if json.Unmarshal(lists[key], &inner) == nil {
			byReason(named, inner, status, codes)
		}
		delete(lists, key)
	}
	byReason(named, lists, status, codes)
	return named, len(named) > 0
}

// plainLists are the keys of v1 and v3 that hold all refused tokens, or those of v3 their reasons.
func plainLists() []string { return []string{"illegal_tokens", "illegalTokens"} }

func byReason(named map[string]message.Outcome, lists map[string]json.RawMessage, status int, codes provider.CodeIndex) {
	for _, reason := range slices.Sorted(maps.Keys(lists)) {
		o := message.Outcome{
			Class: message.Unknown, Code: provider.Words(reason), HTTPStatus: status, Detail: "named in msg with this reason",
		}
		if row, ok := codes[reason]; ok {
			o.Class = row.Class
		}
		refuse(named, tokensOf(lists[reason]), o)
	}
}

func refuse(named map[string]message.Outcome, tokens []string, o message.Outcome) {
	for _, t := range tokens {
		named[t] = o
	}
}

// tokensOf reads a list of tokens; anything else names none.
func tokensOf(list json.RawMessage) []string {
	var tokens []string
	if json.Unmarshal(list, &tokens) != nil {
		return nil
	}
	return tokens
}
