package meizu

import (
	"encoding/json"
	"net/url"
	"strconv"

	"github.com/offlinepush/operator/dispatcher/simulator/callback"
	"github.com/offlinepush/operator/dispatcher/simulator/phone"
)

// The kinds of receipts.
const (
	delivered = 1
	clicked   = 2
)

// Detail is what Meizu tells of a message and some of its phones.
type Detail struct {
	Param   string   `json:"param,omitempty"`
	Type    int      `json:"type"`
	Targets []string `json:"targets"`
}

type report struct {
	app, link, messageID, param, target string
	kind                                int
}

// report tells the message's callback, if it asks for this kind.
func (b *batch) report(e phone.Event, target string) {
	kind := delivered
	switch e {
	case phone.Delivered:
	case phone.Clicked:
		kind = clicked
	case phone.Disabled: // is answered at once
		return
	}
	wanted := b.extra.Type
	if b.extra.Callback == "" || wanted != "" && wanted != "3" && wanted != strconv.Itoa(kind) {
		return
	}
	b.vendor.receipts.Add(report{b.app.AppID, b.extra.Callback, b.id, b.extra.Param, target, kind})
}

// parcel is one request.
type parcel struct{ app, link string }

// calls makes one request of all reports of an app to a URL.
func (v *Vendor) calls(due []report) []callback.Call {
	var order []parcel
	details := map[parcel]map[string]Detail{}
	for _, r := range due {
		p := parcel{r.app, r.link}
		if details[p] == nil {
			order, details[p] = append(order, p), map[string]Detail{}
		}
		key := r.messageID + "-" + strconv.Itoa(r.kind)
		details[p][key] = Detail{Param: r.param, Type: r.kind, Targets: append(details[p][key].Targets, r.target)}
	}
	out := make([]callback.Call, len(order))
	for i, p := range order {
		cb, _ := json.Marshal(details[p]) // Plain texts and numbers always encode.
		a, _ := v.Get(p.app)
		form := url.Values{"cb": {string(cb)}, "access_token": {a.ReceiptToken}}
		out[i] = callback.Call{URL: p.link, ContentType: "application/x-www-form-urlencoded;charset=UTF-8", Body: []byte(form.Encode())}
	}
	return out
}
