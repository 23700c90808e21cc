package oppo

import (
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	maxTitle      = 50
	maxSubTitle   = 10
	maxPlain      = 50
	maxLongText   = 128
	maxActivity   = 500
	maxURL        = 2000
	maxParameters = 4000
	maxLink       = 200
	maxEcho       = 100
	maxBadge      = 99
	maxTTL        = 10 * 24 * time.Hour
	usualTTL      = time.Hour
	privateShow   = 24 * time.Hour
	publicShow    = 12 * time.Hour
)

// message is what the JSON of a push says.
type message struct {
	TargetType   json.Number  `json:"target_type"`
	TargetValue  string       `json:"target_value"`
	Verify       bool         `json:"verify_registration_id"`
	Notification notification `json:"notification"`
}

// notification has the names that OPPO's SDK writes. Numbers may be text.
type notification struct {
	AppMessageID      string      `json:"app_message_id"`
	Style             json.Number `json:"style"`
	Title             string      `json:"title"`
	SubTitle          string      `json:"sub_title"`
	Content           string      `json:"content"`
	ClickActionType   json.Number `json:"click_action_type"`
	ClickActivity     string      `json:"click_action_activity"`
	ClickURL          string      `json:"click_action_url"`
	ActionParameters  string      `json:"action_parameters"`
	OffLine           *bool       `json:"off_line"`
	OffLineTTL        json.Number `json:"off_line_ttl"`
	ShowTTL           json.Number `json:"show_ttl"`
	NotifyID          json.Number `json:"notify_id"`
	ChannelID         string      `json:"channel_id"`
	Category          string      `json:"category"`
	NotifyLevel       json.Number `json:"notify_level"`
	TemplateID        string      `json:"private_msg_template_id"`
	TitleParameters   string      `json:"private_title_parameters"`
	ContentParameters string      `json:"private_content_parameters"`
	BadgeOperation    json.Number `json:"badge_operation_type"`
	BadgeCount        json.Number `json:"badge_message_count"`
	CallBackURL       string      `json:"call_back_url"`
	CallBackParameter string      `json:"call_back_parameter"`
}

// refused is why a message is not taken.
type refused struct {
	code  int
	about string
}

func invalid(field string) *refused { return &refused{invalidArgument, field} }

func missing(field string) *refused { return &refused{missingArgument, field} }

// service tells whether a category is one of communication and service.
func service(category string) bool {
	return slices.Contains([]string{"IM", "ACCOUNT", "TODO", "DEVICE_REMINDER", "ORDER", "SUBSCRIPTION"}, category)
}

// marketing tells whether a category is one of content and marketing, as messages without one are.
func marketing(category string) bool {
	return slices.Contains([]string{"", "NEWS", "CONTENT", "MARKETING", "SOCIAL"}, category)
}

// check is what OPPO refuses in a message of the app.
func (m message) check(a App) *refused {
	switch {
	case m.TargetType == "" || m.TargetValue == "":
		return missing("target_type and target_value")
	case m.TargetType != "2" || strings.ContainsAny(m.TargetValue, ";,"):
		return invalid("target_value: one registration id")
	}
	n := m.Notification
	for _, check := range []func() *refused{n.checkText, n.checkClick, n.checkNumbers, n.checkReceipts} {
		if r := check(); r != nil {
			return r
		}
	}
	if r := n.checkClass(a); r != nil {
		return r
	}
	return n.checkTemplate(a)
}

func (n notification) checkText() *refused {
	most, ok := map[json.Number]int{"": maxPlain, "1": maxPlain, "2": maxLongText}[n.Style]
	switch {
	case strings.TrimSpace(n.Title) == "":
		return missing("title")
	case strings.TrimSpace(n.Content) == "":
		return missing("content")
	case utf8.RuneCountInString(n.Title) > maxTitle:
		return invalid("title")
	case utf8.RuneCountInString(n.SubTitle) > maxSubTitle:
		return invalid("sub_title")
	case !ok: // style 3 is for broadcasts
		return invalid("style")
	case utf8.RuneCountInString(n.Content) > most:
		return invalid("content")
	}
	return nil
}

