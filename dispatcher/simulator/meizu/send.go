package meizu

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/offlinepush/operator/dispatcher/simulator/apps"
	"github.com/offlinepush/operator/dispatcher/simulator/phone"
	"github.com/offlinepush/operator/dispatcher/simulator/traffic"
)

const (
	maxTargets = 100
	// maxRepeated is how often a phone takes the same message within foldTime.
	maxRepeated = 5
	foldTime    = time.Minute
)

// sendNotification pushes one notification to up to 100 push ids.
func (v *Vendor) sendNotification(r *http.Request, a App) answer {
	ids, no := targets(r)
	if no != nil {
		return *no
	}
	m, no := readNotice(r.PostForm.Get("messageJson"), a)
	if no != nil {
		return *no
	}
	b := v.newBatch(a, m.Extra)
	b.perPhone = a.PublicPerPhone
	if m.Bar.MsgType == private {
		b.perPhone = 0
	}
	return b.send(ids, r.PostForm.Get("messageJson"), m.push(b.id))
}

// sendData pushes one data message to up to 100 push ids.
func (v *Vendor) sendData(r *http.Request, a App) answer {
	ids, no := targets(r)
	if no != nil {
		return *no
	}
	m, no := readThrough(r.PostForm.Get("messageJson"))
	if no != nil {
		return *no
	}
	b := v.newBatch(a, extra{})
	return b.send(ids, r.PostForm.Get("messageJson"), m.push(b.id))
}

func targets(r *http.Request) ([]string, *answer) {
	list := r.PostForm.Get("pushIds")
	ids := strings.Split(list, ",")
	traffic.SetTargets(r, ids...)
	switch {
	case list == "":
		return nil, new(refuse(codeEmpty, "pushIds must not be empty"))
	case len(ids) > maxTargets:
		return nil, new(refuse(codeParameter, "pushIds: at most 100"))
	}
	return ids, nil
}

// batch is the work of one request.
type batch struct {
	vendor *Vendor
	app    App
	id     string
	extra  extra
	// perPhone is how many pushes of the message's class a phone takes in a day, 0 for no limit.
	perPhone int
	failed   map[string][]string
}

func (v *Vendor) newBatch(a App, e extra) *batch {
	return &batch{vendor: v, app: a, id: apps.RandomHex(idBytes), extra: e, failed: map[string][]string{}}
}

func (b *batch) send(ids []string, text string, p phone.Push) answer {
	day := "app " + b.app.AppID
	if b.app.DayQuota > 0 && b.vendor.quota.Used(day)+len(ids) > b.app.DayQuota {
		return refuse(codeDayQuota, "the app's pushes of the day are used up")
	}
	for _, id := range ids {
		b.vendor.quota.Take(apps.Limit{Key: day})
		if code := b.push(id, text, p); code != codeOK {
			b.failed[code] = append(b.failed[code], id)
		}
	}
	return answer{Code: codeOK, MsgID: b.id, Value: b.failed}
}

// push delivers to one phone, or says why not.
func (b *batch) push(id, text string, p phone.Push) string {
	if !wellFormed(id) {
		return codeIllegal
	}
	handset, ok := b.vendor.phones.Lookup(Name, id)
	switch {
	case !ok || handset.App() != b.app.AppID:
		return codeNotThere
	case p.Kind == phone.Notification && !handset.Phone().PushEnabled:
		return codeSwitchOff
	case b.vendor.isRepeated(id+" "+text, time.Now()):
		return codeFolded
	}
	if _, ok := b.vendor.quota.Take(apps.Limit{Key: "phone " + id, Most: b.perPhone}); !ok {
		return codePhoneQuota
	}
	p.Report = func(e phone.Event) { b.report(e, id) }
	handset.Deliver(p)
	return codeOK
}

// isRepeated counts a message of a phone, unless it is one too many.
func (v *Vendor) isRepeated(key string, now time.Time) (folded bool) {
	v.repeated.Change(key, func(times []time.Time) []time.Time {
		recent := slices.DeleteFunc(slices.Clone(times), func(at time.Time) bool { return now.Sub(at) >= foldTime })
		if folded = len(recent) >= maxRepeated; folded {
			return recent
		}
		return append(recent, now)
	})
	return folded
}

// statistics is how many pushes the app had.
func (v *Vendor) statistics(r *http.Request, a App) answer {
	const day = "20060102"
	from, err := time.Parse(day, r.Form.Get("startTime"))
	if err != nil {
		return refuse(codeParameter, "startTime: must be a day such as 20140214")
	}
	to, err := time.Parse(day, r.Form.Get("endTime"))
	if err != nil || to.Before(from) {
		return refuse(codeFailed, "endTime must not be before startTime")
	}
	used := v.quota.Used("app " + a.AppID)
	return answer{Code: codeOK, Value: []map[string]any{{"date": from.Format(time.DateOnly), "pushedNo": used, "targetNo": used}}}
}
