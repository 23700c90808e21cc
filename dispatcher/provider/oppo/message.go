package oppo

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/provider"
)

// Limits of https://open.oppomobile.com/documentation/page/info?id=11236, in characters unless said otherwise.
const (
	maxTitle       = 50
	maxPlain       = 50
	maxLongText    = 128
	maxParameters  = 4000
	maxReceiptLink = 200 // bytes
	maxTTL         = 10 * 24 * time.Hour
	minTTL         = time.Second
)

// The styles of a notification.
const (
	stylePlain    = 1
	styleLongText = 2
)

// What a tap opens.
const (
	clickApp      = 0
	clickAction   = 1
	clickURL      = 2
	clickActivity = 4
	clickIntent   = 5
)

// raiseBadge adds to the number on the app's icon.
const raiseBadge = 1

// registrationID is the kind of targets that are tokens of phones.
const registrationID = 2

// body is the message for one phone.
type body struct {
	TargetType   int          `json:"target_type"`
	TargetValue  string       `json:"target_value"`
	Notification notification `json:"notification"`
}

type notification struct {
	Title             string `json:"title"`
	Content           string `json:"content"`
	Style             int    `json:"style"`
	AppMessageID      string `json:"app_message_id,omitempty"`
	ClickActionType   int    `json:"click_action_type"`
	ClickActivity     string `json:"click_action_activity,omitempty"`
	ClickURL          string `json:"click_action_url,omitempty"`
	ActionParameters  string `json:"action_parameters"`
	OffLine           bool   `json:"off_line"`
	OffLineTTL        int64  `json:"off_line_ttl"`
	NotifyID          int32  `json:"notify_id"`
	ChannelID         string `json:"channel_id,omitempty"`
	Category          string `json:"category,omitempty"`
	NotifyLevel       int32  `json:"notify_level,omitempty"`
	TemplateID        string `json:"private_msg_template_id,omitempty"`
	TitleParameters   string `json:"private_title_parameters,omitempty"`
	ContentParameters string `json:"private_content_parameters,omitempty"`
	BadgeOperation    int32  `json:"badge_operation_type,omitempty"`
	BadgeCount        int32  `json:"badge_message_count,omitempty"`
	CallBackURL       string `json:"call_back_url,omitempty"`
	CallBackParameter string `json:"call_back_parameter,omitempty"`
}

// compose makes the messages by the tokens of their phones. The note says what was cut; the error names the field that OPPO
// would refuse.
func compose(n provider.Notification, receipts config.Secret, targets []provider.Target) (messages map[string]json.RawMessage, note string, err error) {
	common, note, err := shared(n, receipts)
	messages = make(map[string]json.RawMessage, len(targets))
	for _, t := range targets {
		if err == nil {
			messages[t.Token], err = common.message(n, t)
		}
	}
	return messages, note, err
}

// shared makes what all phones have in common.
func shared(n provider.Notification, receipts config.Secret) (common notification, note string, err error) {
	if strings.TrimSpace(n.Title) == "" || strings.TrimSpace(n.Content) == "" {
		return notification{}, "", errors.New("title and content: OPPO shows no push without both; give both")
	}
	title, titleNote := provider.Cut("title", n.Title, maxTitle)
	content, contentNote := provider.Cut("content", n.Content, maxLongText)
	link, linkNote := provider.ReceiptLink(receipts, maxReceiptLink)
	common = notification{
		Title: title, Content: content, Style: stylePlain,
		AppMessageID: n.DedupID,
		OffLine:      true,
		OffLineTTL:   int64(min(max(n.TTL, minTTL), maxTTL) / time.Second),
		NotifyID:     provider.PlaceID(n),
		CallBackURL:  link,
	}
	if utf8.RuneCountInString(content) > maxPlain {
		common.Style = styleLongText
	}
	if link != "" {
		common.CallBackParameter = n.MessageID
	}
	if n.BadgeIncrement > 0 {
		common.BadgeOperation, common.BadgeCount = raiseBadge, n.BadgeIncrement
	}
	setting := config.OPPOSetting{}
	if n.Setting.OPPO != nil {
		setting = *n.Setting.OPPO
	}
	common.ChannelID, common.Category, common.NotifyLevel = setting.ChannelID, setting.Category, setting.NotifyLevel
	common.setClick(setting.ClickAction)
	templateNote := common.setTemplate(n, setting)
	return common, provider.Notes(titleNote, contentNote, templateNote, linkNote), nil
}

// setClick says what a tap opens. OPPO takes an intent URI, an activity by its class, and any other page by an action.
func (b *notification) setClick(c config.ClickAction) {
	switch c.Type {
	case config.OpenURL:
		b.ClickActionType, b.ClickURL = clickURL, c.URI
	case config.OpenPage:
		switch {
		case strings.HasPrefix(c.URI, "intent:"):
			b.ClickActionType, b.ClickURL = clickIntent, c.URI
		case isClass(c.URI):
			b.ClickActionType, b.ClickActivity = clickActivity, c.URI
		default:
			b.ClickActionType, b.ClickActivity = clickAction, c.URI
		}
	default:
		b.ClickActionType = clickApp
	}
}

// isClass tells the class of an activity, com.example.chat.DetailActivity, from an action, com.example.chat.detail or
// com.example.chat.SHOW_DETAIL: its last part is written as Java writes classes.
func isClass(page string) bool {
	at := strings.LastIndexByte(page, '.')
	name := page[at+1:]
	first, _ := utf8.DecodeRuneInString(name)
	return at > 0 && unicode.IsUpper(first) && strings.ContainsFunc(name, unicode.IsLower)
}

// setTemplate fills in a private template. Content and marketing has none.
func (b *notification) setTemplate(n provider.Notification, setting config.OPPOSetting) (note string) {
	if setting.Marketing {
		return ""
	}
	b.TemplateID = setting.TemplateID
	if n.Template == nil {
		return ""
	}
	if n.Template.ID != "" {
		b.TemplateID = n.Template.ID
	}
	if b.TemplateID == "" {
		return "template left out: neither the message nor the push profile has its id"
	}
	b.TitleParameters, b.ContentParameters = n.Template.TitleParameters, n.Template.ContentParameters
	return ""
}

// message is the JSON for one phone: its app finds the payload and the envelope in the parameters of the action.
func (b *notification) message(n provider.Notification, t provider.Target) (json.RawMessage, error) {
	parameters := map[string]string{provider.EnvelopeKey: provider.Envelope(n, t.UserHash)}
	if n.Payload != "" {
		parameters[provider.PayloadKey] = n.Payload
	}
	own := *b
	own.ActionParameters = string(encode(parameters))
	if length := utf8.RuneCountInString(own.ActionParameters); length > maxParameters {
		return nil, fmt.Errorf("payload: action_parameters has %d characters with it, OPPO takes %d; shorten it", length, maxParameters)
	}
	return encode(body{TargetType: registrationID, TargetValue: t.Token, Notification: own}), nil
}

// encode leaves & and < as they are: OPPO counts characters.
func encode(v any) json.RawMessage {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(v) // Plain texts and numbers always encode.
	return bytes.TrimSpace(b.Bytes())
}
