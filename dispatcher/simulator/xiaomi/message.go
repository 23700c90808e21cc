package xiaomi

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/offlinepush/operator/dispatcher/simulator/phone"
)

const (
	maxTitle       = 49
	maxDescription = 127
	maxExtras      = 1023
	maxPairs       = 10
	maxTTL         = 14 * 24 * time.Hour
	maxCallback    = 256
	maxParam       = 64
	maxJobKey      = 20
	jobKeyRunes    = "-_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// message is what the form or an element of multi_messages says.
type message struct {
	Packages    string            `json:"restricted_package_name"`
	PassThrough flexible          `json:"pass_through"`
	Title       string            `json:"title"`
	Description string            `json:"description"`
	Payload     string            `json:"payload"`
	NotifyType  flexible          `json:"notify_type"`
	NotifyID    flexible          `json:"notify_id"`
	TTL         flexible          `json:"time_to_live"`
	TimeToSend  flexible          `json:"time_to_send"`
	CollapseKey string            `json:"collapse_key"`
	Extra       map[string]string `json:"extra"`
}

// flexible is a number that may be written as text.
type flexible string

// UnmarshalJSON implements json.Unmarshaler.
func (f *flexible) UnmarshalJSON(b []byte) error {
	if string(b) != "null" {
		*f = flexible(strings.Trim(string(b), `"`))
	}
	return nil
}

// readForm reads the message of a form.
func readForm(form url.Values) message {
	m := message{
		Packages:    form.Get("restricted_package_name"),
		PassThrough: flexible(form.Get("pass_through")),
		Title:       form.Get("title"),
		Description: form.Get("description"),
		Payload:     form.Get("payload"),
		NotifyType:  flexible(form.Get("notify_type")),
		NotifyID:    flexible(form.Get("notify_id")),
		TTL:         flexible(form.Get("time_to_live")),
		TimeToSend:  flexible(form.Get("time_to_send")),
		Extra:       map[string]string{},
	}
	for name := range form {
		if key, ok := strings.CutPrefix(name, "extra."); ok {
			m.Extra[key] = form.Get(name)
		}
	}
	return m
}

// refused is why a message is not taken.
type refused struct {
	code   int
	reason string
}

func no(code int, format string, args ...any) *refused {
	return &refused{code, fmt.Sprintf(format, args...)}
}

// check is what Xiaomi refuses in a message of the app.
func (m message) check(a App) *refused {
	for _, check := range []func() *refused{
		func() *refused { return m.checkPackage(a) },
		m.checkText, m.checkNumbers, m.checkExtras, m.checkReceipts,
		func() *refused { return m.checkChannel(a) },
	} {
		if r := check(); r != nil {
			return r
		}
	}
	return nil
}

func (m message) checkPackage(a App) *refused {
	switch {
	case m.Packages == "":
		return no(10016, "Missing parameter restricted_package_name")
	case !slices.Contains(strings.Split(m.Packages, ","), a.PackageName):
		return no(22022, "Invalid package name: %s", m.Packages)
	}
	return nil
}

func (m message) checkText() *refused {
	switch m.PassThrough {
	case "1":
		return nil
	case "":
		return no(10016, "Missing parameter pass_through")
	case "0":
	default:
		return no(10017, "Invalid parameter pass_through: %s", m.PassThrough)
	}
	switch {
	case strings.TrimSpace(m.Title) == "":
		return no(10016, "Missing parameter title")
	case strings.TrimSpace(m.Description) == "":
		return no(10016, "Missing parameter description")
	case utf8.RuneCountInString(m.Title) > maxTitle:
		return no(10017, "Invalid parameter title: at most %d characters", maxTitle)
	case utf8.RuneCountInString(m.Description) > maxDescription:
		return no(10017, "Invalid parameter description: at most %d characters", maxDescription)
	}
	return nil
}

func (m message) checkNumbers() *refused {
	if _, err := strconv.ParseInt(string(m.NotifyID), 10, 32); m.NotifyID != "" && (err != nil || m.NotifyID[0] == '-') {
		return no(22103, "Invalid parameter notify_id: %s", m.NotifyID)
	}
	for name, value := range map[string]flexible{"time_to_live": m.TTL, "time_to_send": m.TimeToSend} {
		if n, err := strconv.ParseInt(string(value), 10, 64); value != "" && (err != nil || n < 0) {
			return no(10017, "Invalid parameter %s: %s", name, value)
		}
	}
	switch m.NotifyType {
	case "", "-1", "1", "2", "3", "4", "5", "6", "7":
		return nil
	}
	return no(10017, "Invalid parameter notify_type: %s", m.NotifyType)
}

func (m message) checkExtras() *refused {
	pairs, length := 0, 0
	for key, value := range m.Extra {
		if reserved(key) {
			continue
		}
		pairs++
		length += utf8.RuneCountInString(key) + utf8.RuneCountInString(value)
	}
	switch {
	case pairs > maxPairs:
		return no(65014, "Too many extra keys: at most %d", maxPairs)
	case length > maxExtras:
		return no(65015, "Extra keys and values too long: at most %d characters", maxExtras)
	}
	if key := m.Extra["jobkey"]; len(key) > maxJobKey || strings.HasPrefix(key, "_") || strings.Trim(key, jobKeyRunes) != "" {
		return no(10017, "Invalid parameter extra.jobkey: %s", key)
	}
	return nil
}

func (m message) checkReceipts() *refused {
	link := m.Extra["callback"]
	if link == "" {
		return nil
	}
	u, err := url.Parse(link)
	switch {
	case len(link) > maxCallback:
		return no(65037, "Callback URL too long: at most %d bytes", maxCallback)
	case err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "":
		return no(65038, "Invalid callback URL: %s", link)
	case len(m.Extra["callback.param"]) > maxParam:
		return no(65036, "Callback parameter too long: at most %d bytes", maxParam)
	}
	if _, err := strconv.ParseUint(m.Extra["callback.type"], 10, 16); m.Extra["callback.type"] != "" && err != nil {
		return no(10017, "Invalid parameter extra.callback.type: %s", m.Extra["callback.type"])
	}
	return nil
}

func (m message) checkChannel(a App) *refused {
	id := m.Extra["channel_id"]
	c, ok := a.channel(id)
	if id != "" && !ok {
		return no(27001, "Channel %s is not approved for the app", id)
	}
	return m.checkTemplate(c)
}

// checkTemplate holds the push against the templates of its channel: a template of another one, or none, does not fit.
func (m message) checkTemplate(c Channel) *refused {
	id := m.Extra["template_id"]
	if id == "" && len(c.Templates) == 0 {
		return nil
	}
	i := slices.IndexFunc(c.Templates, func(t Template) bool { return t.ID == id })
	if i < 0 {
		return no(27001, "Template %q is not one of channel %q", id, c.ID)
	}
	var given map[string]string
	if json.Unmarshal([]byte(m.Extra["template_param"]), &given) != nil || given == nil {
		return no(10017, "Invalid parameter extra.template_param: must be a JSON object of texts")
	}
	for _, name := range c.Templates[i].Parameters {
		if _, ok := given[name]; !ok {
			return no(27001, "Template %s lacks the parameter %s", id, name)
		}
	}
	return nil
}

// reserved keys of extra mean something to Xiaomi and do not count as the app's own.
func reserved(key string) bool {
	switch key {
	case "channel_id", "channel_name", "channel_description", "template_id", "template_param",
		"notify_effect", "intent_uri", "web_uri", "notify_foreground", "sound_uri", "ticker", "badge", "jobkey",
		"only_send_once", "flow_control", "locale", "locale_not_in", "model", "model_not_in", "app_version",
		"app_version_not_in", "connpt", "callback", "callback.param", "callback.type":
		return true
	}
	return false
}

// push is the message as the phone's MiPush client reads it.
func (m message) push(id string) phone.Push {
	p := phone.Push{
		Content: phone.Content{
			MessageID: id, Kind: phone.Notification, Title: m.Title, Content: m.Description,
			Payload: m.Extra["payload"], MessageContent: m.Payload, Data: maps.Clone(m.Extra),
			Sound: m.Extra["sound_uri"], Channel: m.Extra["channel_id"], DedupID: m.Extra["jobkey"],
			ReplaceID: "default", // without notify_id a phone shows one notification of the app
		},
		TTL: maxTTL,
	}
	if m.NotifyID != "" {
		p.ReplaceID = string(m.NotifyID)
	}
	if m.PassThrough == "1" {
		p.Kind, p.Title, p.Content.Content, p.ReplaceID = phone.Data, "", "", ""
	}
	if n, err := strconv.ParseInt(string(m.TTL), 10, 64); err == nil {
		p.TTL = time.Duration(min(n, maxTTL.Milliseconds())) * time.Millisecond
	}
	if m.Extra["only_send_once"] == "1" {
		p.TTL = 0
	}
	for _, name := range []string{"callback", "callback.param", "callback.type"} {
		delete(p.Data, name) // between the two servers
	}
	return p
}
