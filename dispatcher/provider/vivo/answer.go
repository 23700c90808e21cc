package vivo

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
)

// reply is the shape of every answer.
type reply struct {
	Result    provider.Number `json:"result"`
	Desc      string          `json:"desc"`
	AuthToken string          `json:"authToken"`
	TaskID    text            `json:"taskId"`
	// A single push names one user, a list several; some of vivo's clients read those in data.
	InvalidUser  users `json:"invalidUser"`
	InvalidUsers users `json:"invalidUsers"`
	Data         users `json:"data"`
}

// text is text that some answers write as a number. Anything else reads as empty.
type text string

// UnmarshalJSON implements json.Unmarshaler. It never fails: an answer with a strange field still has its code.
func (t *text) UnmarshalJSON(b []byte) error {
	var s string
	var n json.Number
	switch {
	case json.Unmarshal(b, &s) == nil:
		*t = text(s)
	case json.Unmarshal(b, &n) == nil:
		*t = text(n)
	}
	return nil
}

// user is a phone that vivo does not push to.
type user struct {
	Status text `json:"status"`
	UserID text `json:"userid"`
}

// users are one or several.
type users []user

// UnmarshalJSON implements json.Unmarshaler. It never fails, like that of text.
func (u *users) UnmarshalJSON(b []byte) error {
	var one user
	var several []user
	switch {
	case json.Unmarshal(b, &several) == nil:
		*u = several
	case json.Unmarshal(b, &one) == nil:
		*u = users{one}
	}
	return nil
}

// outcome reads an answer as a whole. None of hide is shown.
func outcome(a provider.Answer, codes provider.CodeIndex, now time.Time, hide ...string) (reply, message.Outcome) {
	var r reply
	if json.Unmarshal(a.Body, &r) != nil || r.Result == "" {
		return reply{}, a.Malformed()
	}
	o := message.Outcome{
		Class:      message.Unknown,
		Code:       provider.Words(string(r.Result), hide...),
		HTTPStatus: a.Status,
		Detail:     provider.Words(r.Desc, hide...),
		RetryAfter: a.RetryAfter,
	}
	if row, ok := codes[string(r.Result)]; ok {
		row.Judge(&o)
	}
	switch {
	case r.Result == codeOK && a.Status != http.StatusOK:
		o.Class = message.Unknown // it contradicts itself
	case o.Class == message.Accepted:
		o.Detail, o.RetryAfter = "", 0
		o.VendorMessageID = provider.Words(string(r.TaskID), hide...)
	case r.Result == codeNight:
		o.RetryAfter = untilMorning(now)
	case o.Class == message.QuotaExhausted:
		o.RetryAfter = provider.UntilMidnight(now)
	case o.Class == message.Throttled:
		o.RetryAfter = max(o.RetryAfter, time.Second)
	}
	return r, o
}

// untilMorning is the time to the next 07:00 in China.
func untilMorning(now time.Time) time.Duration {
	wait := provider.UntilMidnight(now) + morning*time.Hour
	if wait > 24*time.Hour {
		wait -= 24 * time.Hour
	}
	return wait
}

// named are the outcomes of the phones that an answer names, by their tokens.
func (r reply) named(codes provider.CodeIndex, httpStatus int) map[string]message.Outcome {
	named := map[string]message.Outcome{}
	for _, list := range []users{r.Data, r.InvalidUsers, r.InvalidUser} {
		for _, u := range list {
			code := statusPrefix + string(u.Status)
			o := message.Outcome{
				Class: message.Unknown, Code: statusPrefix + provider.Words(string(u.Status), string(u.UserID)), HTTPStatus: httpStatus,
				Detail: "named as an invalid user",
			}
			if row, ok := codes[code]; ok {
				o.Class, o.Code, o.Detail = row.Class, row.Code, o.Detail+": "+row.Why
			}
			named[string(u.UserID)] = o
		}
	}
	return named
}
