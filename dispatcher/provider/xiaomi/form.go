package xiaomi

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
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
func (p *Provider) compose(n provider.Notification, user string) (form url.Values, note string, err error) {
	if strings.TrimSpace(n.Title) == "" || strings.TrimSpace(n.Content) == "" {
		return nil, "", errors.New("title and content: Xiaomi shows no push without both; give both")
	}
	title, titleNote := provider.Cut("title", n.Title, maxTitle)
	content, contentNote := provider.Cut("content", n.Content, maxContent)
	form = url.Values{
		"restricted_package_name": {p.packageName},
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
	if err := addTemplate(form, n); err != nil {
		return nil, "", err
	}
	addSetting(form, n.Setting.Xiaomi)
	linkNote := addReceipts(form, p.receipts, n.MessageID)
	return form, provider.Notes(titleNote, contentNote, linkNote), nil
}

// addReceipts asks for receipts, which echo the message's id.
func addReceipts(form url.Values, receipts config.Secret, messageID string) (note string) {
	link, note := provider.ReceiptLink(receipts, maxReceiptLink)
	if link != "" {
		form.Set("extra.callback", link)
		form.Set("extra.callback.param", messageID)
		form.Set("extra.callback.type", receiptTypes)
	}
	return note
}

// addTemplate fills in the private-message template of the push profile. Xiaomi takes the parameters of the title and of the
// content as one object.
func addTemplate(form url.Values, n provider.Notification) error {
	if n.Setting.Xiaomi == nil || n.Setting.Xiaomi.TemplateID == "" {
		return nil
	}
	given := message.Template{}
	if n.Template != nil {
		given = *n.Template
	}
	all := map[string]json.RawMessage{}
	for _, p := range []struct{ field, object string }{
		{"titleParameters", given.TitleParameters}, {"contentParameters", given.ContentParameters},
	} {
		if p.object != "" && json.Unmarshal([]byte(p.object), &all) != nil {
			return fmt.Errorf("template.%s: is not a JSON object; give the parameters by their names", p.field)
		}
	}
	merged := []byte("{}")
	if len(all) > 0 {
		merged, _ = json.Marshal(all) // was read from JSON
	}
	form.Set("extra.template_id", n.Setting.Xiaomi.TemplateID)
	form.Set("extra.template_param", string(merged))
	return nil
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
	case config.OpenPage:
		form.Set("extra.notify_effect", "2")
		form.Set("extra.intent_uri", setting.ClickAction.URI)
	case config.OpenURL:
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
