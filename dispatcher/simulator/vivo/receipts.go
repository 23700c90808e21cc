package vivo

import (
	"encoding/json"
	"time"

	"github.com/offlinepush/operator/dispatcher/simulator/callback"
)

// The kinds of receipts.
const (
	arrived      = "0"
	controlled   = "100"
	mismatch     = "102"
	notDisplayed = "104"
)

// Receipt is what vivo tells of a task and some of its phones.
type Receipt struct {
	Targets string `json:"targets"`
	AckTime int64  `json:"ackTime"`
	Param   string `json:"param,omitempty"`
	AckType string `json:"ackType"`
	// Reason is our guess: vivo's document names no field for it.
	Reason string `json:"reason,omitempty"`
}

type report = callback.Receipt[Receipt]

// receipt tells the message's callback, if it asks for this kind: a URL in the message hears of single formal messages
// that arrived, a URL in the console of everything.
func (b batch) receipt(kind, reason, id string) {
	extra := b.message.Extra
	link := extra["callback"]
	if registered, ok := b.app.Receipts[extra["callback.id"]]; ok {
		link = registered
	} else if !b.single || b.message.PushMode == 1 || kind != arrived {
		return
	}
	if link == "" {
		return
	}
	b.vendor.receipts.Add(report{URL: link, MessageID: b.taskID, Content: Receipt{
		Targets: id, AckTime: time.Now().UnixMilli(), Param: extra["callback.param"], AckType: kind, Reason: reason,
	}})
}

// calls makes the requests of reports.
func calls(due []report) []callback.Call {
	parcels := callback.Pack(due, (*Receipt).add)
	out := make([]callback.Call, len(parcels))
	for i, p := range parcels {
		body, _ := json.Marshal(p.Contents) // Plain texts and numbers always encode.
		out[i] = callback.Call{URL: p.URL, ContentType: "application/json;charset=UTF-8", Body: body}
	}
	return out
}

// add joins the phones of receipts that say the same of a task.
func (r *Receipt) add(more Receipt) bool {
	if r.AckType != more.AckType || r.Reason != more.Reason {
		return false
	}
	r.Targets += "," + more.Targets
	return true
}
