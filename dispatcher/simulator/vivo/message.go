package vivo

import (
	"maps"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/offlinepush/operator/dispatcher/simulator/phone"
)

const (
	maxTitle     = 40
	maxContent   = 100
	maxSkip      = 1024
	maxCustom    = 1024
	maxRequestID = 64
	maxCallback  = 128
	// maxOldParam and maxParam are the limits of callback.param beside a URL and beside an id.
	maxOldParam = 64
	maxParam    = 192
	minTTL      = 60
	maxTTL      = 86400
	// malformed is the code of a request that is not shaped like one.
	malformed = 10800
)

// message is the body of /message/send and of /message/saveListPayload.
type message struct {
	RegID          string            `json:"regId"`
	Alias          string            `json:"alias"`
	NotifyType     int               `json:"notifyType"`
	Title          string            `json:"title"`
	Content        string            `json:"content"`
	TimeToLive     *int64            `json:"timeToLive"`
	SkipType       int               `json:"skipType"`
	SkipContent    string            `json:"skipContent"`
	NetworkType    *int              `json:"networkType"`
	Classification *int              `json:"classification"`
	Category       string            `json:"category"`
	Custom         map[string]string `json:"clientCustomMap"`
	Extra          map[string]string `json:"extra"`
	RequestID      string            `json:"requestId"`
	PushMode       int               `json:"pushMode"`
	NotifyID       *int64            `json:"notifyId"`
	SendOnline     bool              `json:"sendOnline"`
	AddBadge       bool              `json:"addBadge"`
}

// check is the code of what vivo refuses in a message of the app, 0 for nothing.
func (m message) check(a App) int {
	for _, check := range []func() int{
		m.checkText, m.checkNumbers, m.checkRanges, m.checkCustom, m.checkSkip, m.checkClass, m.checkExtra,
		func() int { return checkRequestID(m.RequestID) },
		func() int { return m.checkRights(a) },
	} {
		if code := check(); code != 0 {
			return code
		}
	}
	return 0
}

func (m message) checkText() int {
	text := strings.ToLower(strings.TrimSpace(m.Content))
	switch {
	case strings.TrimSpace(m.Title) == "":
		return 10055
	case utf8.RuneCountInString(m.Title) > maxTitle:
		return 10056
	case text == "":
		return 10057
	case utf8.RuneCountInString(m.Content) > maxContent:
		return 10058
	case m.PushMode == 0 && (text == "test" || text == "测试"):
		return 10104
	}
	return 0
}

func (m message) checkNumbers() int {
	switch {
	case m.NotifyType < 1 || m.NotifyType > 4:
		return 10054
	case m.NetworkType != nil && *m.NetworkType != -1 && *m.NetworkType != 1:
		return 10065
	case m.PushMode != 0 && m.PushMode != 1:
		return 10801
	}
	return 0
}

func (m message) checkRanges() int {
	switch {
	case m.TimeToLive != nil && (*m.TimeToLive < minTTL || *m.TimeToLive > maxTTL):
		return 10059
	case m.NotifyID != nil && (*m.NotifyID < 1 || *m.NotifyID > 1<<31-1):
		return 10095
	}
	return 0
}

func (m message) checkCustom() int {
	length := 0
	for k, v := range m.Custom {
		length += utf8.RuneCountInString(k) + utf8.RuneCountInString(v)
	}
	if length > maxCustom {
		return 10067
	}
	return 0
}

func (m message) checkSkip() int {
	if m.SkipType < 1 || m.SkipType > 4 || m.SkipType > 1 && m.SkipContent == "" || utf8.RuneCountInString(m.SkipContent) > maxSkip {
		return 10060
	}
	return 0
}

// categories are vivo's second-level classes; true are system messages.
func categories() map[string]bool {
	return map[string]bool{
		"IM": true, "ACCOUNT": true, "TODO": true, "DEVICE_REMINDER": true, "ORDER": true, "SUBSCRIPTION": true,
		"NEWS": false, "CONTENT": false, "MARKETING": false, "SOCIAL": false,
	}
}

func (m message) checkClass() int {
	system, known := categories()[m.Category]
	switch c := m.Classification; {
	case c != nil && *c != 0 && *c != 1:
		return 10051
	case m.Category != "" && !known:
		return 10096
	case m.Category != "" && c != nil && (*c == 1) != system:
		return 10097
	}
	return 0
}

// system tells whether it is a system message; the category decides where nothing else does.
func (m message) system() bool {
	if m.Classification != nil {
		return *m.Classification == 1
	}
	return categories()[m.Category]
}

func (m message) checkExtra() int {
	limit := maxOldParam
	if _, byID := m.Extra["callback.id"]; byID {
		limit = maxParam
	}
	for key, value := range m.Extra {
		switch length := utf8.RuneCountInString(value); {
		case key == "callback" && length > maxCallback:
			return 10305
		case key == "callback.param" && length > limit:
			return 10306
		case key != "callback" && key != "callback.param" && key != "callback.id":
			return 10304
		}
	}
	return 0
}

func checkRequestID(id string) int {
	switch {
	case id == "":
		return 10352
	case utf8.RuneCountInString(id) > maxRequestID:
		return 10353
	}
	return 0
}

func (m message) checkRights(a App) int {
	switch {
	case a.UnderReview && m.PushMode != 1:
		return 10045
	case a.NoSystem && m.system():
		return 10082
	}
	return 0
}

// push is the message as the phone's vivo client reads it.
func (m message) push(taskID string) phone.Push {
	p := phone.Push{
		Content: phone.Content{
			MessageID: taskID, Kind: phone.Notification, Title: m.Title, Content: m.Content,
			Payload: m.Custom["payload"], Data: maps.Clone(m.Custom), Category: m.Category, DedupID: m.RequestID,
		},
		TTL: maxTTL * time.Second,
	}
	if m.SkipType > 1 {
		p.Click = m.SkipContent
	}
	if m.NotifyID != nil {
		p.ReplaceID = strconv.FormatInt(*m.NotifyID, 10)
	}
	if m.TimeToLive != nil {
		p.TTL = time.Duration(*m.TimeToLive) * time.Second
	}
	if m.SendOnline {
		p.TTL = 0
	}
	return p
}
