package xiaomi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/offlinepush/operator/dispatcher/simulator/apps"
	"github.com/offlinepush/operator/dispatcher/simulator/phone"
	"github.com/offlinepush/operator/dispatcher/simulator/traffic"
)

const maxTargets = 1000

// sent is data of the answer to a push. The counts are text, as Xiaomi writes them.
type sent struct {
	ID             string `json:"id"`
	DayQuota       string `json:"day_quota,omitempty"`
	DayAcked       string `json:"day_acked,omitempty"`
	BadRegIDs      string `json:"bad_regids,omitempty"`
	ChannelExceeds string `json:"channel_exceed_quota,omitempty"`
}

// sendV2 is v3 with exactly one package.
func (v *Vendor) sendV2(r *http.Request, a App) answer {
	if strings.Contains(r.PostFormValue("restricted_package_name"), ",") {
		return refuse(22022, "Invalid package name: v2 takes one")
	}
	return v.sendV3(r, a)
}

// sendV3 pushes one message to up to 1000 ids.
func (v *Vendor) sendV3(r *http.Request, a App) answer {
	if !v.rates.Allow(a.PackageName, a.RequestsPerSecond, 1) {
		return refuse(200002, "Too many requests per second")
	}
	if err := r.ParseForm(); err != nil {
		return refuse(10017, "Invalid form")
	}
	m := readForm(r.PostForm)
	targets := split(r.PostForm.Get("registration_id"))
	traffic.SetTargets(r, targets...)
	switch {
	case len(targets) == 0:
		return refuse(10016, "Missing parameter registration_id")
	case len(targets) > maxTargets:
		return refuse(10017, fmt.Sprintf("Invalid parameter registration_id: at most %d", maxTargets))
	}
	if no := m.check(a); no != nil {
		return refuse(no.code, no.reason)
	}
	batch := v.newBatch(a)
	if v.full(a, m.Extra["channel_id"]) {
		batch.receipt(m, quotaReceipt, targets...)
		return refuse(200001, "Over the daily quota")
	}
	for _, target := range targets {
		batch.push(m, target)
	}
	return batch.answer(len(targets))
}

// sendMulti pushes a message of its own to each target.
func (v *Vendor) sendMulti(r *http.Request, a App) answer {
	if !v.rates.Allow(a.PackageName, a.RequestsPerSecond, 1) {
		return refuse(200002, "Too many requests per second")
	}
	elements, err := readMulti(r.PostFormValue("messages"))
	switch {
	case err != nil:
		return refuse(10017, "Invalid parameter messages: "+err.Error())
	case len(elements) == 0:
		return refuse(10016, "Missing parameter messages")
	case len(elements) > maxTargets:
		return refuse(10017, fmt.Sprintf("Invalid parameter messages: at most %d", maxTargets))
	}
	targets := make([]string, len(elements))
	for i, e := range elements {
		targets[i] = e.Target
		if no := e.Message.check(a); no != nil {
			return refuse(no.code, no.reason)
		}
	}
	traffic.SetTargets(r, targets...)
	batch := v.newBatch(a)
	for _, e := range elements {
		if channel := e.Message.Extra["channel_id"]; v.full(a, channel) {
			batch.exceeded[channel]++
			continue
		}
		batch.push(e.Message, e.Target)
	}
	return batch.answer(len(elements))
}

type element struct {
	Target  string  `json:"target"`
	Message message `json:"message"`
}

func readMulti(text string) (elements []element, err error) {
	if text == "" {
		return nil, nil
	}
	err = json.Unmarshal([]byte(text), &elements)
	return elements, err
}

func split(list string) []string {
	return slices.DeleteFunc(strings.Split(list, ","), func(s string) bool { return strings.TrimSpace(s) == "" })
}

// batch is the work of one request.
type batch struct {
	vendor   *Vendor
	app      App
	id       string
	bad      []string
	exceeded map[string]int
}

func (v *Vendor) newBatch(a App) *batch {
	id := "sdm" + strconv.FormatInt(time.Now().UnixMilli(), 10) + apps.RandomHex(4)
	return &batch{vendor: v, app: a, id: id, exceeded: map[string]int{}}
}

// push delivers to one target, or notes that there is no such.
func (b *batch) push(m message, target string) {
	handset, ok := b.vendor.phones.Lookup(Name, target)
	if !ok || handset.App() != b.app.PackageName {
		b.bad = append(b.bad, target)
		b.receipt(m, invalidReceipt, target)
		return
	}
	p := m.push(b.id)
	channel, _ := b.app.channel(p.Channel)
	p.Report = func(e phone.Event) {
		if e == phone.Delivered && !channel.Private {
			b.vendor.delivered.Take(apps.Limit{Key: b.app.PackageName})
		}
		b.receipt(m, receiptOf(e), target)
	}
	handset.Deliver(p)
}

func receiptOf(e phone.Event) int {
	switch e {
	case phone.Delivered:
		return deliveredReceipt
	case phone.Clicked:
		return clickedReceipt
	case phone.Disabled:
		return disabledReceipt
	}
	return 0
}

// receipt tells the message's callback, if it asks for this kind.
func (b *batch) receipt(m message, kind int, targets ...string) {
	link := m.Extra["callback"]
	wanted := deliveredReceipt | clickedReceipt
	if text := m.Extra["callback.type"]; text != "" {
		wanted, _ = strconv.Atoi(text) // was checked
	}
	// Data messages have no receipts.
	if link == "" || wanted&kind == 0 || m.PassThrough == "1" {
		return
	}
	r := Receipt{
		Param: m.Extra["callback.param"], Type: kind, Targets: strings.Join(targets, ","),
		JobKey: m.Extra["jobkey"], BarStatus: "Enable", Timestamp: time.Now().UnixMilli(),
	}
	switch kind {
	case quotaReceipt:
		r.Extra = map[string]string{"ack": strconv.Itoa(b.vendor.delivered.Used(b.app.PackageName)), "quota": strconv.Itoa(b.app.DayQuota)}
	case disabledReceipt:
		r.BarStatus = "Disable"
	}
	b.vendor.receipts.Add(report{URL: link, MessageID: b.id, Content: r})
}

func (b *batch) answer(targets int) answer {
	b.vendor.bury(b.app, b.bad)
	if len(b.bad) == targets {
		return refuse(20301, "No valid targets!")
	}
	s := sent{ID: b.id, BadRegIDs: strings.Join(b.bad, ",")}
	if b.app.DayQuota > 0 {
		s.DayQuota, s.DayAcked = strconv.Itoa(b.app.DayQuota), strconv.Itoa(b.vendor.delivered.Used(b.app.PackageName))
	}
	received := targets - len(b.bad)
	var exceeds []string
	for channel, n := range b.exceeded {
		received -= n
		if channel == "" {
			channel = "no_channel"
		}
		exceeds = append(exceeds, channel+":"+strconv.Itoa(n))
	}
	slices.Sort(exceeds)
	s.ChannelExceeds = strings.Join(exceeds, " ")
	return succeed(fmt.Sprintf("Received push messages for %d REGID", received), s)
}
