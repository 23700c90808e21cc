package huawei

import (
	"fmt"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/provider/pushkit"
)

// The types of a click action.
const (
	clickPage = 1
	clickURL  = 2
	clickApp  = 3
)

type request struct {
	Message body `json:"message"`
}

// body is a message of v1. Data is JSON in a text: the app reads an object of texts.
type body struct {
	Data    string   `json:"data"`
	Android android  `json:"android"`
	Token   []string `json:"token"`
}

// android has no collapse key: it would drop other messages that wait for an offline phone.
type android struct {
	TTL            string        `json:"ttl"`
	Category       string        `json:"category,omitempty"`
	Urgency        string        `json:"urgency,omitempty"`
	BiTag          string        `json:"bi_tag,omitempty"`
	ReceiptID      string        `json:"receipt_id,omitempty"`
	TargetUserType int           `json:"target_user_type,omitempty"`
	Notification   *notification `json:"notification,omitempty"`
}

type notification struct {
	Title          string `json:"title"`
	Body           string `json:"body"`
	ClickAction    click  `json:"click_action"`
	Importance     string `json:"importance"`
	ChannelID      string `json:"channel_id,omitempty"`
	NotifyID       int32  `json:"notify_id"`
	Badge          *badge `json:"badge,omitempty"`
	ForegroundShow bool   `json:"foreground_show"`
	Image          string `json:"image,omitempty"`
	Sound          string `json:"sound,omitempty"`
	DefaultSound   bool   `json:"default_sound,omitempty"`
}

type click struct {
	Type   int    `json:"type"`
	Intent string `json:"intent,omitempty"`
	URL    string `json:"url,omitempty"`
}

// badge has a number to add or one to set.
type badge struct {
	AddNum int32  `json:"add_num,omitempty"`
	SetNum *int32 `json:"set_num,omitempty"`
	Class  string `json:"class"`
}

// compose makes the message that all targets share. The error names the field that Huawei would refuse.
func compose(n provider.Notification, app config.HuaweiChannel, targets []provider.Target) (pushkit.Message, error) {
	setting := config.HuaweiSetting{}
	if n.Setting.Huawei != nil {
		setting = *n.Setting.Huawei
	}
	data := setting.MessageType == "Data"
	a := android{
		TTL:      fmt.Sprintf("%ds", pushkit.Seconds(n.TTL)),
		Category: setting.Category, BiTag: n.MessageID, ReceiptID: app.ReceiptID,
	}
	if setting.Test {
		a.TargetUserType = 1
	}
	note := ""
	if data {
		a.Urgency = urgency(n)
	} else {
		if err := pushkit.Shown(n); err != nil {
			return pushkit.Message{}, err
		}
		a.Notification, note = show(n, setting)
		a.Notification.Badge = badgeOf(n, app.BadgeClass, targets)
	}
	own := pushkit.OwnText(n, provider.CommonUser(targets), data)
	m := pushkit.Message{Note: note, Body: func(tokens []string) any {
		return request{Message: body{Data: own, Android: a, Token: tokens}}
	}}
	return m, pushkit.Fits(m)
}

// urgency of a data message: high wakes the phone and needs a right.
func urgency(n provider.Notification) string {
	if n.Urgent {
		return "HIGH"
	}
	return "NORMAL"
}

func show(n provider.Notification, setting config.HuaweiSetting) (*notification, string) {
	image, note := pushkit.Picture(n)
	shown := &notification{
		Title: n.Title, Body: n.Content,
		ClickAction: clickOf(setting.ClickAction), Importance: "NORMAL",
		ChannelID: setting.ChannelID, NotifyID: provider.PlaceID(n), ForegroundShow: true,
		Image: image, Sound: setting.Sound, DefaultSound: setting.Sound == "",
	}
	if setting.Importance == "Low" {
		shown.Importance = "LOW"
	}
	return shown, note
}

// badgeOf is nil without the launcher activity, which Huawei needs.
func badgeOf(n provider.Notification, class string, targets []provider.Target) *badge {
	add, set := pushkit.Badge(n, targets)
	if class == "" || add == 0 && set == nil {
		return nil
	}
	return &badge{AddNum: add, SetNum: set, Class: class}
}

func clickOf(c config.ClickAction) click {
	switch c.Type {
	case config.OpenPage:
		return click{Type: clickPage, Intent: c.URI}
	case config.OpenURL:
		return click{Type: clickURL, URL: c.URI}
	}
	return click{Type: clickApp}
}
