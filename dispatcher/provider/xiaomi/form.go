package xiaomi

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/provider"
)

// Limits of https://dev.mi.com/console/doc/detail?pId=1559, in characters.
const (
	maxTitle   = 49
	maxContent = 127
	maxExtras  = 1023
	// jobKeyBytes give 20 characters in hex.
	jobKeyBytes = 10
	maxTTL      = 14 * 24 * time.Hour
	minTTL      = time.Second
)

// compose makes the form that all targets share, without their ids. The note
// says what was cut; the error names the field that Xiaomi would refuse.
func compose(n provider.Notification, packageName, user string) (form url.Values, note string, err error) {
	if strings.TrimSpace(n.Title) == "" || strings.TrimSpace(n.Content) == "" {
		return nil, "", errors.New("title and content: Xiaomi shows no push without both; give both")
	}
	title, titleNote := provider.Cut("title", n.Title, maxTitle)
	content, contentNote := provider.Cut("content", n.Content, maxContent)
	form = url.Values{
		"restricted_package_name": {packageName},
		"pass_through":            {"0"},
		"title":                   {title},
		"description":             {content},
		"notify_type":             {"-1"},
		"notify_id":               {strconv.Itoa(int(provider.PlaceID(n)))},
		"time_to_live":            {strconv.FormatInt(min(max(n.TTL, minTTL), maxTTL).Milliseconds(), 10)},
		"extra.notify_foreground": {"1"},
	}
	if n.DedupID != "" {
		form.Set("extra.jobkey", jobKey(n.DedupID))
	}
	if err := addOwn(form, n, user); err != nil {
		return nil, "", err
	}
	addSetting(form, n.Setting.Xiaomi)
	return form, provider.Notes(titleNote, contentNote), nil
}

// addOwn adds the two keys that the app reads.
func addOwn(form url.Values, n provider.Notification, user string) error {
	own := map[string]string{provider.EnvelopeKey: provider.Envelope(n, user)}
	if n.Payload != "" {
		own[provider.PayloadKey] = n.Payload
	}
	left := maxExtras
	for k, v := range own {
		left -= utf8.RuneCountInString(k) + utf8.RuneCountInString(v)
		form.Set("extra."+k, v)
	}
	if left < 0 {
		length := utf8.RuneCountInString(n.Payload)
		return fmt.Errorf("payload: has %d characters, Xiaomi takes %d here; shorten it", length, length+left)
	}
	return nil
}

// addSetting adds what the push profile says.
func addSetting(form url.Values, s *config.XiaomiSetting) {
	setting := config.XiaomiSetting{}
	if s != nil {
		setting = *s
	}
	optional := map[string]string{
		"extra.channel_id":          setting.ChannelID,
		"extra.channel_name":        setting.ChannelName,
		"extra.channel_description": setting.ChannelDescription,
	}
	for k, v := range optional {
		if v != "" {
			form.Set(k, v)
		}
	}
	switch setting.ClickAction.Type {
	case "OpenPage":
		form.Set("extra.notify_effect", "2")
		form.Set("extra.intent_uri", setting.ClickAction.URI)
	case "OpenURL":
		form.Set("extra.notify_effect", "3")
		form.Set("extra.web_uri", setting.ClickAction.URI)
	default:
		form.Set("extra.notify_effect", "1")
	}
}

// jobKey lets the phone drop a repetition. Xiaomi takes 20 characters.
func jobKey(dedupID string) string {
	sum := sha256.Sum256([]byte(dedupID))
	return hex.EncodeToString(sum[:jobKeyBytes])
}
