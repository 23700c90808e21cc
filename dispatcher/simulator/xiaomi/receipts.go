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

type report struct {
	link, messageID string
	receipt         Receipt
}

// calls makes the requests of reports.
func calls(due []report) []callback.Call {
	parcels := merge(due)
	out := make([]callback.Call, len(parcels))
	for i, p := range parcels {
		data, _ := json.Marshal(p.messages) // Plain texts and numbers always encode.
		form := url.Values{"data": {string(data)}}
		out[i] = callback.Call{URL: p.link, ContentType: "application/x-www-form-urlencoded", Body: []byte(form.Encode())}
	}
	return out
}

// parcel is one request: at most one receipt for each message id.
type parcel struct {
	link     string
	messages map[string]Receipt
}

// merge joins the targets of receipts that say the same of a message, and keeps
// others of the same message for another request.
func merge(due []report) (parcels []parcel) {
	for _, n := range due {
		if !join(parcels, n) {
			parcels = append(parcels, parcel{n.link, map[string]Receipt{n.messageID: n.receipt}})
		}
	}
	return parcels
}

func join(parcels []parcel, n report) bool {
	for _, p := range parcels {
		if p.link != n.link {
			continue
		}
		old, ok := p.messages[n.messageID]
		if !ok {
			p.messages[n.messageID] = n.receipt
			return true
		}
		if old.Type == n.receipt.Type && old.Param == n.receipt.Param {
			old.Targets += "," + n.receipt.Targets
			p.messages[n.messageID] = old
			return true
		}
	}
	return false
}