func (n notification) checkClick() *refused {
	switch n.ClickActionType {
	case "", "0":
	case "1", "4":
		if n.ClickActivity == "" || len(n.ClickActivity) > maxActivity {
			return invalid("click_action_activity")
		}
	case "2", "5":
		if u, err := url.Parse(n.ClickURL); err != nil || u.Scheme == "" || len(n.ClickURL) > maxURL {
			return invalid("click_action_url")
		}
	default:
		return invalid("click_action_type")
	}
	return n.checkParameters()
}

func (n notification) checkParameters() *refused {
	if utf8.RuneCountInString(n.ActionParameters) > maxParameters || n.ActionParameters != "" && n.parameters() == nil {
		return invalid("action_parameters")
	}
	return nil
}

// parameters are what the opened page gets; nil if they are no JSON object.
func (n notification) parameters() map[string]string {
	var object map[string]any
	if json.Unmarshal([]byte(n.ActionParameters), &object) != nil || object == nil {
		return nil
	}
	texts := make(map[string]string, len(object))
	for name, value := range object {
		text, ok := value.(string)
		if !ok {
			encoded, _ := json.Marshal(value) // was read from JSON
			text = string(encoded)
		}
		texts[name] = text
	}
	return texts
}

func (n notification) checkNumbers() *refused {
	show := publicShow
	if service(n.Category) {
		show = privateShow
	}
	for _, number := range []struct {
		field string
		value json.Number
		most  int64
	}{
		{"off_line_ttl", n.OffLineTTL, 1<<31 - 1}, // longer ones are cut
		{"show_ttl", n.ShowTTL, int64(show / time.Second)},
		{"notify_id", n.NotifyID, 1<<31 - 1},
		{"badge_operation_type", n.BadgeOperation, 1},
		{"badge_message_count", n.BadgeCount, maxBadge},
	} {
		if v, err := strconv.ParseInt(string(number.value), 10, 64); number.value != "" && (err != nil || v < 0 || v > number.most) {
			return invalid(number.field)
		}
	}
	return nil
}

func (n notification) checkReceipts() *refused {
	if n.CallBackURL == "" {
		return nil
	}
	u, err := url.Parse(n.CallBackURL)
	switch {
	case err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || len(n.CallBackURL) > maxLink:
		return invalid("call_back_url")
	case utf8.RuneCountInString(n.CallBackParameter) > maxEcho:
		return invalid("call_back_parameter")
	}
	return nil
}

func (n notification) checkClass(a App) *refused {
	wrong := &refused{code: wrongCategory}
	if !marketing(n.Category) && !slices.Contains(a.Categories, n.Category) {
		return wrong
	}
	switch n.NotifyLevel {
	case "":
		return nil
	case "1", "2":
	case "16":
		if !a.Banners {
			return wrong
		}
	default:
		return wrong
	}
	if !service(n.Category) {
		return wrong
	}
	return nil
}

// checkTemplate holds the parameters against the template, which content and marketing ignores.
func (n notification) checkTemplate(a App) *refused {
	if n.TemplateID == "" || marketing(n.Category) {
		return nil
	}
	i := slices.IndexFunc(a.Templates, func(t Template) bool { return t.ID == n.TemplateID })
	if i < 0 {
		return invalid("private_msg_template_id")
	}
	for _, part := range []struct {
		field, text string
		names       []string
	}{
		{"private_title_parameters", n.TitleParameters, a.Templates[i].Title},
		{"private_content_parameters", n.ContentParameters, a.Templates[i].Content},
	} {
		values := map[string]string{}
		if part.text != "" && json.Unmarshal([]byte(part.text), &values) != nil {
			return invalid(part.field)
		}
		for _, name := range part.names {
			if _, ok := values[name]; !ok {
				return invalid(part.field + " no " + name)
			}
		}
	}
	return nil
}
