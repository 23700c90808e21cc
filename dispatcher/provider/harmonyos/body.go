package harmonyos

import (
	"net/http"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/provider/pushkit"
)

// The values of the header push-type.
const (
	typeHeader     = "push-type"
	typeAlert      = "0"
	typeBackground = "6"
	typeVoIP       = "10"
)

// The types of a click action.
const (
	clickApp  = 0
	clickPage = 1
)

// maxTest is how many phones a test message may go to at once.
const maxTest = 10

type request struct {
	Payload payload `json:"payload"`
	Target  target  `json:"target"`
	Options options `json:"pushOptions"`
}

// payload is a notification, or a text for the app.
type payload struct {
	Notification *notification `json:"notification,omitempty"`
	ExtraData    string        `json:"extraData,omitempty"`
}

type notification struct {
	Category       string `json:"category,omitempty"`
	Title          string `json:"title"`
	Body           string `json:"body"`
	ClickAction    click  `json:"clickAction"`
	Badge          *badge `json:"badge,omitempty"`
	ForegroundShow bool   `json:"foregroundShow"`
	NotifyID       int32  `json:"notifyId"`
	Image          string `json:"image,omitempty"`
	Sound          string `json:"sound,omitempty"`
}

// click opens the app or a page of it and hands it the data.
type click struct {
	ActionType int               `json:"actionType"`
	URI        string            `json:"uri,omitempty"`
	Data       map[string]string `json:"data"`
}

// badge has a number to add or one to set.
type badge struct {
	AddNum int32  `json:"addNum,omitempty"`
	SetNum *int32 `json:"setNum,omitempty"`
}

type target struct {
	Token []string `json:"token"`
}

type options struct {
	TTL         int64  `json:"ttl"`
	BiTag       string `json:"biTag,omitempty"`
	TestMessage bool   `json:"testMessage,omitempty"`
	ReceiptID   string `json:"receiptId,omitempty"`
}

// compose makes the message that all targets share. The error names the field that Huawei would refuse.
func compose(n provider.Notification, receiptID string, targets []provider.Target) (pushkit.Message, error) {
	setting := config.HarmonyOSSetting{}
	if n.Setting.HarmonyOS != nil {
		setting = *n.Setting.HarmonyOS
	}
	user := provider.CommonUser(targets)
	p, kind, note := payload{}, typeAlert, ""
	switch setting.PushType {
	case "Background":
		kind = typeBackground
		p.ExtraData = pushkit.OwnText(n, user, true)
	case "VoIP":
		kind = typeVoIP
		p.ExtraData = pushkit.OwnText(n, user, true)
	default:
		if err := pushkit.Shown(n); err != nil {
			return pushkit.Message{}, err
		}
		p.Notification, note = show(n, setting, user)
		if add, set := pushkit.Badge(n, targets); add > 0 || set != nil {
			p.Notification.Badge = &badge{AddNum: add, SetNum: set}
		}
	}
	o := options{TTL: pushkit.Seconds(n.TTL), BiTag: n.MessageID, TestMessage: setting.Test, ReceiptID: receiptID}
	m := pushkit.Message{
		Header: http.Header{http.CanonicalHeaderKey(typeHeader): {kind}},
		Body:   func(tokens []string) any { return request{Payload: p, Target: target{Token: tokens}, Options: o} },
		Note:   note,
	}
	if setting.Test {
		m.Batch = maxTest
	}
	return m, pushkit.Fits(m)
}

func show(n provider.Notification, setting config.HarmonyOSSetting, user string) (*notification, string) {
	image, imageNote := pushkit.Picture(n)
	clicked, clickNote := clickOf(setting.ClickAction)
	clicked.Data = pushkit.Own(n, user)
	shown := &notification{
		Category: setting.Category, Title: n.Title, Body: n.Content,
		ClickAction: clicked, ForegroundShow: true, NotifyID: provider.PlaceID(n),
		Image: image, Sound: setting.Sound,
	}
	return shown, provider.Notes(imageNote, clickNote)
}

// clickOf says what a tap opens. Push Kit opens no web page.
func clickOf(c config.ClickAction) (click, string) {
	switch c.Type {
	case config.OpenPage:
		return click{ActionType: clickPage, URI: c.URI}, ""
	case config.OpenURL:
		return click{ActionType: clickApp}, "a tap opens the app: HarmonyOS opens no web page"
	}
	return click{ActionType: clickApp}, ""
}
