package vivo

import (
	"cmp"
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/offlinepush/operator/dispatcher/simulator/traffic"
)

// answer is the shape of everything that vivo says, with HTTP 200.
type answer struct {
	Result       int           `json:"result"`
	Desc         string        `json:"desc"`
	AuthToken    string        `json:"authToken,omitempty"`
	TaskID       string        `json:"taskId,omitempty"`
	RequestID    string        `json:"requestId,omitempty"`
	InvalidUser  *invalidUser  `json:"invalidUser,omitempty"`
	InvalidUsers []invalidUser `json:"invalidUsers,omitempty"`

	status, retryAfter int
}

// invalidUser is a phone that vivo does not push to.
type invalidUser struct {
	Status int    `json:"status"`
	UserID string `json:"userid"`
}

// The statuses of invalid users.
const (
	unknownUser = 1
	notATester  = 4
)

func (a answer) write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	if a.retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(a.retryAfter))
	}
	if a.status != 0 {
		w.WriteHeader(a.status)
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	if a.status >= http.StatusInternalServerError && a.Result == 0 { // of the server, not of the push service
		_ = encoder.Encode(map[string]any{"status": a.status, "error": http.StatusText(a.status)})
		return
	}
	_ = encoder.Encode(a) //nolint:gosec // into memory, for whoever proved the secret
}

func succeed() answer { return answer{Desc: "请求成功"} }

func refuse(code int) answer { return answer{Result: code, Desc: describe(code)} }

func describe(code int) string {
	words := map[int]string{
		10000: "权限认证失败",
		10045: "应用审核中",
		10050: "regId不能为空",
		10051: "不支持的消息类型",
		10055: "通知标题不能为空",
		10057: "通知内容不能为空",
		10070: "发送总量超出限制",
		10071: "超出允许的推送时间",
		10072: "推送速率过快",
		10073: "系统消息发送总量超出限制",
		10082: "系统消息未开通",
		10094: "appId与authToken不匹配",
		10096: "category不合法",
		10097: "category与classification不匹配",
		10104: "疑似测试消息",
		10153: "regIds数量不合法",
		10155: "taskId不存在或已过期",
		10202: "appKey不合法",
		10205: "appId不存在",
		10206: "sign不正确",
		10207: "timestamp不合法",
		10252: "批量发送消息体超出限制",
		10302: "regId不合法",
		10311: "用户当前不可推送",
	}
	return cmp.Or(words[code], "参数不合法")
}

// refusal is the answer that a fault asks for.
func refusal(f traffic.Fault) answer {
	code, _ := strconv.Atoi(f.Code)
	switch {
	case f.Throttle:
		code = 10072
	case f.Quota:
		code = 10070
	}
	a := refuse(code)
	a.status, a.retryAfter = f.Status, f.RetryAfterSeconds
	return a
}
