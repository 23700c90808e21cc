package honor

import (
	"net/http"
	"strconv"

	"github.com/offlinepush/operator/dispatcher/simulator/traffic"
)

// Codes of Honor's answers.
const (
	codeOK             = 200
	codeParameter      = 400
	codeAuth           = 403
	codeNoService      = 404
	codeFailed         = 500
	codeTooFast        = 503
	codeNoTimestamp    = 10001
	codeAppID          = 10205
	codeTimestamp      = 10207
	codeNoToken        = 10300
	codePartly         = 80100000
	codeStructure      = 80100003
	codeReceiptID      = 80200020
	codeNoRight        = 80200022
	codeTestQuota      = 80200047
	codeImage          = 80200050
	codeSensitive      = 80200056
	codeDuplicateToken = 80300006
	codeAllInvalid     = 80300007
	codeTooLarge       = 80300008
	codeTooManyTokens  = 80300010
)

// answer is the shape of everything that Honor says.
type answer struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
	Data    *sent  `json:"data,omitempty"`

	status, retryAfter int
}

type sent struct {
	SendResult   bool     `json:"sendResult"`
	RequestID    string   `json:"requestId"`
	FailTokens   []string `json:"failTokens"`
	ExpireTokens []string `json:"expireTokens"`
}

func refuse(code int, message string) answer { return answer{Code: code, Message: message} }

// write answers codes that are HTTP's with that status, others with 200.
func (a answer) write(w http.ResponseWriter) {
	status := a.status
	if status == 0 {
		status = http.StatusOK
		if http.StatusText(a.Code) != "" {
			status = a.Code
		}
	}
	if a.retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(a.retryAfter))
	}
	writeJSON(w, status, a)
}

// refusal is the answer that a fault asks for.
func refusal(f traffic.Fault) answer {
	code, err := strconv.Atoi(f.Code)
	switch {
	case f.Throttle:
		code = codeTooFast
	case f.Quota:
		code = codeTestQuota
	case err != nil:
		code = codeFailed
	}
	a := refuse(code, "Simulated failure.")
	a.status, a.retryAfter = f.Status, f.RetryAfterSeconds
	return a
}
