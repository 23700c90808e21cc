package oppo

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/offlinepush/operator/dispatcher/simulator/apps"
	"github.com/offlinepush/operator/dispatcher/simulator/phone"
	"github.com/offlinepush/operator/dispatcher/simulator/traffic"
)

const maxTargets = 1000

// sent is what the answer says of a phone.
type sent struct {
	MessageID      string `json:"messageId,omitempty"`
	RegistrationID string `json:"registrationId,omitempty"`
	ErrorCode      int    `json:"errorCode,omitempty"`
	ErrorMessage   string `json:"errorMessage,omitempty"`
}

// unicast pushes to one phone.
func (v *Vendor) unicast(r *http.Request, a App) answer {
	text := r.PostFormValue("message")
	var m message
	switch {
	case text == "":
		return refuse(missingArgument, "message")
	case json.Unmarshal([]byte(text), &m) != nil:
		return refuse(invalidArgument, "message")
	}
	traffic.SetTargets(r, m.TargetValue)
	if !v.rates.Allow(a.AppKey, a.TargetsPerSecond, 1) {
		return refuse(tooFrequent, "")
	}
	id, no := v.push(r, a, m)
	if no != nil {
		return refuse(no.code, no.about)
	}
	return succeed(sent{MessageID: id})
}

// batch pushes a message of its own to each of up to 1000 phones. What is wrong with one of them is no fault of the others.
func (v *Vendor) batch(r *http.Request, a App) answer {
	text := r.PostFormValue("messages")
	var messages []message
	switch {
	case text == "":
		return refuse(missingArgument, "messages")
	case json.Unmarshal([]byte(text), &messages) != nil || len(messages) == 0 || len(messages) > maxTargets:
		return refuse(invalidArgument, "messages: from 1 to 1000")
	}
	targets := make([]string, len(messages))
	for i, m := range messages {
		targets[i] = m.TargetValue
	}
	traffic.SetTargets(r, targets...)
	if !v.rates.Allow(a.AppKey, a.TargetsPerSecond, len(messages)) {
		return refuse(tooFrequent, "")
	}
	list := make([]sent, len(messages))
	for i, m := range messages {
		id, no := v.push(r, a, m)
		list[i] = sent{MessageID: id, RegistrationID: m.TargetValue}
		if no != nil {
			list[i].ErrorCode, list[i].ErrorMessage = no.code, describe(no.code, no.about)
		}
	}
	return succeed(list)
}

// push delivers to a phone, or says why not.
func (v *Vendor) push(r *http.Request, a App, m message) (id string, no *refused) {
	if no := m.check(a); no != nil {
		return "", no
	}
	n := m.Notification
	id = a.AppKey[:min(len(a.AppKey), 8)] + "-1-1-" + apps.RandomHex(12)
	tell := func(kind string) { v.receipt(a, m, id, kind) }
	handset, ok := v.phones.Lookup(Name, m.TargetValue)
	if !ok || handset.App() != a.AppKey || !served(r.Host, m.TargetValue) {
		tell(dead)
		return "", &refused{code: invalidRegID}
	}
	once := m.TargetValue + " " + n.AppMessageID
	if _, before := v.sent.Get(once); before && n.AppMessageID != "" {
		return "", &refused{code: duplicate}
	}
	if marketing(n.Category) {
		if _, ok := v.quota.Take(apps.Limit{Key: a.AppKey, Most: a.DayQuota}); !ok {
			return "", &refused{code: dailyLimit}
		}
		if _, ok := v.quota.Take(apps.Limit{Key: a.AppKey + " " + m.TargetValue, Most: a.PhoneQuota}); !ok {
			tell(limited)
			return id, nil // OPPO takes the push and says later that the phone has had enough
		}
	}
	if n.AppMessageID != "" {
		v.sent.Change(once, func(bool) bool { return true })
	}
	v.deliver(handset, m, id, tell)
	return id, nil
}

func (v *Vendor) deliver(handset *phone.Handset, m message, id string, tell func(kind string)) {
	p := m.Notification.push(id)
	p.Badge = v.badge(m)
	p.Report = func(e phone.Event) {
		if e != phone.Clicked {
			tell(arrived) // at OPPO's client, also if the user allows no notifications
		}
	}
	handset.Deliver(p)
}

// badge is the number on the app's icon after the push; nil leaves it.
func (v *Vendor) badge(m message) *int32 {
	n := m.Notification
	if n.BadgeOperation == "" {
		return nil
	}
	count := int32(1)
	if _, err := fmt.Sscan(string(n.BadgeCount), &count); err != nil {
		count = 1
	}
	now := v.badges.Change(m.TargetValue, func(shown int32) int32 {
		if n.BadgeOperation == "0" {
			return count
		}
		return shown + count
	})
	return &now
}

// push is the notification as the phone's client of OPPO Push reads it.
func (n notification) push(id string) phone.Push {
	parameters := n.parameters()
	p := phone.Push{
		Content: phone.Content{
			MessageID: id, Kind: phone.Notification, Title: n.Title, Content: n.Content,
			Payload: parameters["payload"], Data: parameters,
			Channel: n.ChannelID, Category: n.Category, Click: n.ClickActivity + n.ClickURL,
			ReplaceID: string(n.NotifyID), DedupID: n.AppMessageID,
		},
		TTL: usualTTL,
	}
	if seconds, err := strconv.ParseInt(string(n.OffLineTTL), 10, 64); err == nil {
		p.TTL = min(time.Duration(seconds)*time.Second, maxTTL)
	}
	if n.OffLine != nil && !*n.OffLine {
		p.TTL = 0
	}
	return p
}
