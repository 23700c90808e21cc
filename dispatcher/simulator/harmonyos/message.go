package harmonyos

import (
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"github.com/offlinepush/operator/dispatcher/simulator/phone"
	"github.com/offlinepush/operator/dispatcher/simulator/pushkit"
)

// The values of the header push-type that are simulated.
const (
	alert      = "0"
	background = "6"
	call       = "10"
)

// defaultTTL is the time to live of a push that names none, in seconds.
const defaultTTL = 86400

type request struct {
	Payload payload `json:"payload"`
	Target  struct {
		Token []string `json:"token"`
	} `json:"target"`
	Options options `json:"pushOptions"`
}

type payload struct {
	Notification *notification `json:"notification"`
	ExtraData    string        `json:"extraData"`
}

type notification struct {
	Category       string       `json:"category"`
	Title          string       `json:"title"`
	Body           string       `json:"body"`
	Image          string       `json:"image"`
	Style          int          `json:"style"`
	ClickAction    *clickAction `json:"clickAction"`
	Badge          *badge       `json:"badge"`
	ForegroundShow *bool        `json:"foregroundShow"`
	NotifyID       *int         `json:"notifyId"`
	Sound          string       `json:"sound"`
}

type clickAction struct {
	ActionType int             `json:"actionType"`
	Action     string          `json:"action"`
	URI        string          `json:"uri"`
	Data       json.RawMessage `json:"data"`
}

type badge struct {
	AddNum int32  `json:"addNum"`
	SetNum *int32 `json:"setNum"`
}

type options struct {
	TTL         *int64 `json:"ttl"`
	BiTag       string `json:"biTag"`
	TestMessage bool   `json:"testMessage"`
	ReceiptID   string `json:"receiptId"`
}

func (o options) seconds() int64 {
	if o.TTL == nil {
		return defaultTTL
	}
	return *o.TTL
}

// check is what Push Kit refuses in a request of the type of the project.
func (r request) check(p Project, kind string) *pushkit.Answer {
	if no := pushkit.CheckSeconds(r.Options.seconds()); no != nil {
		return no
	}
	n := r.Payload.Notification
	switch kind {
	case alert:
		if n == nil {
			return pushkit.Refuse(pushkit.WrongMessage, "notification: must be set")
		}
		return n.check(p)
	case background, call:
		if r.Payload.ExtraData == "" || n != nil {
			return pushkit.Refuse(pushkit.WrongMessage, "extraData: must be set, notification must not")
		}
		return nil
	}
	return pushkit.Refuse(pushkit.WrongParameter, "push-type: "+kind)
}

func (n notification) check(p Project) *pushkit.Answer {
	for _, no := range []*pushkit.Answer{
		pushkit.CheckCategory(n.Category), pushkit.CheckImage(n.Image), p.CheckText(n.Title, n.Body),
	} {
		if no != nil {
			return no
		}
	}
	switch {
	case n.Title == "" || n.Body == "":
		return pushkit.Refuse(pushkit.WrongMessage, "title and body: must be set")
	case n.ClickAction == nil || !n.ClickAction.valid():
		return pushkit.Refuse(pushkit.WrongMessage, "clickAction")
	case n.Badge != nil && !n.Badge.valid():
		return pushkit.Refuse(pushkit.WrongParameter, "badge")
	case n.Image != "" && !slices.Contains(p.Images, n.Image):
		return pushkit.Refuse(pushkit.ImageUnchecked, "")
	}
	return nil
}

// valid opens the app, or a page that it names; the data is an object.
func (c clickAction) valid() bool {
	var object map[string]json.RawMessage
	if c.Data != nil && json.Unmarshal(c.Data, &object) != nil {
		return false
	}
	return c.ActionType == 0 || c.ActionType == 1 && c.URI+c.Action != ""
}

func (b badge) valid() bool {
	return b.AddNum >= 0 && b.AddNum <= 99 && (b.SetNum == nil || *b.SetNum >= 0 && *b.SetNum <= 99)
}

// push is the message as the app and the user of a phone get it.
func (r request) push(id string) phone.Push {
	p := phone.Push{
		Content: phone.Content{MessageID: id, Kind: phone.Data},
		TTL:     time.Duration(r.Options.seconds()) * time.Second,
	}
	n := r.Payload.Notification
	if n == nil {
		p.Data = pushkit.Texts(r.Payload.ExtraData)
		p.Payload = p.Data["payload"]
		return p
	}
	p.Kind, p.Title, p.Content.Content, p.Category = phone.Notification, n.Title, n.Body, n.Category
	p.Image, p.Sound, p.Click = n.Image, n.Sound, n.ClickAction.URI+n.ClickAction.Action
	p.Data = pushkit.Texts(string(n.ClickAction.Data))
	p.Payload = p.Data["payload"]
	if n.NotifyID != nil {
		p.ReplaceID = strconv.Itoa(*n.NotifyID)
	}
	return p
}

func (r request) badge() *pushkit.Badge {
	if r.Payload.Notification == nil || r.Payload.Notification.Badge == nil {
		return nil
	}
	b := r.Payload.Notification.Badge
	return &pushkit.Badge{Add: b.AddNum, Set: b.SetNum}
}
