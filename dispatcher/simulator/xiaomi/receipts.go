package xiaomi

import (
	"encoding/json"
	"net/url"

	"github.com/offlinepush/operator/dispatcher/simulator/callback"
)

// The kinds of receipts, bits of extra.callback.type.
const (
	deliveredReceipt = 1
	clickedReceipt   = 2
	invalidReceipt   = 16
	disabledReceipt  = 32
	quotaReceipt     = 128
)

// Receipt is what Xiaomi tells of a message and some of its targets.
type Receipt struct {
	Param     string            `json:"param,omitempty"`
	Type      int               `json:"type"`
	Targets   string            `json:"targets"`
	JobKey    string            `json:"jobkey,omitempty"`
	BarStatus string            `json:"barStatus"`
	Timestamp int64             `json:"timestamp"`
	Extra     map[string]string `json:"extra,omitempty"`
}

type report = callback.Receipt[Receipt]

// calls makes the requests of reports.
func calls(due []report) []callback.Call {
	parcels := callback.Pack(due, (*Receipt).add)
	out := make([]callback.Call, len(parcels))
	for i, p := range parcels {
		data, _ := json.Marshal(p.Contents) // Plain texts and numbers always encode.
		form := url.Values{"data": {string(data)}}
		out[i] = callback.Call{URL: p.URL, ContentType: "application/x-www-form-urlencoded", Body: []byte(form.Encode())}
	}
	return out
}

// add joins the targets of receipts that say the same of a message.
func (r *Receipt) add(more Receipt) bool {
	if r.Type != more.Type || r.Param != more.Param {
		return false
	}
	r.Targets += "," + more.Targets
	return true
}
