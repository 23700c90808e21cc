// Package pushkit is what Huawei's two push services have in common, as its
// documents describe them: answers, limits, the way to the phones and receipts.
package pushkit

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"github.com/offlinepush/operator/dispatcher/simulator/apps"
	"github.com/offlinepush/operator/dispatcher/simulator/traffic"
)

// The codes.
const (
	OK               = "80000000"
	Partial          = "80100000"
	WrongParameter   = "80100001"
	WrongMessage     = "80100003"
	WrongTTL         = "80100004"
	WrongCollapseKey = "80100013"
	SensitiveWords   = "80100016"
	ImageUnchecked   = "80100022"
	Unauthorized     = "80200001"
	TokenExpired     = "80200003"
	JWTExpired       = "80200005"
	NoPermission     = "80300002"
	AllInvalid       = "80300007"
	TooLong          = "80300008"
	TokenCount       = "80300010"
	NoHighPriority   = "80300011"
	WrongReceipt     = "80300013"
	TestLimit        = "80300029"
	TestTokens       = "80300030"
	JWTTooLong       = "80300036"
	Punished         = "80300037"
	Failed           = "81000001"
)

// Answer is the shape of everything that Push Kit says of a push.
type Answer struct {
	Code      string `json:"code"`
	Msg       string `json:"msg"`
	RequestID string `json:"requestId"`

	status, retryAfter int
}

// Succeed is the answer to a push that was taken for all phones.
func Succeed(requestID string) Answer { return Answer{Code: OK, Msg: "Success", RequestID: requestID} }

// Refuse is the answer with a code and what about, which may be empty.
func Refuse(code, about string) *Answer {
	words := cmp.Or(map[string]string{
		WrongParameter:   "Check Parameter Error.",
		WrongMessage:     "Illegal payload.",
		WrongTTL:         "Illegal expire time.",
		WrongCollapseKey: "Illegal collapse key.",
		SensitiveWords:   "The message contains sensitive words.",
		ImageUnchecked:   "Anti-Spam: image not verify.",
		Unauthorized:     "Authentication Error.",
		TokenExpired:     "Oauth token expired.",
		JWTExpired:       "Jwt token expired.",
		NoPermission:     "No permission to send message to these tmIDs.",
		AllInvalid:       "All the tokens are invalid.",
		TooLong:          "Push message size is too long.",
		TokenCount:       "token count should within 1 and 1000.",
		NoHighPriority:   "No permission to send high-priority messages.",
		WrongReceipt:     "Illegal receipt configuration.",
		TestLimit:        "When send test message, the api request exceed limit.",
		TestTokens:       "When send test message, token count exceed limit.",
		JWTTooLong:       "JWT expire period over threshold.",
		Punished:         "Disable send huawei msg because of penalty.",
	}[code], "Inner Error.")
	if about != "" {
		words += " " + about
	}
	return &Answer{Code: code, Msg: words, RequestID: NewRequestID(), status: statusOf(code)}
}

// statusOf is the HTTP status that a code comes with.
func statusOf(code string) int {
	switch code {
	case Unauthorized, TokenExpired, JWTExpired, JWTTooLong:
		return http.StatusUnauthorized
	case TestLimit:
		return http.StatusServiceUnavailable
	case Failed:
		return http.StatusInternalServerError
	case OK, Partial, AllInvalid, NoPermission, Punished:
		return http.StatusOK
	}
	return http.StatusBadRequest
}

// FlowControl is the answer to too many requests.
func FlowControl() *Answer {
	return &Answer{Code: Failed, Msg: "Flow control.", RequestID: NewRequestID(), status: http.StatusServiceUnavailable}
}

// NotFound is the answer to a wrong address.
func NotFound() *Answer {
	return &Answer{Code: Failed, Msg: "Not found.", RequestID: NewRequestID(), status: http.StatusNotFound}
}

// Write answers a request. Flow control and wrong addresses have no body of Push Kit's.
func (a Answer) Write(w http.ResponseWriter) {
	if a.retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(a.retryAfter))
	}
	if a.status == http.StatusNotFound || a.status == http.StatusServiceUnavailable && a.Code == Failed {
		http.Error(w, a.Msg, a.status)
		return
	}
	WriteJSON(w, cmp.Or(a.status, http.StatusOK), a)
}

// WriteJSON answers a request.
func WriteJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(v) // into memory
}

// Refusal is the answer that a fault asks for. Push Kit does not say that a quota is used up: it slows requests down.
func Refusal(f traffic.Fault) *Answer {
	a := FlowControl()
	if !f.Throttle && !f.Quota {
		a = Refuse(cmp.Or(f.Code, Failed), "Simulated failure.")
	}
	a.status, a.retryAfter = cmp.Or(f.Status, a.status), f.RetryAfterSeconds
	return a
}

// NewRequestID makes the id of a request.
func NewRequestID() string { return fmt.Sprintf("15744095%s", apps.RandomHex(8)) }
