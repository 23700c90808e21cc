package vivo

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/provider"
)

// arrived is the ackType of a push that reached the phone. Every other one says why it did not.
const arrived = "0"

// ack is what a callback says of a task.
type ack struct {
	Targets text `json:"targets"`
	Time    text `json:"ackTime"`
	Param   text `json:"param"`
	Type    text `json:"ackType"`
}

// ackTypes says what vivo's ackTypes mean; any other is of a push that was dropped for a reason that no document names.
func ackTypes() map[string]string {
	return map[string]string{
		"100": "controlled by vivo",
		"101": "rejected by vivo's audit",
		"102": "the phone or its quota does not fit",
		"103": "overwritten by a later push",
		"104": "not displayed by the phone",
	}
}

// Receipts reads a callback: a JSON object by task ids. vivo signs nothing, so the secret in the URL's path is the proof.
func Receipts(_ config.Channel, c provider.Callback) ([]provider.Receipt, error) {
	var tasks map[string]json.RawMessage
	if json.Unmarshal(c.Body, &tasks) != nil || tasks == nil {
		return nil, errors.New("the callback is not a JSON object of receipts by task id")
	}
	var receipts []provider.Receipt
	read := len(tasks) == 0
	for _, task := range slices.Sorted(maps.Keys(tasks)) {
		var a ack
		var fields map[string]any
		if json.Unmarshal(tasks[task], &a) != nil || json.Unmarshal(tasks[task], &fields) != nil || a.Type == "" {
			continue // the others are good
		}
		read = true
		receipts = append(receipts, a.receipts(task, fields)...)
	}
	if !read {
		return nil, errors.New("no receipt is an object with targets and ackType")
	}
	return receipts, nil
}

// receipts is one for each phone.
func (a ack) receipts(task string, fields map[string]any) (all []provider.Receipt) {
	var tokens []string
	for target := range strings.SplitSeq(string(a.Targets), ",") {
		if target = strings.TrimSpace(target); target != "" {
			tokens = append(tokens, target)
		}
	}
	r := provider.Receipt{
		MessageID: string(a.Param), VendorMessageID: task, Event: provider.Delivered, Code: string(a.Type), At: a.at(),
		Reason: "arrived at the phone",
	}
	if a.Type != arrived {
		r.Event = provider.Dropped
		if blamesToken(fields) {
			r.Event = provider.TokenInvalid
		}
		r.Reason = provider.Words(provider.Notes(ackTypes()[r.Code], provider.Words(more(fields), tokens...)))
	}
	for _, r.Token = range tokens {
		all = append(all, r)
	}
	return all
}

// at is when it happened by vivo's clock, in milliseconds; zero when that is no time.
func (a ack) at() time.Time {
	ms, err := strconv.ParseInt(string(a.Time), 10, 64)
	if err != nil || ms <= 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}

// more is what a receipt says besides: vivo names the field of its sub-codes nowhere.
func more(fields map[string]any) string {
	fields = maps.Clone(fields)
	for _, known := range []string{"targets", "ackTime", "param", "ackType"} {
		delete(fields, known)
	}
	text, err := json.Marshal(fields)
	if err != nil || len(fields) == 0 {
		return ""
	}
	return string(text)
}

// blamesToken finds the reason that ends a token, which vivo gives in words.
func blamesToken(fields map[string]any) bool {
	for _, value := range fields {
		words, _ := value.(string)
		words = strings.ToLower(words)
		if strings.Contains(words, "regid") && (strings.Contains(words, "invalid") || strings.Contains(words, "无效")) {
			return true
		}
	}
	return false
}
