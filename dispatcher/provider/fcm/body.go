package fcm

import (
	"fmt"
	"strconv"
	"time"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/provider"
)

const (
	// maxContent is FCM's limit of a message's content, in bytes.
	maxContent = 4096
	// maxTTL is FCM's longest time to live.
	maxTTL = 28 * 24 * time.Hour
)

type request struct {
	// ValidateOnly checks everything and sends nothing.
	ValidateOnly bool `json:"validate_only,omitempty"`
	Message      body `json:"message"`
}

// body is FCM's message. Exactly one of Token and FID is set.
type body struct {
	Token        string            `json:"token,omitempty"`
	FID          string            `json:"fid,omitempty"`
	Notification *notification     `json:"notification,omitempty"`
	Data         map[string]string `json:"data"`
	Android      android           `json:"android"`
}

type notification struct {
	Title string `json:"title,omitempty"`
	Body  string `json:"body,omitempty"`
	Image string `json:"image,omitempty"`
}

// android has no collapse key: a phone keeps only four of those for an app.
type android struct {
	Priority     string               `json:"priority"`
	TTL          string               `json:"ttl"`
	Notification *androidNotification `json:"notification,omitempty"`
}

type androidNotification struct {
	ChannelID string `json:"channel_id,omitempty"`
	Sound     string `json:"sound,omitempty"`
	Tag       string `json:"tag,omitempty"`
	Image     string `json:"image,omitempty"`
	// Count is the number for the app's icon.
	Count *int32 `json:"notification_count,omitempty"`
}

// compose makes the message for a phone. The error names the field that is too long.
func compose(n provider.Notification, t provider.Target, target string) (body, error) {
	setting := config.FCMSetting{}
	if n.Setting.FCM != nil {
		setting = *n.Setting.FCM
	}
	b := body{
		Data:    map[string]string{provider.EnvelopeKey: provider.Envelope(n, t.UserHash)},
		Android: android{Priority: priority(n, setting), TTL: ttl(n.TTL)},
	}
	if n.Payload != "" {
		b.Data[provider.PayloadKey] = n.Payload
	}
	if target == "InstallationID" {
		b.FID = t.Token
	} else {
		b.Token = t.Token
	}
	b.show(n, setting, t.Badge)
	if size := b.size(); size > maxContent {
		return body{}, fmt.Errorf("title, content and payload: the message has %d bytes, FCM takes %d; shorten the payload", size, maxContent)
	}
	return b, nil
}

// show hands the text to the phone's system tray, or to the app if the profile
// says so or there is no text.
func (b *body) show(n provider.Notification, setting config.FCMSetting, badge *int32) {
	if setting.MessageType == "Data" || n.Title+n.Content == "" {
		b.hand(n, badge)
		return
	}
	sound := setting.Sound
	if sound == "" {
		sound = "default"
	}
	b.Notification = &notification{Title: n.Title, Body: n.Content, Image: n.Image}
	b.Android.Notification = &androidNotification{
		ChannelID: setting.ChannelID, Sound: sound, Tag: n.ReplaceID, Image: n.Image, Count: badge,
	}
}

// hand leaves it to the app to show the text, the picture and the number.
func (b *body) hand(n provider.Notification, badge *int32) {
	b.Data["title"], b.Data["body"] = n.Title, n.Content
	if n.Image != "" {
		b.Data["image"] = n.Image
	}
	if badge != nil {
		b.Data["badge"] = strconv.Itoa(int(*badge))
	}
}

func priority(n provider.Notification, setting config.FCMSetting) string {
	if n.Urgent || setting.Priority == "High" {
		return "HIGH"
	}
	return "NORMAL"
}

// ttl rounds down, so that a push never outlives its message.
func ttl(d time.Duration) string {
	return fmt.Sprintf("%ds", min(max(d, 0), maxTTL)/time.Second)
}

// size counts what the phone receives: names and texts, without the encoding.
func (b *body) size() int {
	n := 0
	for k, v := range b.Data {
		n += len(k) + len(v)
	}
	if b.Notification != nil {
		n += len(b.Notification.Title) + len(b.Notification.Body) + len(b.Notification.Image)
	}
	if a := b.Android.Notification; a != nil {
		n += len(a.ChannelID) + len(a.Sound) + len(a.Tag) + len(a.Image)
		if a.Count != nil {
			n += len(strconv.Itoa(int(*a.Count)))
		}
	}
	return n
}
