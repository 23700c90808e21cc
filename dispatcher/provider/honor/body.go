package honor

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/provider"
)

// Limits of Honor's downlink messages.
const (
	// maxBody is the size of a message without its tokens, in bytes.
	maxBody = 4096
	// maxTitle and maxContent are what phones show, in characters.
	maxTitle   = 40
	maxContent = 256
	minTTL     = time.Second
	maxTTL     = 15 * 24 * time.Hour
	// maxBadge is the largest number on an app's icon.
	maxBadge = 99
)

// The types of a click action.
const (
	clickPage = 1
	clickURL  = 2
	clickApp  = 3
)

// body is Honor's downlink message. Without a notification it is a data message.
type body struct {
	Token []string `json:"token,omitempty"`
	// Data is JSON text, which the app reads.
	Data         string        `json:"data"`
	Notification *notification `json:"notification,omitempty"`
	Android      android       `json:"android"`
}

type notification struct {
	Title string `json:"title"`
	Body  string `json:"body"`
	Image string `json:"image,omitempty"`
}

type android struct {
	TTL string `json:"ttl"`
	// BiTag comes back in receipts.
	BiTag          string               `json:"biTag,omitempty"`
	TargetUserType int                  `json:"targetUserType,omitempty"`
	ReceiptID      string               `json:"receiptId,omitempty"`
	Notification   *androidNotification `json:"notification,omitempty"`
}

type androidNotification struct {
	// Importance is LOW or NORMAL; Honor takes a push without one for marketing.
	Importance  string      `json:"importance,omitempty"`
	ClickAction clickAction `json:"clickAction"`
	Badge       *badge      `json:"badge,omitempty"`
	// NotifyID lets a later push of the same event replace the shown one.
	NotifyID int32 `json:"notifyId"`
}

type clickAction struct {
	Type   int    `json:"type"`
	Intent string `json:"intent,omitempty"`
	Action string `json:"action,omitempty"`
	URL    string `json:"url,omitempty"`
}

// badge has a number to add or one to set.
type badge struct {
	AddNum     int32  `json:"addNum,omitempty"`
	SetNum     *int32 `json:"setNum,omitempty"`
	BadgeClass string `json:"badgeClass"`
}

// compose makes the message that all targets share, without their tokens. The note
// says what was cut or left out; the error names the field that Honor would refuse.
func compose(n provider.Notification, app config.HonorChannel, targets []provider.Target) (b body, note string, err error) {
	setting := config.HonorSetting{}
	if n.Setting.Honor != nil {
		setting = *n.Setting.Honor
	}
	b.Android = android{
		TTL:       fmt.Sprintf("%ds", min(max(n.TTL, minTTL), maxTTL)/time.Second), // rounds down: a push never outlives its message
		BiTag:     n.MessageID,
		ReceiptID: app.ReceiptID,
	}
	if setting.Test {
		b.Android.TargetUserType = 1
	}
	own := map[string]string{provider.EnvelopeKey: provider.Envelope(n, provider.CommonUser(targets))}
	if n.Payload != "" {
		own[provider.PayloadKey] = n.Payload
	}
	switch {
	case setting.MessageType == "Data":
		own["title"], own["body"] = n.Title, n.Content
	case strings.TrimSpace(n.Title) == "" || strings.TrimSpace(n.Content) == "":
		return body{}, "", errors.New("title and content: Honor shows no push without both; give both")
	default:
		note = b.show(n, setting)
		b.Android.Notification.Badge = badgeOf(n, app.BadgeClass, targets)
	}
	b.Data = string(provider.Compact(own))
	if size := len(provider.Compact(b)); size > maxBody {
		return body{}, "", fmt.Errorf("payload: has %d bytes in a message of %d, Honor takes %d in all; shorten it", len(n.Payload), size, maxBody)
	}
	return b, note, nil
}

// show hands the text to the phone's system tray. It tells what was cut or left out.
func (b *body) show(n provider.Notification, setting config.HonorSetting) string {
	title, titleNote := provider.Cut("title", n.Title, maxTitle)
	content, contentNote := provider.Cut("content", n.Content, maxContent)
	b.Notification = &notification{Title: title, Body: content}
	imageNote := ""
	switch {
	case n.Image == "":
	case setting.Importance == "Normal":
		b.Notification.Image = n.Image
	default:
		imageNote = "image left out: Honor takes pictures with importance Normal only"
	}
	b.Android.Notification = &androidNotification{
		Importance:  strings.ToUpper(setting.Importance),
		ClickAction: click(setting.ClickAction),
		NotifyID:    provider.PlaceID(n),
	}
	return provider.Notes(titleNote, contentNote, imageNote)
}

func click(c config.ClickAction) clickAction {
	switch c.Type {
	case config.OpenPage:
		if strings.HasPrefix(c.URI, "intent:") || strings.Contains(c.URI, "#Intent;") {
			return clickAction{Type: clickPage, Intent: c.URI}
		}
		return clickAction{Type: clickPage, Action: c.URI}
	case config.OpenURL:
		return clickAction{Type: clickURL, URL: c.URI}
	}
	return clickAction{Type: clickApp}
}

// badgeOf is nil without the launcher activity, which Honor needs. The phone counts; a number of the server's is
// set only where nothing is to be added and all targets have the same.
func badgeOf(n provider.Notification, class string, targets []provider.Target) *badge {
	switch {
	case class == "":
		return nil
	case n.BadgeIncrement > 0:
		return &badge{AddNum: min(n.BadgeIncrement, maxBadge), BadgeClass: class}
	}
	number := provider.CommonBadge(targets)
	if number == nil {
		return nil
	}
	return &badge{SetNum: new(min(max(*number, 0), maxBadge)), BadgeClass: class}
}
