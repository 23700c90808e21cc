package fcm

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/offlinepush/operator/dispatcher/simulator/phone"
)

const (
	maxContent = 4096
	maxTTL     = 28 * 24 * time.Hour
)

type request struct {
	ValidateOnly bool    `json:"validate_only"`
	Message      message `json:"message"`
}

type message struct {
	Token        string            `json:"token"`
	FID          string            `json:"fid"`
	Topic        string            `json:"topic"`
	Condition    string            `json:"condition"`
	Data         map[string]string `json:"data"`
	Notification *notification     `json:"notification"`
	Android      android           `json:"android"`
}

type notification struct {
	Title string `json:"title"`
	Body  string `json:"body"`
	Image string `json:"image"`
}

type android struct {
	CollapseKey       string               `json:"collapse_key"`
	Priority          string               `json:"priority"`
	TTL               string               `json:"ttl"`
	RestrictedPackage string               `json:"restricted_package_name"`
	Data              map[string]string    `json:"data"`
	Notification      *androidNotification `json:"notification"`
}

type androidNotification struct {
	notification
	Sound     string `json:"sound"`
	Tag       string `json:"tag"`
	ChannelID string `json:"channel_id"`
	Count     *int32 `json:"notification_count"`
}

// target is the one of the four that is set.
func (m message) target() (string, *failure) {
	var set []string
	for _, t := range []string{m.Token, m.FID, m.Topic, m.Condition} {
		if t != "" {
			set = append(set, t)
		}
	}
	if len(set) != 1 {
		f := invalidArgument("message", "Exactly one of token, topic, condition or fid must be specified")
		if len(set) == 0 {
			f = invalidArgument("message", "Recipient of the message is not set.")
		}
		return "", &f
	}
	return set[0], nil
}

// check is what FCM itself refuses in a message that could be parsed.
func (m message) check() *failure {
	if f := checkKeys("message.data", m.Data); f != nil {
		return f
	}
	if f := checkKeys("message.android.data", m.Android.Data); f != nil {
		return f
	}
	if p := m.Android.Priority; p != "" && !strings.EqualFold(p, "HIGH") && !strings.EqualFold(p, "NORMAL") {
		return wrongValue("message.android.priority", "type.googleapis.com/google.firebase.fcm.v1.AndroidMessagePriority", p)
	}
	ttl, err := m.ttl()
	if err != nil {
		return wrongValue("message.android.ttl", "type.googleapis.com/google.protobuf.Duration", m.Android.TTL)
	}
	if ttl < 0 || ttl > maxTTL {
		f := invalidArgument("message.android.ttl", "Invalid ttl: must be between 0 and 2419200 seconds")
		return &f
	}
	if f := m.checkTray(); f != nil {
		return f
	}
	if m.size() > maxContent {
		f := invalidArgument("message", fmt.Sprintf("Message is too big: %d bytes, at most %d", m.size(), maxContent))
		return &f
	}
	return nil
}

// checkTray is what is refused of the picture and of the number.
func (m message) checkTray() *failure {
	images := map[string]string{}
	if m.Notification != nil {
		images["message.notification.image"] = m.Notification.Image
	}
	if a := m.Android.Notification; a != nil {
		images["message.android.notification.image"] = a.Image
		if a.Count != nil && *a.Count < 0 {
			f := invalidArgument("message.android.notification.notification_count", "Invalid notification_count: must not be negative")
			return &f
		}
	}
	for _, name := range slices.Sorted(maps.Keys(images)) {
		if u, err := url.Parse(images[name]); images[name] != "" && (err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http") {
			f := invalidArgument(name, "Invalid image URL: "+images[name])
			return &f
		}
	}
	return nil
}

func checkKeys(field string, data map[string]string) *failure {
	for _, name := range slices.Sorted(maps.Keys(data)) {
		if reserved(name) {
			f := invalidArgument(field, "Invalid data payload key: "+name)
			return &f
		}
	}
	return nil
}

func wrongValue(field, wanted, value string) *failure {
	words := fmt.Sprintf("Invalid value at '%s' (%s), %q", field, wanted, value)
	f := badRequest(words, violation{Field: field, Description: words})
	return &f
}

func reserved(name string) bool {
	return name == "" || name == "from" || name == "message_type" || name == "collapse_key" ||
		strings.HasPrefix(name, "google") || strings.HasPrefix(name, "gcm")
}

// ttl reads a duration in seconds with at most nine digits after the point.
func (m message) ttl() (time.Duration, error) {
	if m.Android.TTL == "" {
		return maxTTL, nil
	}
	number, ok := strings.CutSuffix(m.Android.TTL, "s")
	if !ok || strings.Trim(number, "-.0123456789") != "" || len(number) > 20 {
		return 0, fmt.Errorf("ttl: is %q, must be seconds followed by s", m.Android.TTL)
	}
	return time.ParseDuration(m.Android.TTL)
}

// size counts names and texts that the phone receives.
func (m message) size() int {
	n := 0
	for k, v := range m.data() {
		n += len(k) + len(v)
	}
	if m.Notification != nil {
		n += m.Notification.size()
	}
	if a := m.Android.Notification; a != nil {
		n += a.size() + len(a.Sound) + len(a.Tag) + len(a.ChannelID)
		if a.Count != nil {
			n += len(strconv.Itoa(int(*a.Count)))
		}
	}
	return n
}

func (n notification) size() int { return len(n.Title) + len(n.Body) + len(n.Image) }

// data is what the app reads: android.data overrides message.data.
func (m message) data() map[string]string {
	if len(m.Android.Data) > 0 {
		return m.Android.Data
	}
	return m.Data
}

// push is the message as the phone's FCM client reads it.
func (m message) push(id string) phone.Push {
	ttl, _ := m.ttl() // was checked
	p := phone.Push{
		Content:     phone.Content{MessageID: id, Kind: phone.Data, Data: m.data(), Payload: m.data()["payload"]},
		CollapseKey: m.Android.CollapseKey,
		TTL:         ttl,
	}
	if m.Notification != nil {
		p.Kind, p.Title, p.Content.Content, p.Image = phone.Notification, m.Notification.Title, m.Notification.Body, m.Notification.Image
	}
	if a := m.Android.Notification; a != nil {
		p.Kind = phone.Notification
		p.Title = firstOf(a.Title, p.Title)
		p.Content.Content = firstOf(a.Body, p.Content.Content)
		p.Image = firstOf(a.Image, p.Image)
		p.Sound, p.Channel, p.ReplaceID, p.Badge = a.Sound, a.ChannelID, a.Tag, a.Count
	}
	return p
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
