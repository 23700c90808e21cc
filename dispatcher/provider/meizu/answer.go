package meizu

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
)

// throttleWait is the first wait after too many requests; Meizu names none.
const throttleWait = time.Second

// reply is the shape of every answer.
type reply struct {
	Code     provider.Number `json:"code"`
	Message  string          `json:"message"`
	MsgID    string          `json:"msgId"`
	Redirect string          `json:"redirect"`
	Value    value           `json:"value"`
}

// value holds the push ids that were not taken, by code. In answers without any it is an empty text or an empty object, and in
// those to other calls a list.
type value map[string][]string

// UnmarshalJSON implements json.Unmarshaler. It never fails: an answer with a
// strange value still has its code.
func (v *value) UnmarshalJSON(b []byte) error {
	var object map[string]json.RawMessage
	if json.Unmarshal(b, &object) != nil {
		return nil
	}
	*v = value{}
	for code, raw := range object {
		var list []string
		var text string
		switch {
		case json.Unmarshal(raw, &list) == nil:
			(*v)[code] = list
		case json.Unmarshal(raw, &text) == nil:
			(*v)[code] = strings.Split(text, ",")
		}
	}
	return nil
}

// outcome reads an answer as a whole; named holds the outcomes of the push ids that value names. None of hide is shown.
func outcome(a provider.Answer, codes provider.CodeIndex, now time.Time, hide ...string) (o message.Outcome, named map[string]message.Outcome) {
	var r reply
	if json.Unmarshal(a.Body, &r) != nil || r.Code == "" {
		return malformed(a), nil
	}
	o = classify(string(r.Code), codes, now, hide)
	o.HTTPStatus = a.Status
	if o.Class == message.Accepted && a.Status == http.StatusOK {
		o.VendorMessageID = provider.Words(r.MsgID, hide...)
		return o, r.named(o, codes, now, hide)
	}
	if o.Class == message.Accepted {
		o.Class = message.Unknown // it contradicts itself
	}
	o.Detail, o.RetryAfter = provider.Words(r.Message, hide...), max(o.RetryAfter, a.RetryAfter)
	return o, nil
}

// named are the outcomes of the push ids in value.
func (r reply) named(whole message.Outcome, codes provider.CodeIndex, now time.Time, hide []string) map[string]message.Outcome {
	named := map[string]message.Outcome{}
	for code, ids := range r.Value {
		o := classify(code, codes, now, hide)
		o.HTTPStatus, o.Detail, o.PhoneOnly = whole.HTTPStatus, "named in value", code == codePhoneQuota
		switch {
		case code == codeRate:
			o.Class, o.RetryAfter = message.Rejected, 0
			o.Detail = "the user switched off notifications"
		case o.Class == message.Accepted:
			o.VendorMessageID = whole.VendorMessageID
			o.Detail = "folded: the phone had the same push more than five times within a minute"
		}
		for _, id := range ids {
			named[id] = o
		}
	}
	return named
}

func classify(code string, codes provider.CodeIndex, now time.Time, hide []string) message.Outcome {
	o := message.Outcome{Class: message.Unknown, Code: provider.Words(code, hide...)}
	if row, ok := codes[code]; ok {
		o.Class = row.Class
	}
	if o.Class == message.QuotaExhausted {
		o.RetryAfter = provider.UntilMidnight(now)
	}
	if o.Class == message.Throttled {
		o.RetryAfter = throttleWait
	}
	return o
}

func malformed(a provider.Answer) message.Outcome {
	o := a.Malformed()
	if o.Class == message.Throttled {
		o.RetryAfter = max(o.RetryAfter, throttleWait)
	}
	return o
}

// redirect is the address that an answer points to, if it is over HTTPS at Meizu or at the host that was asked.
func redirect(a provider.Answer, base string) string {
	var r reply
	if json.Unmarshal(a.Body, &r) != nil || string(r.Code) != codeRedirect {
		return ""
	}
	asked, err := url.Parse(base)
	if err != nil {
		return ""
	}
	to, err := url.Parse(r.Redirect)
	if err != nil || to.Scheme != "https" || to.User != nil || to.RawQuery != "" || to.Host != asked.Host && !strings.HasSuffix(to.Host, ".meizu.com") {
		return ""
	}
	return to.String()
}
