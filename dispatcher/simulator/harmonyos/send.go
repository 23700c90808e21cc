package harmonyos

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/offlinepush/operator/dispatcher/simulator/phone"
	"github.com/offlinepush/operator/dispatcher/simulator/pushkit"
)

const (
	// testPerDay is how many test messages a project may send in a day, testTokens to how many phones at once.
	testPerDay = 1000
	testTokens = 10
)

// Status is what a receipt says of a push on a phone, in version 2.
type Status struct {
	Token     string   `json:"token"`
	PushType  string   `json:"pushType"`
	Package   string   `json:"appPackageName"`
	BiTag     string   `json:"biTag,omitempty"`
	RequestID string   `json:"requestId"`
	Delivery  Delivery `json:"deliveryStatus"`
}

// Delivery is the result itself.
type Delivery struct {
	Result    int   `json:"result"`
	Timestamp int64 `json:"timestamp"`
}

// send is POST /v3/{project}/messages:send.
func (v *Vendor) send(w http.ResponseWriter, r *http.Request) {
	p, no := v.authorize(r)
	v.Serve(w, p.ProjectID, p.Account, no, func() *pushkit.Answer { return v.accept(r, p) })
}

func (v *Vendor) accept(r *http.Request, p Project) *pushkit.Answer {
	kind := r.Header.Get("push-type")
	req, no := pushkit.Read(r, func(req request) []string { return req.Target.Token })
	if no != nil {
		return no
	}
	if no := req.check(p, kind); no != nil {
		return no
	}
	receipt, no := p.Receipt(req.Options.ReceiptID)
	if no != nil {
		return no
	}
	if req.Options.TestMessage {
		if len(req.Target.Token) > testTokens {
			return pushkit.Refuse(pushkit.TestTokens, "")
		}
		if !v.Test(p.ProjectID, testPerDay) {
			return pushkit.Refuse(pushkit.TestLimit, "")
		}
	}
	id := pushkit.NewRequestID()
	return v.deliver(pushkit.Message{
		AccountID: p.ProjectID, Account: p.Account, Push: req.push(id), Badge: req.badge(), Test: req.Options.TestMessage, Receipt: receipt,
		Status: func(token string, status int) any {
			return Status{token, kind, "app." + p.ProjectID, req.Options.BiTag, id, Delivery{status, time.Now().UnixMilli()}}
		},
	}, req.Target.Token, kind == call && !p.Calls)
}

// deliver goes through the phones and gives the reasons for those that it refuses.
func (v *Vendor) deliver(m pushkit.Message, tokens []string, noRight bool) *pushkit.Answer {
	refused := map[string][]string{}
	left := 0
	for _, token := range tokens {
		h, foreign := v.Phone(m.AccountID, token)
		if reason := reasonAgainst(h, foreign, noRight); reason != "" {
			refused[reason] = append(refused[reason], token)
			continue
		}
		left++
		v.Deliver(m, h, token)
	}
	done := pushkit.Succeed(m.MessageID)
	if len(refused) == 0 {
		return &done
	}
	msg, _ := json.Marshal(map[string]any{"success": left, "failure": len(tokens) - left, "illegalTokens": refused}) // Plain texts always encode.
	done.Code, done.Msg = pushkit.Partial, string(msg)
	if left == 0 {
		done.Code = pushkit.AllInvalid
	}
	return &done
}

func reasonAgainst(h *phone.Handset, foreign, noRight bool) string {
	switch {
	case h == nil:
		return "tokenFormatError"
	case foreign:
		return "noRight"
	case noRight:
		return "noPushTypeRight"
	}
	return ""
}
