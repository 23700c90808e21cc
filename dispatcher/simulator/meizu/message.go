package meizu

import (
	"cmp"
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/offlinepush/operator/dispatcher/simulator/phone"
)

const (
	maxTitle     = 32
	maxContent   = 100
	maxData      = 3800
	maxAddress   = 1000
	maxHours     = 72
	defaultHours = 24
	maxCallback  = 128
	maxParam     = 64
	private      = 1
	bigPicture   = 2
)

// notice is the messageJson of a notification. Numbers that are missing have defaults.
type notice struct {
	Bar struct {
		MsgType int    `json:"noticeMsgType"`
		BarType int    `json:"noticeBarType"`
		Title   string `json:"title"`
		Content string `json:"content"`
	} `json:"noticeBarInfo"`
	Expand struct {
		Type    int    `json:"noticeExpandType"`
		Content string `json:"noticeExpandContent"`
		Image   string `json:"noticeExpandImgUrl"`
	} `json:"noticeExpandInfo"`
	Click struct {
		Type            int            `json:"clickType"`
		Activity        string         `json:"activity"`
		URL             string         `json:"url"`
		CustomAttribute string         `json:"customAttribute"`
		Parameters      map[string]any `json:"parameters"`
	} `json:"clickTypeInfo"`
	Time    pushTime `json:"pushTimeInfo"`
	Advance struct {
		Suspend        *int   `json:"suspend"`
		ClearNoticeBar *int   `json:"clearNoticeBar"`
		NotifyKey      string `json:"notifyKey"`
	} `json:"advanceInfo"`
	Extra extra `json:"extra"`
}

type pushTime struct {
	OffLine   *int `json:"offLine"`
	ValidTime *int `json:"validTime"`
}

// extra asks for receipts.
type extra struct {
	Callback string `json:"callback"`
	Param    string `json:"callback.param"`
	Type     string `json:"callback.type"`
}

// through is the messageJson of a data message.
type through struct {
	Title   string   `json:"title"`
	Content string   `json:"content"`
	Time    pushTime `json:"pushTimeInfo"`
}

func parameter(ok bool, words string) *answer {
	if ok {
		return nil
	}
	return new(refuse(codeParameter, words))
}

// readNotice reads a notification of the app, or says why Meizu refuses it.
func readNotice(text string, a App) (m notice, no *answer) {
	if text == "" {
		return m, new(refuse(codeEmpty, "messageJson must not be empty"))
	}
	if json.Unmarshal([]byte(text), &m) != nil {
		return m, new(refuse(codeParameter, "messageJson is malformed"))
	}
	return m, cmp.Or(m.checkBar(), m.checkExpand(a), m.checkClick(), m.Time.check(), m.checkAdvance(), m.Extra.check(a))
}

func (m notice) checkBar() *answer {
	title, content := utf8.RuneCountInString(m.Bar.Title), utf8.RuneCountInString(m.Bar.Content)
	return cmp.Or(
		parameter(title >= 1 && title <= maxTitle, "title: must have 1 to 32 characters"),
		parameter(content >= 1 && content <= maxContent, "content: must have 1 to 100 characters"),
		parameter(m.Bar.MsgType == 0 || m.Bar.MsgType == private, "noticeMsgType: must be 0 or 1"),
		parameter(m.Bar.BarType == 0 || m.Bar.BarType == 2, "noticeBarType: must be 0 or 2"),
	)
}

func (m notice) checkExpand(a App) *answer {
	return cmp.Or(
		parameter(m.Expand.Type >= 0 && m.Expand.Type <= bigPicture, "noticeExpandType: must be 0, 1 or 2"),
		parameter(m.Expand.Type != 1 || m.Expand.Content != "", "noticeExpandContent: must be set"),
		parameter(m.Expand.Type != bigPicture || m.Expand.Image != "" && a.VIP, "noticeExpandImgUrl: is missing or not allowed"),
	)
}

func (m notice) checkClick() *answer {
	given := map[int]string{1: m.Click.Activity, 2: m.Click.URL, 3: m.Click.CustomAttribute}[m.Click.Type]
	return cmp.Or(
		parameter(m.Click.Type >= 0 && m.Click.Type <= 3, "clickType: must be 0 to 3"),
		parameter(m.Click.Type == 0 || given != "" && len(given) <= maxAddress, "activity, url or customAttribute: must have 1 to 1000 bytes"),
	)
}

func (t pushTime) check() *answer {
	return cmp.Or(
		parameter(isSwitch(t.OffLine), "offLine: must be 0 or 1"),
		parameter(t.ValidTime == nil || *t.ValidTime >= 1 && *t.ValidTime <= maxHours, "validTime: must be 1 to 72 hours"),
	)
}

func isSwitch(n *int) bool { return n == nil || *n == 0 || *n == 1 }

func (m notice) checkAdvance() *answer {
	notifyKey := regexp.MustCompile(`^[0-9A-Za-z_-]{0,8}$`)
	return cmp.Or(
		parameter(isSwitch(m.Advance.Suspend) && isSwitch(m.Advance.ClearNoticeBar), "suspend and clearNoticeBar: must be 0 or 1"),
		parameter(notifyKey.MatchString(m.Advance.NotifyKey), "notifyKey: must be at most 8 letters, digits, _ and -"),
	)
}

func (e extra) check(a App) *answer {
	if e.Callback == "" {
		return nil
	}
	u, err := url.Parse(e.Callback)
	return cmp.Or(
		parameter(err == nil && u.Host != "" && strings.HasPrefix(u.Scheme, "http") && len(e.Callback) <= maxCallback, "callback: is no URL of at most 128 bytes"),
		parameter(slices.Contains(a.Callbacks, e.Callback), "callback: is not registered"),
		parameter(len(e.Param) <= maxParam, "callback.param: has more than 64 bytes"),
		parameter(slices.Contains([]string{"", "1", "2", "3"}, e.Type), "callback.type: must be 1, 2 or 3"),
	)
}

func readThrough(text string) (m through, no *answer) {
	if text == "" {
		return m, new(refuse(codeEmpty, "messageJson must not be empty"))
	}
	if json.Unmarshal([]byte(text), &m) != nil {
		return m, new(refuse(codeParameter, "messageJson is malformed"))
	}
	return m, cmp.Or(parameter(m.Content != "" && len(m.Content) <= maxData, "content: must have 1 to 3800 bytes"), m.Time.check())
}

func (t pushTime) life() time.Duration {
	switch {
	case t.OffLine != nil && *t.OffLine == 0:
		return 0
	case t.ValidTime == nil:
		return defaultHours * time.Hour
	}
	return time.Duration(*t.ValidTime) * time.Hour
}

// push is the notification as the phone's Flyme client reads it.
func (m notice) push(id string) phone.Push {
	p := phone.Push{Content: phone.Content{
		MessageID: id, Kind: phone.Notification, Title: m.Bar.Title, Content: m.Bar.Content,
		Data: map[string]string{}, Category: "public", Image: m.Expand.Image, ReplaceID: m.Advance.NotifyKey,
		Click: cmp.Or(m.Click.Activity, m.Click.URL, m.Click.CustomAttribute),
	}, TTL: m.Time.life()}
	if m.Bar.MsgType == private {
		p.Category = "private"
	}
	for name, value := range m.Click.Parameters {
		if text, ok := value.(string); ok {
			p.Data[name] = text
		}
	}
	p.Payload = p.Data["payload"]
	return p
}

func (m through) push(id string) phone.Push {
	return phone.Push{Content: phone.Content{MessageID: id, Kind: phone.Data, Title: m.Title, MessageContent: m.Content}, TTL: m.Time.life()}
}
