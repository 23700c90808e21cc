package meizu

import (
	"net/http"

	"github.com/offlinepush/operator/dispatcher/simulator/traffic"
)

// Codes of Meizu's answers: at the top, and beside push ids in value.
const (
	codeOK         = "200"
	codeFailed     = "500"
	codeFolded     = "520"
	codeParameter  = "1005"
	codeSign       = "1006"
	codeAppID      = "110000"
	codeNotThere   = "110002"
	codeIllegal    = "110003"
	codeEmpty      = "110004"
	codeTooFast    = "110010"
	codeSwitchOff  = "110010"
	codePhoneQuota = "110011"
	codeDayQuota   = "110019"
)

// answer is the shape of everything that Meizu says, with HTTP 200.
type answer struct {
	Code     string `json:"code"`
	Message  string `json:"message"`
	MsgID    string `json:"msgId,omitempty"`
	Value    any    `json:"value"`
	Redirect string `json:"redirect"`

	status, retryAfter int
}

func refuse(code, message string) answer { return answer{Code: code, Message: message, Value: ""} }

func (a answer) write(w http.ResponseWriter) { traffic.WriteJSON(w, a.status, a.retryAfter, a) }

// refusal is the answer that a fault asks for.
func refusal(f traffic.Fault) answer {
	code := f.Code
	switch {
	case f.Throttle:
		code = codeTooFast
	case f.Quota:
		code = codeDayQuota
	case code == "":
		code = codeFailed
	}
	a := refuse(code, "Simulated failure.")
	a.status, a.retryAfter = f.Status, f.RetryAfterSeconds
	return a
}
