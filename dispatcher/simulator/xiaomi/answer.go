package xiaomi

import (
	"cmp"
	"net/http"
	"strconv"

	"github.com/offlinepush/operator/dispatcher/simulator/apps"
	"github.com/offlinepush/operator/dispatcher/simulator/traffic"
)

// answer is the shape of everything that Xiaomi says, mostly with HTTP 200.
type answer struct {
	Result      string `json:"result"`
	Reason      string `json:"reason,omitempty"`
	TraceID     string `json:"trace_id"`
	Code        int    `json:"code"`
	Data        any    `json:"data,omitempty"`
	Description string `json:"description"`
	Info        string `json:"info,omitempty"`

	status, retryAfter int
}

func (a answer) write(w http.ResponseWriter) { traffic.WriteJSON(w, a.status, a.retryAfter, a) }

func succeed(info string, data any) answer {
	return answer{Result: "ok", TraceID: traceID(), Data: data, Description: "成功", Info: info}
}

func refuse(code int, reason string) answer {
	return answer{Result: "error", Reason: reason, TraceID: traceID(), Code: code, Description: describe(code)}
}

func traceID() string { return "Xdm" + apps.RandomHex(11) }

func describe(code int) string {
	words := map[int]string{
		10016:  "缺失必选参数",
		10017:  "参数值非法",
		10020:  "接口不存在",
		10027:  "接口调用过于频繁",
		20301:  "发送消息失败",
		21301:  "认证失败",
		22022:  "应用包名不合法",
		22103:  "notify_id不合法",
		27001:  "channel不匹配",
		65014:  "自定义键值对过多",
		65015:  "自定义键值对过长",
		200001: "超过每日推送总量",
		200002: "超过QPS限制",
	}
	return cmp.Or(words[code], "失败")
}

// refusal is the answer that a fault asks for.
func refusal(f traffic.Fault) answer {
	code, err := strconv.Atoi(f.Code)
	switch {
	case f.Throttle:
		code = 200002
	case f.Quota:
		code = 200001
	case err != nil:
		code = 10001
	}
	a := refuse(code, "Simulated failure.")
	a.status, a.retryAfter = f.Status, f.RetryAfterSeconds
	return a
}
