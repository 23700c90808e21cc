package oppo

import (
	"cmp"
	"net/http"
	"strconv"

	"github.com/offlinepush/operator/dispatcher/simulator/traffic"
)

// The codes.
const (
	unavailable      = -1
	invalidAuthToken = 11
	wrongHTTPMethod  = 12
	invalidAppKey    = 14
	missingAppKey    = 15
	invalidSign      = 16
	missingSign      = 17
	missingTimestamp = 18
	invalidTimestamp = 19
	invalidMethod    = 20
	missingAuthToken = 29
	duplicate        = 32
	dailyLimit       = 33
	missingArgument  = 40
	invalidArgument  = 41
	tooFrequent      = 55
	wrongCategory    = 67
	invalidRegID     = 10000
)

// answer is the shape of everything that OPPO says, with HTTP 200.
type answer struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
	Data    any    `json:"data,omitempty"`

	status, retryAfter int
}

func (a answer) write(w http.ResponseWriter) { traffic.WriteJSON(w, a.status, a.retryAfter, a) }

func succeed(data any) answer { return answer{Message: "Success", Data: data} }

func refuse(code int, about string) answer { return answer{Code: code, Message: describe(code, about)} }

func describe(code int, about string) string {
	words := cmp.Or(map[int]string{
		-2:               "Service in Flow Control",
		unavailable:      "Service Currently Unavailable",
		invalidAuthToken: "Invalid AuthToken",
		wrongHTTPMethod:  "Http Action Not Allowed",
		13:               "App Call Limited",
		invalidAppKey:    "Invalid App Key",
		missingAppKey:    "Missing App Key",
		invalidSign:      "Invalid Signature",
		missingSign:      "Missing Signature",
		missingTimestamp: "Missing Timestamp",
		invalidTimestamp: "Invalid Timestamp",
		invalidMethod:    "Invalid Method",
		missingAuthToken: "Missing Auth Token",
		duplicate:        "Data Duplicate",
		dailyLimit:       "The number of messages exceeds the daily limit",
		missingArgument:  "Missing Required Arguments",
		invalidArgument:  "Invalid Arguments",
		tooFrequent:      "App Call Frequency Limit",
		wrongCategory:    "Category error/Private classify channel notify_level invalid",
		invalidRegID:     "Invalid RegistrationId",
	}[code], "Failure")
	if about == "" {
		return words
	}
	return words + ":" + about
}

// refusal is the answer that a fault asks for.
func refusal(f traffic.Fault) answer {
	code, err := strconv.Atoi(f.Code)
	switch {
	case f.Throttle:
		code = tooFrequent
	case f.Quota:
		code = dailyLimit
	case err != nil:
		code = unavailable
	}
	a := refuse(code, "")
	a.status, a.retryAfter = f.Status, f.RetryAfterSeconds
	return a
}
