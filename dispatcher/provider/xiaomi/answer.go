package xiaomi

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
)

// reply is the shape of every answer. encoding/json ignores the case of names,
// which bad_regids needs.
type reply struct {
	Result      string          `json:"result"`
	Code        provider.Number `json:"code"`
	Description string          `json:"description"`
	Info        string          `json:"info"`
	Reason      string          `json:"reason"`
	TraceID     string          `json:"trace_id"`
	Data        data            `json:"data"`
}

// data is an object in the answers to a push; other calls answer other shapes.
type data struct {
	ID        string
	BadRegIDs []string
}

// UnmarshalJSON implements json.Unmarshaler. It never fails: an answer with
// strange data still has its code.
func (d *data) UnmarshalJSON(b []byte) error {
	var object struct {
		ID        string `json:"id"`
		BadRegIDs string `json:"bad_regids"`
	}
	if json.Unmarshal(b, &object) != nil {
		return nil
	}
	*d = data{ID: object.ID}
	for id := range strings.SplitSeq(object.BadRegIDs, ",") {
		if id = strings.TrimSpace(id); id != "" {
			d.BadRegIDs = append(d.BadRegIDs, id)
		}
	}
	return nil
}

// outcome reads an answer as a whole; bad holds the ids that an accepted
// request names as dead. None of hide is shown.
func outcome(a provider.Answer, codes provider.CodeIndex, now time.Time, hide ...string) (o message.Outcome, bad map[string]bool) {
	var r reply
	if json.Unmarshal(a.Body, &r) != nil || r.Code == "" {
		return a.Malformed(), nil
	}
	o = message.Outcome{
		Class:      message.Unknown,
		Code:       provider.Words(string(r.Code), hide...),
		HTTPStatus: a.Status,
		Detail:     provider.Words(r.words(), hide...),
		RetryAfter: a.RetryAfter,
	}
	if row, ok := codes[string(r.Code)]; ok {
		row.Judge(&o)
	}
	switch {
	case r.Code == codeOK && (r.Result == "error" || a.Status != http.StatusOK):
		o.Class = message.Unknown // it contradicts itself
	case o.Class == message.Accepted:
		return r.accepted(a.Status, hide)
	case o.Class == message.QuotaExhausted:
		o.RetryAfter = provider.UntilMidnight(now)
	case o.Class == message.Throttled:
		o.RetryAfter = max(o.RetryAfter, time.Second)
	}
	return o, nil
}

func (r reply) accepted(status int, hide []string) (message.Outcome, map[string]bool) {
	id := r.Data.ID
	if id == "" {
		id = r.TraceID
	}
	bad := make(map[string]bool, len(r.Data.BadRegIDs))
	for _, b := range r.Data.BadRegIDs {
		bad[b] = true
	}
	return message.Outcome{
		Class: message.Accepted, Code: codeOK, HTTPStatus: status, VendorMessageID: provider.Words(id, hide...),
	}, bad
}

// words joins what Xiaomi says, each once.
func (r reply) words() string {
	words := r.Reason
	for _, more := range []string{r.Description, r.Info} {
		if more != "" && !strings.Contains(words, more) {
			words = strings.TrimPrefix(words+"; "+more, "; ")
		}
	}
	return words
}
