package huawei

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/offlinepush/operator/dispatcher/simulator/phone"
	"github.com/offlinepush/operator/dispatcher/simulator/pushkit"
)

// testPerDay is how many test messages an app may send in a day.
const testPerDay = 500

// Status is what a receipt says of a push on a phone, in version 1.
type Status struct {
	Token     string `json:"token"`
	BiTag     string `json:"biTag,omitempty"`
	Status    int    `json:"status"`
	Timestamp int64  `json:"timestamp"`
	AppID     string `json:"appid"`
	RequestID string `json:"requestId"`
}

// send is POST /v1/{app}/messages:send.
func (v *Vendor) send(w http.ResponseWriter, r *http.Request) {
	a, no := v.authorize(r)
	v.Serve(w, a.AppID, a.Account, no, func() *pushkit.Answer { return v.accept(r, a) })
}

func (v *Vendor) accept(r *http.Request, a App) *pushkit.Answer {
	req, no := pushkit.Read(r, func(req request) []string { return req.Message.Token })
	if no != nil {
		return no
	}
	m := req.Message
	if no := m.check(a); no != nil {
		return no
	}
	receipt, no := a.Receipt(m.Android.ReceiptID)
	if no != nil {
		return no
	}
	id := pushkit.NewRequestID()
	if req.ValidateOnly {
		done := pushkit.Succeed(id)
		return &done
	}
	test := m.Android.TargetUserType == 1
	if test && !v.Test(a.AppID, testPerDay) {
		return pushkit.FlowControl()
	}
	return v.deliver(pushkit.Message{
		AccountID: a.AppID, Account: a.Account, Push: m.push(id), Badge: m.badge(), Test: test, Receipt: receipt,
		Status: func(token string, status int) any {
			return Status{token, m.Android.BiTag, status, time.Now().UnixMilli(), a.AppID, id}
		},
	}, m.Token)
}

// deliver finds the phones before it delivers: one of another app lets Push Kit refuse all.
func (v *Vendor) deliver(m pushkit.Message, tokens []string) *pushkit.Answer {
	found, illegal := map[string]*phone.Handset{}, []string{}
	for _, token := range tokens {
		h, foreign := v.Phone(m.AccountID, token)
		switch {
		case foreign:
			return pushkit.Refuse(pushkit.NoPermission, "")
		case h == nil:
			illegal = append(illegal, token)
		default:
			found[token] = h
		}
	}
	if len(found) == 0 {
		return pushkit.Refuse(pushkit.AllInvalid, "")
	}
	for _, token := range tokens {
		if h, ok := found[token]; ok {
			v.Deliver(m, h, token)
		}
	}
	done := pushkit.Succeed(m.MessageID)
	if len(illegal) > 0 {
		msg, _ := json.Marshal(map[string]any{"success": len(found), "failure": len(illegal), "illegal_tokens": illegal}) // Plain texts always encode.
		done.Code, done.Msg = pushkit.Partial, string(msg)
	}
	return &done
}
