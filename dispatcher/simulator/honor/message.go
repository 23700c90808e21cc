package honor

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/offlinepush/operator/dispatcher/simulator/phone"
)

const (
	maxBody   = 4096
	maxTokens = 1000
	maxTTL    = 15 * 24 * time.Hour
	dayTTL    = 24 * time.Hour
	maxBadge  = 99
	normal    = "NORMAL"
)

// message is a downlink message.
type message struct {
	Token        json.RawMessage `json:"token"`
	Data         string          `json:"data"`
	Notification *text           `json:"notification"`
	Android      android         `json:"android"`
}

type text struct {
	Title string `json:"title"`
	Body  string `json:"body"`
	Image string `json:"image"`
}

type android struct {
	TTL            string  `json:"ttl"`
	BiTag          string  `json:"biTag"`
	TargetUserType int     `json:"targetUserType"`
	ReceiptID      string  `json:"receiptId"`
	Data           string  `json:"data"`
	Notification   *notice `json:"notification"`
}

type notice struct {
	text

	Importance  string       `json:"importance"`
	ClickAction *clickAction `json:"clickAction"`
	Badge       *badge       `json:"badge"`
	NotifyID    *int32       `json:"notifyId"`
	Tag         string       `json:"tag"`
}

type clickAction struct {
	Type   int    `json:"type"`
	Intent string `json:"intent"`
	Action string `json:"action"`
	URL    string `json:"url"`
}

type badge struct {
	AddNum     *int32 `json:"addNum"`
	SetNum     *int32 `json:"setNum"`
	BadgeClass string `json:"badgeClass"`
}

// readMessage is what Honor refuses in a body before it looks at the message.
func readMessage(body []byte) (m message, tokens []string, no *answer) {
	if err := json.Unmarshal(body, &m); err != nil {
		return m, nil, new(refuse(codeStructure, "the body is malformed: "+err.Error()))
	}
	if len(m.Token) > 0 && json.Unmarshal(m.Token, &tokens) != nil {
		return m, nil, new(refuse(codeStructure, "token must be a list of texts"))
	}
	unique := slices.Compact(slices.Sorted(slices.Values(tokens)))
	switch {
	case len(tokens) == 0 || slices.Contains(tokens, ""):
		return m, nil, new(refuse(codeNoToken, "token is empty"))
	case len(tokens) > maxTokens:
		return m, nil, new(refuse(codeTooManyTokens, fmt.Sprintf("more than %d tokens", maxTokens)))
	case len(unique) != len(tokens):
		return m, nil, new(refuse(codeDuplicateToken, "a token is there twice"))
	case len(body)-len(m.Token) > maxBody:
		return m, nil, new(refuse(codeTooLarge, fmt.Sprintf("the message is over %d bytes", maxBody)))
	}
	return m, tokens, nil
}

// check is what Honor refuses in a message of the app.
func (m message) check(a App) *answer {
	for _, check := range []func(App) *answer{m.checkFrame, m.checkText, m.checkClick, m.checkBadge} {
		if no := check(a); no != nil {
			return no
		}
	}
	return nil
}

func (m message) checkFrame(a App) *answer {
	_, ok := m.ttl()
	switch {
	case !ok:
		return new(refuse(codeParameter, "android.ttl: "+m.Android.TTL))
	case m.Android.TargetUserType < 0 || m.Android.TargetUserType > 1:
		return new(refuse(codeParameter, "android.targetUserType: must be 0 or 1"))
	case !a.receiptID(m.Android.ReceiptID):
		return new(refuse(codeReceiptID, "android.receiptId does not match"))
	case m.isData() && !a.Data:
		return new(refuse(codeNoRight, "no right to send data messages"))
	case m.isData() && m.data() == "":
		return new(refuse(codeStructure, "a data message without data"))
	case m.importance() == normal && !a.Service:
		return new(refuse(codeNoRight, "no right to send service messages"))
	}
	return nil
}

func (m message) isData() bool { return m.Notification == nil && m.Android.Notification == nil }

func (m message) data() string { return cmp.Or(m.Android.Data, m.Data) }

func (m message) importance() string {
	if m.Android.Notification == nil {
		return ""
	}
	return m.Android.Notification.Importance
}

