package apns

import (
	"bytes"
	"encoding/json"

	"github.com/offlinepush/operator/dispatcher/simulator/phone"
)

const (
	maxBody     = 4096
	maxVoIPBody = 5120
)

// payload is a body as iOS reads it.
type payload struct {
	aps aps
	// data are the keys beside aps: texts as they are, anything else as JSON.
	data map[string]string
	// whole is the body in few bytes.
	whole string
}

type aps struct {
	Alert             any    `json:"alert"`
	Badge             *int32 `json:"badge"`
	Sound             any    `json:"sound"`
	ThreadID          string `json:"thread-id"`
	Category          string `json:"category"`
	InterruptionLevel string `json:"interruption-level"`
	ContentAvailable  int    `json:"content-available"`
	MutableContent    int    `json:"mutable-content"`
}

func parse(body []byte) (payload, bool) {
	var root map[string]json.RawMessage
	if json.Unmarshal(body, &root) != nil {
		return payload{}, false
	}
	p := payload{data: map[string]string{}, whole: text(body)}
	for name, value := range root {
		if name == "aps" {
			if json.Unmarshal(value, &p.aps) != nil {
				return payload{}, false
			}
			continue
		}
		p.data[name] = text(value)
	}
	return p, root["aps"] != nil
}

func text(value json.RawMessage) string {
	var s string
	if json.Unmarshal(value, &s) == nil {
		return s
	}
	var compact bytes.Buffer
	_ = json.Compact(&compact, value) // was parsed
	return compact.String()
}

// fits tells whether the push type is one for this content.
func (p payload) fits(kind string) bool {
	shows := p.aps.Alert != nil || p.aps.Sound != nil || p.aps.Badge != nil
	switch kind {
	case typeBackground:
		return p.aps.ContentAvailable == 1 && !shows
	case typeAlert:
		return shows
	}
	return true
}

// alert is the title and the text of an alert, which may be a text alone.
func (p payload) alert() (title, body string) {
	switch a := p.aps.Alert.(type) {
	case string:
		return "", a
	case map[string]any:
		title, _ = a["title"].(string)
		body, _ = a["body"].(string)
	}
	return title, body
}

// sound is a name, also of one for critical alerts.
func (p payload) sound() string {
	name := p.aps.Sound
	if critical, ok := name.(map[string]any); ok {
		name = critical["name"]
	}
	s, _ := name.(string)
	return s
}

// push is the request as the phone takes it. Of those that wait for a phone APNs keeps the newest of an app.
func (q *request) push() phone.Push {
	p := q.payload
	c := phone.Content{
		MessageID: q.id, DedupID: q.id, ReplaceID: q.collapse, Kind: phone.Data,
		Payload: p.data["payload"], Data: p.data, MessageContent: p.whole,
	}
	c.Title, c.Content = p.alert()
	if q.kind == typeAlert {
		c.Kind = phone.Notification
		c.Sound, c.Category, c.Thread, c.Badge = p.sound(), p.aps.Category, p.aps.ThreadID, p.aps.Badge
		if p.aps.MutableContent == 1 {
			c.Image = p.data["image"] // the app's extension fetches it
		}
	}
	return phone.Push{Content: c, CollapseKey: q.kind, TTL: q.ttl}
}
