package huawei

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/offlinepush/operator/dispatcher/simulator/phone"
	"github.com/offlinepush/operator/dispatcher/simulator/pushkit"
)

// defaultTTL is the time to live of a push that names none, in seconds.
const defaultTTL = 86400

type request struct {
	ValidateOnly bool    `json:"validate_only"`
	Message      message `json:"message"`
}

type message struct {
	Data         string       `json:"data"`
	Notification notification `json:"notification"`
	Android      android      `json:"android"`
	Token        []string     `json:"token"`
}

type notification struct {
	Title string `json:"title"`
	Body  string `json:"body"`
	Image string `json:"image"`
}

type android struct {
	CollapseKey    *int                 `json:"collapse_key"`
	TTL            string               `json:"ttl"`
	Category       string               `json:"category"`
	Urgency        string               `json:"urgency"`
	BiTag          string               `json:"bi_tag"`
	ReceiptID      string               `json:"receipt_id"`
	Data           string               `json:"data"`
	TargetUserType int                  `json:"target_user_type"`
	FastAppTarget  int                  `json:"fast_app_target"`
	Notification   *androidNotification `json:"notification"`
}

type androidNotification struct {
	Title          string          `json:"title"`
	Body           string          `json:"body"`
	Image          string          `json:"image"`
	ClickAction    *clickAction    `json:"click_action"`
	Importance     string          `json:"importance"`
	ChannelID      string          `json:"channel_id"`
	NotifyID       *int            `json:"notify_id"`
	Tag            string          `json:"tag"`
	Group          string          `json:"group"`
	Badge          *badge          `json:"badge"`
	ForegroundShow *bool           `json:"foreground_show"`
	Style          int             `json:"style"`
	BigTitle       string          `json:"big_title"`
	BigBody        string          `json:"big_body"`
	Sound          string          `json:"sound"`
	DefaultSound   bool            `json:"default_sound"`
	Visibility     string          `json:"visibility"`
	When           string          `json:"when"`
	ProfileID      string          `json:"profile_id"`
	NotifySummary  string          `json:"notify_summary"`
	Buttons        json.RawMessage `json:"buttons"`
}

type clickAction struct {
	Type   int    `json:"type"`
	Intent string `json:"intent"`
	Action string `json:"action"`
	URL    string `json:"url"`
}

type badge struct {
	AddNum *int   `json:"add_num"`
	SetNum *int   `json:"set_num"`
	Class  string `json:"class"`
}

// shown merges the two places of a notification; nil means a data message.
func (m message) shown() *androidNotification {
	if m.Android.Notification == nil && m.Notification == (notification{}) {
		return nil
	}
	n := androidNotification{}
	if m.Android.Notification != nil {
		n = *m.Android.Notification
	}
	for own, common := range map[*string]string{&n.Title: m.Notification.Title, &n.Body: m.Notification.Body, &n.Image: m.Notification.Image} {
		if *own == "" {
			*own = common
		}
	}
	return &n
}

func (m message) data() string {
	if m.Android.Data != "" {
		return m.Android.Data
	}
	return m.Data
}

// check is what Push Kit refuses in a message of the app.
func (m message) check(a App) *pushkit.Answer {
	if no := m.Android.check(); no != nil {
		return no
	}
	n := m.shown()
	if n == nil {
		return m.checkData(a)
	}
	if m.data() != "" && !json.Valid([]byte(m.data())) {
		return pushkit.Refuse(pushkit.WrongMessage, "data: must be JSON")
	}
	if no := a.CheckText(n.Title, n.Body); no != nil {
		return no
	}
	return n.check()
}

func (m message) checkData(a App) *pushkit.Answer {
	switch {
	case m.data() == "":
		return pushkit.Refuse(pushkit.WrongMessage, "data or notification: must be set")
	case m.Android.Urgency == "HIGH" && !a.HighPriority:
		return pushkit.Refuse(pushkit.NoHighPriority, "")
	}
	return nil
}

