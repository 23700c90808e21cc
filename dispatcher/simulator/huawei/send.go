package huawei

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"time"

	"github.com/offlinepush/operator/dispatcher/simulator/phone"
	"github.com/offlinepush/operator/dispatcher/simulator/pushkit"
	"github.com/offlinepush/operator/dispatcher/simulator/traffic"
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
	if no == nil {
		no = v.Admit(a.AppID, a.Account)
	}
	if no != nil {
		no.Write(w)
		return
	}
	v.accept(r, a).Write(w)
}

func (v *Vendor) accept(r *http.Request, a App) *pushkit.Answer {
	req, no := read(r, a)
	if no != nil {
		return no
	}
	m := req.Message
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

// read returns a request that nothing is wrong with but perhaps its phones.
func read(r *http.Request, a App) (request, *pushkit.Answer) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return request{}, pushkit.Refuse(pushkit.WrongMessage, "")
	}
	var req request
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&req); err != nil {
		return request{}, pushkit.Refuse(pushkit.WrongMessage, err.Error())
	}
	tokens := req.Message.Token
	traffic.SetTargets(r, tokens...)
	for _, no := range []*pushkit.Answer{pushkit.CheckTokens(tokens), pushkit.CheckSize(body, tokens), req.Message.check(a)} {
		if no != nil {
			return request{}, no
		}
	}
	return req, nil
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
