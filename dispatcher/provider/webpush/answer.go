package webpush

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"path"
	"strconv"
	"strings"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
)

// refusal is the shape of Mozilla's errors, which have an errno, and of Apple's, which have a reason.
type refusal struct {
	Errno   int    `json:"errno"`
	Message string `json:"message"`
	Reason  string `json:"reason"`
}

// mismatches are how Google and Mozilla say that a subscription is of another VAPID key.
func mismatches() []string {
	return []string{"do not correspond to the credentials", "vapid public key mismatch"}
}

// outcome reads the answer of a push service, which is the status first of all. None of hide is shown.
func outcome(a provider.Answer, codes provider.CodeIndex, hide ...string) message.Outcome {
	var r refusal
	shaped := json.Unmarshal(a.Body, &r) == nil && a.Status >= http.StatusMultipleChoices
	o := message.Outcome{HTTPStatus: a.Status, RetryAfter: a.RetryAfter, Detail: provider.Words(words(a), hide...)}
	if shaped && cmp.Or(r.Message, r.Reason) != "" {
		o.Detail = provider.Words(cmp.Or(r.Message, r.Reason), hide...)
	}
	code := codeOf(a, r, shaped)
	o.Code, o.Class = provider.Words(code, hide...), classOf(a.Status, code, codes)
	if o.Class == message.Accepted {
		o.Code, o.Detail, o.VendorMessageID = "", "", provider.Words(messageID(a.Header), hide...)
	}
	return o
}

// words are our own where the answer is no JSON. Windows has a header for them.
func words(a provider.Answer) string {
	if said := a.Header.Get("X-WNS-Error-Description"); said != "" {
		return said
	}
	return strings.TrimSpace(fmt.Sprintf("HTTP %d %s", a.Status, http.StatusText(a.Status)))
}

func codeOf(a provider.Answer, r refusal, shaped bool) string {
	refused := a.Status >= http.StatusBadRequest && a.Status < http.StatusInternalServerError
	for _, m := range mismatches() {
		if refused && strings.Contains(strings.ToLower(string(a.Body)), m) {
			return keyMismatch
		}
	}
	switch {
	case shaped && r.Errno > 0:
		return "errno " + strconv.Itoa(r.Errno)
	case shaped && r.Reason != "":
		return r.Reason
	}
	return strconv.Itoa(a.Status)
}

// classOf takes a code that the table does not know for its status, but not with 400, which says too little. A request for
// patience is one whatever its code, and only a status can say that a push was taken.
func classOf(status int, code string, codes provider.CodeIndex) message.Class {
	row, ok := codes[code]
	if ok && status != http.StatusTooManyRequests && (row.Class != message.Accepted || code == strconv.Itoa(status)) {
		return row.Class
	}
	if row, ok := codes[strconv.Itoa(status)]; ok && status != http.StatusBadRequest {
		return row.Class
	}
	return provider.ClassOf(status)
}

// messageID is the last part of the message's address, or what Apple and Windows give instead.
func messageID(h http.Header) string {
	if location := h.Get("Location"); location != "" {
		return path.Base(location)
	}
	return cmp.Or(h.Get("Apns-Id"), h.Get("X-WNS-Msg-Id"))
}
