package vivo

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/provider"
)

// Limits of vivo's PUSH-UPS API, in characters.
const (
	maxTitle   = 40
	maxContent = 100
	maxCustom  = 1024
	maxSkip    = 1024
	minTTL     = time.Minute
	maxTTL     = 24 * time.Hour
)

// Values of vivo's enumerations.
const (
	ringAndVibrate = 4
	skipApp        = 1
	skipURL        = 2
	skipPage       = 4
	modeTest       = 1
)

// body is vivo's message. RegID is empty in a stored payload.
type body struct {
	AppID          int64             `json:"appId"`
	RegID          string            `json:"regId,omitempty"`
	NotifyType     int               `json:"notifyType"`
	Title          string            `json:"title"`
	Content        string            `json:"content"`
	TimeToLive     int64             `json:"timeToLive"`
	SkipType       int               `json:"skipType"`
	SkipContent    string            `json:"skipContent,omitempty"`
	Classification *int              `json:"classification,omitempty"`
	Category       string            `json:"category,omitempty"`
	Custom         map[string]string `json:"clientCustomMap"`
	Extra          map[string]string `json:"extra,omitempty"`
	RequestID      string            `json:"requestId"`
	PushMode       int               `json:"pushMode,omitempty"`
	NotifyID       int32             `json:"notifyId"`
	ForegroundShow bool              `json:"foregroundShow"`
	AddBadge       bool              `json:"addBadge,omitempty"`
}

// compose makes the message that all targets share. The notes say what differs from what the sender asked for; the
// error names the field that vivo would refuse.
func compose(n provider.Notification, appID int64, user string) (b body, notes string, err error) {
	if strings.TrimSpace(n.Title) == "" || strings.TrimSpace(n.Content) == "" {
		return body{}, "", errors.New("title and content: vivo shows no push without both; give both")
	}
	custom, err := custom(n, user)
	if err != nil {
		return body{}, "", err
	}
	title, titleNote := provider.Cut("title", n.Title, maxTitle)
	content, contentNote := provider.Cut("content", n.Content, maxContent)
	b = body{
		AppID:          appID,
		NotifyType:     ringAndVibrate,
		Title:          title,
		Content:        content,
		TimeToLive:     int64(min(max(n.TTL, minTTL), maxTTL) / time.Second),
		SkipType:       skipApp,
		Custom:         custom,
		NotifyID:       provider.PlaceID(n),
		ForegroundShow: true,
		AddBadge:       n.BadgeIncrement > 0,
	}
	skipNote, err := b.apply(n.Setting.Vivo)
	if err != nil {
		return body{}, "", err
	}
	return b, provider.Notes(titleNote, contentNote, skipNote, badgeNote(n.BadgeIncrement)), nil
}

// custom holds the two keys that the app reads.
func custom(n provider.Notification, user string) (map[string]string, error) {
	own := map[string]string{provider.EnvelopeKey: provider.Envelope(n, user)}
	if n.Payload != "" {
		own[provider.PayloadKey] = n.Payload
	}
	left := maxCustom
	for k, v := range own {
		left -= utf8.RuneCountInString(k) + utf8.RuneCountInString(v)
	}
	if left < 0 {
		length := utf8.RuneCountInString(n.Payload)
		return nil, fmt.Errorf("payload: has %d characters, vivo takes %d here; shorten it", length, length+left)
	}
	return own, nil
}

func badgeNote(increment int32) string {
	if increment > 1 {
		return fmt.Sprintf("badge raised by 1 instead of %d, which is all that vivo does", increment)
	}
	return ""
}

// apply adds what the push profile says.
func (b *body) apply(s *config.VivoSetting) (note string, err error) {
	if s == nil {
		return "", nil
	}
	b.Category = s.Category
	switch s.Classification {
	case "Operation":
		b.Classification = new(0)
	case "System":
		b.Classification = new(1)
	}
	if s.Test {
		b.PushMode = modeTest
	}
	switch s.ClickAction.Type {
	case config.OpenURL:
		b.SkipType, b.SkipContent = skipURL, s.ClickAction.URI
	case config.OpenPage:
		b.SkipType = skipPage
		b.SkipContent, note = b.withExtras(s.ClickAction.URI)
	}
	if length := utf8.RuneCountInString(b.SkipContent); length > maxSkip {
		return "", fmt.Errorf("push profile: vivo.clickAction: the address has %d characters, vivo takes %d; shorten it", length, maxSkip)
	}
	return note, nil
}

// withExtras adds the app's two keys to an intent URI: vivo does not promise that its map reaches the activity.
func (b *body) withExtras(uri string) (full, note string) {
	head, found := strings.CutSuffix(uri, "end")
	if !found || !strings.Contains(head, "#Intent;") {
		return uri, "payload not in the intent: the page of the push profile is no intent URI, which ends in ;end"
	}
	for _, key := range []string{provider.PayloadKey, provider.EnvelopeKey} {
		if value, ok := b.Custom[key]; ok {
			head += "S." + key + "=" + url.PathEscape(value) + ";"
		}
	}
	if full = head + "end"; utf8.RuneCountInString(full) <= maxSkip {
		return full, ""
	}
	return uri, fmt.Sprintf("payload not in the intent, which vivo limits to %d characters; it is in clientCustomMap", maxSkip)
}
