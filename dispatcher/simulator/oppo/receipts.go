package oppo

import (
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"github.com/offlinepush/operator/dispatcher/simulator/callback"
)

// The types of receipts.
const (
	arrived = "push_arrive"
	dead    = "regid_invalid"
	limited = "user_daily_limit"
)

// Receipt is what OPPO tells of a message and some of its phones.
type Receipt struct {
	MessageID string `json:"messageId"`
	AppID     string `json:"appId"`
	TaskID    string `json:"taskId"`
	Phones    string `json:"registrationIds"`
	EventTime string `json:"eventTime"`
	Param     string `json:"param"`
	EventType string `json:"eventType"`
}

type report struct {
	link    string
	receipt Receipt
}

// receipt tells the message's callback.
func (v *Vendor) receipt(a App, m message, id, kind string) {
	if m.Notification.CallBackURL == "" {
		return
	}
	v.receipts.Add(report{m.Notification.CallBackURL, Receipt{
		MessageID: id, AppID: a.AppKey, TaskID: id, Phones: m.TargetValue, Param: m.Notification.CallBackParameter,
		EventTime: strconv.FormatInt(time.Now().UnixMilli(), 10), EventType: kind,
	}})
}

// calls makes the requests of reports: one for each URL.
func calls(due []report) (out []callback.Call) {
	byLink := map[string][]Receipt{}
	var links []string
	for _, d := range due {
		if !slices.Contains(links, d.link) {
			links = append(links, d.link)
		}
		byLink[d.link] = append(byLink[d.link], d.receipt)
	}
	for _, link := range links {
		body, _ := json.Marshal(byLink[link]) // Plain texts always encode.
		out = append(out, callback.Call{URL: link, ContentType: "application/json", Body: body})
	}
	return out
}
