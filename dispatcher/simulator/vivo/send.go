package vivo

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/offlinepush/operator/dispatcher/simulator/apps"
	"github.com/offlinepush/operator/dispatcher/simulator/phone"
	"github.com/offlinepush/operator/dispatcher/simulator/traffic"
)

const (
	minList = 2
	maxList = 1000
	// taskLife is how long a stored payload can be pushed; the document does not say.
	taskLife = time.Hour
	// perPhone is how many operational messages a phone gets in a day.
	perPhone = 2
	// dawn and dusk bound the hours of operational messages in China.
	dawn = 7
	dusk = 23
)

// task is a stored payload.
type task struct {
	app     string
	message message
	expires time.Time
}

// send is POST /message/send.
func (v *Vendor) send(r *http.Request, a App, body []byte) answer {
	var m message
	if json.Unmarshal(body, &m) != nil {
		return refuse(malformed)
	}
	traffic.SetTargets(r, m.RegID)
	if m.RegID == "" { // nobody has an alias
		return refuse(10050)
	}
	if code := m.check(a); code != 0 {
		return refuse(code)
	}
	return v.once(a, m.RequestID, func() answer {
		if code := v.full(a, m, 1); code != 0 {
			return refuse(code)
		}
		b := batch{vendor: v, app: a, message: m, taskID: v.taskID(), single: true}
		status, off := b.deliver(m.RegID)
		switch {
		case status != 0:
			no := refuse(10302)
			no.InvalidUser = &invalidUser{status, m.RegID}
			return no
		case off:
			return refuse(10311)
		}
		yes := succeed()
		yes.TaskID = b.taskID
		return yes
	})
}

// save is POST /message/saveListPayload.
func (v *Vendor) save(_ *http.Request, a App, body []byte) answer {
	var m message
	if json.Unmarshal(body, &m) != nil {
		return refuse(malformed)
	}
	if code := m.check(a); code != 0 {
		return refuse(code)
	}
	return v.once(a, m.RequestID, func() answer {
		if _, ok := v.quota.Take(apps.Limit{Key: "payload " + a.id(), Most: a.PayloadQuota}); !ok {
			return refuse(10252)
		}
		yes := succeed()
		yes.TaskID = v.taskID()
		v.tasks.Change(yes.TaskID, func(task) task { return task{a.id(), m, time.Now().Add(taskLife)} })
		return yes
	})
}

// pushToList is the body of /message/pushToList.
type pushToList struct {
	RegIDs    []string `json:"regIds"`
	TaskID    string   `json:"taskId"`
	RequestID string   `json:"requestId"`
}

// list is POST /message/pushToList.
func (v *Vendor) list(r *http.Request, a App, body []byte) answer {
	var l pushToList
	if json.Unmarshal(body, &l) != nil {
		return refuse(malformed)
	}
	traffic.SetTargets(r, l.RegIDs...)
	t, code := v.task(a, l)
	if code != 0 {
		return refuse(code)
	}
	return v.once(a, l.RequestID, func() answer {
		if code := v.full(a, t.message, len(l.RegIDs)); code != 0 {
			return refuse(code)
		}
		t.message.RequestID = l.RequestID
		b := batch{vendor: v, app: a, message: t.message, taskID: l.TaskID}
		yes := succeed()
		yes.RequestID = l.RequestID
		for _, id := range l.RegIDs {
			if status, _ := b.deliver(id); status != 0 {
				yes.InvalidUsers = append(yes.InvalidUsers, invalidUser{status, id})
			}
		}
		return yes
	})
}

// task finds the payload of a list, or the code of what is wrong with it.
func (v *Vendor) task(a App, l pushToList) (task, int) {
	t, known := v.tasks.Get(l.TaskID)
	switch {
	case len(l.RegIDs) == 0:
		return t, 10150
	case slices.Contains(l.RegIDs, ""):
		return t, 10151
	case l.TaskID == "":
		return t, 10152
	case len(l.RegIDs) < minList || len(l.RegIDs) > maxList:
		return t, 10153
	case !known || t.app != a.id() || !time.Now().Before(t.expires):
		return t, 10155
	}
	return t, checkRequestID(l.RequestID)
}

