package meizu

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/provider"
)

// Limits of Meizu's HTTP API.
const (
	// maxTitle and maxContent are in characters.
	maxTitle   = 32
	maxContent = 100
	minHours   = 1
	maxHours   = 72
	// maxCallback is the length of a receipt URL, in bytes.
	maxCallback = 128
	// callbackBoth asks for receipts of delivery and of clicks.
	callbackBoth = "3"
	// keyBase writes the place of a notification, a number of 31 bits, in the letters and digits that Meizu takes.
	keyBase = 36
)

// The types of a click action.
const (
	clickApp  = 0
	clickPage = 1
	clickURI  = 2
)

// messageJSON is a notification.
type messageJSON struct {
	NoticeBar noticeBar    `json:"noticeBarInfo"`
	ClickType clickType    `json:"clickTypeInfo"`
	PushTime  pushTime     `json:"pushTimeInfo"`
	Advance   advance      `json:"advanceInfo"`
	Extra     *receiptRule `json:"extra,omitempty"`
}

type noticeBar struct {
	// MsgType is 0 for public messages, which have a quota, and 1 for private ones.
	MsgType int    `json:"noticeMsgType"`
	Title   string `json:"title"`
	Content string `json:"content"`
}

type clickType struct {
	Type     int    `json:"clickType"`
	Activity string `json:"activity,omitempty"`
	URL      string `json:"url,omitempty"`
	// Parameters are what the app reads.
	Parameters map[string]string `json:"parameters"`
}

type pushTime struct {
	OffLine int `json:"offLine"`
	// ValidTime is in hours.
	ValidTime int64 `json:"validTime"`
}

type advance struct {
	Suspend        int          `json:"suspend"`
	ClearNoticeBar int          `json:"clearNoticeBar"`
	Notification   notification `json:"notificationType"`
	// NotifyKey lets a later push of the same event replace the shown one.
	NotifyKey string `json:"notifyKey"`
}

type notification struct {
	Vibrate int `json:"vibrate"`
	Lights  int `json:"lights"`
	Sound   int `json:"sound"`
}

type receiptRule struct {
	URL   string `json:"callback"`
	Param string `json:"callback.param"`
	Type  string `json:"callback.type"`
}

// compose makes the messageJson that all targets share. The note says what was cut
// or left out; the error names the field that Meizu would refuse.
func compose(n provider.Notification, user, receiptURL string) (text, note string, err error) {
	if strings.TrimSpace(n.Title) == "" || strings.TrimSpace(n.Content) == "" {
		return "", "", errors.New("title and content: Meizu shows no push without both; give both")
	}
	setting := config.MeizuSetting{}
	if n.Setting.Meizu != nil {
		setting = *n.Setting.Meizu
	}
	title, titleNote := provider.Cut("title", n.Title, maxTitle)
	content, contentNote := provider.Cut("content", n.Content, maxContent)
	extra, receiptNote := receipts(n, receiptURL)
	imageNote := ""
	if n.Image != "" {
		imageNote = "image left out: Meizu takes pictures of a few partners only"
	}
	m := messageJSON{
		NoticeBar: noticeBar{Title: title, Content: content},
		ClickType: click(setting.ClickAction),
		PushTime:  pushTime{OffLine: 1, ValidTime: hours(n.TTL)},
		Advance: advance{
			Suspend: 1, ClearNoticeBar: 1, Notification: notification{1, 1, 1},
			NotifyKey: strconv.FormatInt(int64(provider.PlaceID(n)), keyBase),
		},
		Extra: extra,
	}
	if setting.NoticeType == "Private" {
		m.NoticeBar.MsgType = 1
	}
	m.ClickType.Parameters = map[string]string{provider.EnvelopeKey: provider.Envelope(n, user)}
	if n.Payload != "" {
		m.ClickType.Parameters[provider.PayloadKey] = n.Payload
	}
	return string(provider.Compact(m)), provider.Notes(titleNote, contentNote, imageNote, receiptNote), nil
}

func click(c config.ClickAction) clickType {
	switch c.Type {
	case config.OpenPage:
		return clickType{Type: clickPage, Activity: c.URI}
	case config.OpenURL:
		return clickType{Type: clickURI, URL: c.URI}
	}
	return clickType{Type: clickApp}
}

// hours rounds up: Meizu knows no smaller unit.
func hours(ttl time.Duration) int64 {
	whole := int64(ttl / time.Hour)
	if ttl%time.Hour > 0 {
		whole++
	}
	return min(max(whole, minHours), maxHours)
}

// receipts asks for receipts with the message's id, unless there is no URL or Meizu takes none of its length.
func receipts(n provider.Notification, receiptURL string) (rule *receiptRule, note string) {
	switch {
	case receiptURL == "":
		return nil, ""
	case len(receiptURL) > maxCallback:
		return nil, fmt.Sprintf("receipts left out: their URL has %d bytes, Meizu takes %d", len(receiptURL), maxCallback)
	}
	return &receiptRule{URL: receiptURL, Param: n.MessageID, Type: callbackBoth}, ""
}