func (d android) check() *pushkit.Answer {
	if no := pushkit.CheckCategory(d.Category); no != nil {
		return no
	}
	seconds, ok := d.seconds()
	switch {
	case d.CollapseKey != nil && (*d.CollapseKey < -1 || *d.CollapseKey > 100):
		return pushkit.Refuse(pushkit.WrongCollapseKey, "")
	case !slices.Contains([]string{"", "HIGH", "NORMAL"}, d.Urgency):
		return pushkit.Refuse(pushkit.WrongParameter, "urgency: "+d.Urgency)
	case d.TargetUserType != 0 && d.TargetUserType != 1:
		return pushkit.Refuse(pushkit.WrongParameter, "target_user_type")
	case !ok:
		return pushkit.Refuse(pushkit.WrongParameter, "ttl: "+d.TTL)
	}
	return pushkit.CheckSeconds(seconds)
}

// seconds reads the time to live, a number with an s behind it.
func (d android) seconds() (int64, bool) {
	if d.TTL == "" {
		return defaultTTL, true
	}
	text, ok := strings.CutSuffix(d.TTL, "s")
	n, err := strconv.ParseInt(text, 10, 64)
	return n, ok && err == nil
}

func (n androidNotification) check() *pushkit.Answer {
	switch {
	case n.Title == "" || n.Body == "":
		return pushkit.Refuse(pushkit.WrongMessage, "title and body: must be set")
	case n.ClickAction == nil || !n.ClickAction.valid():
		return pushkit.Refuse(pushkit.WrongMessage, "click_action")
	case !slices.Contains([]string{"", "LOW", "NORMAL"}, n.Importance):
		return pushkit.Refuse(pushkit.WrongParameter, "importance: "+n.Importance)
	case !slices.Contains([]string{"", "PRIVATE", "PUBLIC", "SECRET", "VISIBILITY_UNSPECIFIED"}, n.Visibility):
		return pushkit.Refuse(pushkit.WrongParameter, "visibility: "+n.Visibility)
	case !slices.Contains([]int{0, 1, 3}, n.Style):
		return pushkit.Refuse(pushkit.WrongParameter, "style")
	case n.Badge != nil && !n.Badge.valid():
		return pushkit.Refuse(pushkit.WrongParameter, "badge")
	}
	return pushkit.CheckImage(n.Image)
}

func (c clickAction) valid() bool {
	switch c.Type {
	case 1:
		return c.Intent != "" || c.Action != ""
	case 2:
		return strings.HasPrefix(c.URL, "https://")
	}
	return c.Type == 3 //nolint:mnd // opens the app
}

// valid needs the launcher's class, and numbers within Huawei's limits.
func (b badge) valid() bool {
	return b.Class != "" && (b.AddNum == nil || *b.AddNum >= 1 && *b.AddNum <= 99) && (b.SetNum == nil || *b.SetNum >= 0 && *b.SetNum <= 99)
}

// push is the message as the app and the user of a phone get it.
func (m message) push(id string) phone.Push {
	texts := pushkit.Texts(m.data())
	seconds, _ := m.Android.seconds() // was checked
	p := phone.Push{
		Content: phone.Content{
			MessageID: id, Kind: phone.Data, Payload: texts["payload"], Data: texts, Category: m.Android.Category,
		},
		TTL: time.Duration(seconds) * time.Second,
	}
	if key := m.Android.CollapseKey; key != nil && *key >= 0 {
		p.CollapseKey = strconv.Itoa(*key)
	}
	n := m.shown()
	if n == nil {
		return p
	}
	p.Kind, p.Title, p.Content.Content = phone.Notification, n.Title, n.Body
	p.Image, p.Sound, p.Channel, p.ReplaceID = n.Image, n.Sound, n.ChannelID, n.Tag
	p.Click = n.ClickAction.Intent + n.ClickAction.Action + n.ClickAction.URL
	if n.NotifyID != nil && *n.NotifyID != -1 {
		p.ReplaceID = strings.TrimPrefix(n.Tag+"/"+strconv.Itoa(*n.NotifyID), "/")
	}
	return p
}

func (m message) badge() *pushkit.Badge {
	n := m.shown()
	if n == nil || n.Badge == nil {
		return nil
	}
	b := &pushkit.Badge{}
	if n.Badge.SetNum != nil {
		b.Set = new(int32(*n.Badge.SetNum)) //nolint:gosec // was checked
	}
	if n.Badge.AddNum != nil {
		b.Add = int32(*n.Badge.AddNum) //nolint:gosec // was checked
	}
	return b
}