// once does the work of a request id that was not served before, and repeats the answer of one that was.
func (v *Vendor) once(a App, requestID string, do func() answer) answer {
	key := a.id() + " " + requestID
	if said, served := v.answers.Get(key); served {
		return said
	}
	said := do()
	if said.Result == 0 {
		v.answers.Change(key, func(answer) answer { return said })
	}
	return said
}

// full is the code of the limit that keeps n messages back, 0 for none.
func (v *Vendor) full(a App, m message, n int) int {
	limit, key := a.volume(m)
	spent := limit > 0 && v.quota.Used(key) >= limit
	switch {
	case !v.rates.Allow("push "+a.id(), a.MessagesPerSecond, n):
		return 10072
	case m.PushMode == 1:
		return 0
	case m.system() && spent:
		return 10073
	case spent:
		return 10070
	case a.OperationRules && !m.system() && isNight():
		return 10071
	}
	return 0
}

func isNight() bool {
	hour := china().Hour()
	return hour < dawn || hour >= dusk
}

// volume is the day's limit for the class of the message, and what it is counted under.
func (a App) volume(m message) (limit int, key string) {
	if m.system() {
		return a.SystemQuota, "system " + a.id()
	}
	return a.OperationQuota, "operation " + a.id()
}

// batch is the work of one request.
type batch struct {
	vendor  *Vendor
	app     App
	message message
	taskID  string
	single  bool
}

// deliver pushes to one phone. A status that is not 0 says why there is no such; off means that it takes no pushes.
func (b batch) deliver(id string) (status int, off bool) {
	v, m := b.vendor, b.message
	handset, ok := v.phones.Lookup(Name, id)
	switch {
	case !ok || handset.App() != b.app.id():
		return unknownUser, false
	case m.PushMode == 1 && !slices.Contains(b.app.TestPhones, id):
		return notATester, false
	case b.single && !handset.Phone().PushEnabled:
		return 0, true
	case b.held(id):
		return 0, false
	}
	p := m.push(b.taskID)
	if m.AddBadge {
		p.Badge = new(v.badges.Change(id, func(n int32) int32 { return n + 1 }))
	}
	p.Report = func(e phone.Event) { b.report(e, id) }
	handset.Deliver(p)
	return 0, false
}

// held drops what the rules for operational messages forbid on one phone, after vivo took it.
func (b batch) held(id string) bool {
	m := b.message
	if !b.app.OperationRules || m.PushMode == 1 || m.system() {
		return false
	}
	text := china().Format(time.DateOnly) + "\x00" + id + "\x00" + m.Title + "\x00" + m.Content
	_, same := b.vendor.shown.Get(text)
	b.vendor.shown.Change(text, func(bool) bool { return true })
	if same {
		b.receipt(controlled, "same text", id)
		return true
	}
	if _, ok := b.vendor.quota.Take(apps.Limit{Key: "phone " + id, Most: perPhone}); !ok {
		b.receipt(mismatch, "per-user frequency exceeded", id)
		return true
	}
	return false
}

func (b batch) report(e phone.Event, id string) {
	switch e {
	case phone.Delivered:
		if _, key := b.app.volume(b.message); b.message.PushMode == 0 {
			b.vendor.quota.Take(apps.Limit{Key: key})
		}
		b.receipt(arrived, "", id)
	case phone.Disabled:
		b.receipt(notDisplayed, "", id)
	case phone.Clicked: // vivo has no receipt for it
	}
}

// taskID looks like vivo's: a long number.
func (v *Vendor) taskID() string { return strconv.FormatInt(v.lastTask.Add(1), 10) }

func china() time.Time { return time.Now().In(time.FixedZone("UTC+8", 8*60*60)) }