// shown is the text: the one for Android overrides the other.
func (m message) shown() text {
	var one, other text
	if m.Android.Notification != nil {
		one = m.Android.Notification.text
	}
	if m.Notification != nil {
		other = *m.Notification
	}
	return text{cmp.Or(one.Title, other.Title), cmp.Or(one.Body, other.Body), cmp.Or(one.Image, other.Image)}
}

func (m message) checkText(a App) *answer {
	if m.isData() {
		return nil
	}
	shown := m.shown()
	switch {
	case shown.Title == "" || shown.Body == "":
		return new(refuse(codeStructure, "notification without title or body"))
	case !slices.Contains([]string{"", "LOW", normal}, m.importance()):
		return new(refuse(codeParameter, "importance: "+m.importance()))
	case shown.Image != "" && (m.importance() != normal || !strings.HasPrefix(shown.Image, "https://")):
		return new(refuse(codeImage, "image is not allowed"))
	}
	for _, word := range a.SensitiveWords {
		if strings.Contains(shown.Title+" "+shown.Body, word) {
			return new(refuse(codeSensitive, "the text has sensitive words"))
		}
	}
	return nil
}

func (m message) checkClick(App) *answer {
	if m.isData() {
		return nil
	}
	if m.Android.Notification == nil || m.Android.Notification.ClickAction == nil {
		return new(refuse(codeStructure, "clickAction is missing"))
	}
	c := m.Android.Notification.ClickAction
	switch u, err := url.Parse(c.URL); {
	case c.Type == 1 && c.Intent+c.Action != "":
	case c.Type == 2 && err == nil && u.Scheme == "https" && u.Host != "":
	case c.Type == 3:
	default:
		return new(refuse(codeParameter, "clickAction: type, intent, action or url is wrong"))
	}
	return nil
}

func (m message) checkBadge(App) *answer {
	if m.Android.Notification == nil {
		return nil
	}
	if id := m.Android.Notification.NotifyID; id != nil && *id < 0 {
		return new(refuse(codeParameter, "notifyId: must not be negative"))
	}
	b := m.Android.Notification.Badge
	switch {
	case b == nil:
	case b.BadgeClass == "",
		b.AddNum != nil && (*b.AddNum < 1 || *b.AddNum > maxBadge),
		b.SetNum != nil && (*b.SetNum < 0 || *b.SetNum > maxBadge):
		return new(refuse(codeParameter, "badge: addNum, setNum or badgeClass is wrong"))
	}
	return nil
}

// ttl reads a text such as 86400s.
func (m message) ttl() (time.Duration, bool) {
	if m.Android.TTL == "" {
		return dayTTL, true
	}
	digits, ok := strings.CutSuffix(m.Android.TTL, "s")
	seconds, err := strconv.ParseInt(digits, 10, 32)
	life := time.Duration(seconds) * time.Second
	return life, ok && err == nil && life >= 0 && life <= maxTTL
}

// push is the message as the phone's Honor client reads it.
func (m message) push(id string) phone.Push {
	life, _ := m.ttl()
	p := phone.Push{Content: phone.Content{MessageID: id, Kind: phone.Data, MessageContent: m.data(), Data: texts(m.data())}, TTL: life}
	p.Payload = p.Data["payload"]
	if m.isData() {
		return p
	}
	shown, n := m.shown(), m.Android.Notification
	p.Kind, p.Title, p.Content.Content, p.Image = phone.Notification, shown.Title, shown.Body, shown.Image
	p.Category, p.ReplaceID = cmp.Or(n.Importance, "LOW"), n.Tag
	if n.NotifyID != nil {
		p.ReplaceID = strconv.Itoa(int(*n.NotifyID))
	}
	p.Click = cmp.Or(n.ClickAction.Intent, n.ClickAction.Action, n.ClickAction.URL)
	return p
}

// texts are the texts of a JSON object, which the app finds as a map.
func texts(data string) map[string]string {
	var object map[string]any
	if json.Unmarshal([]byte(data), &object) != nil {
		return nil
	}
	found := map[string]string{}
	for k, v := range object {
		if s, ok := v.(string); ok {
			found[k] = s
		}
	}
	return found
}
