package apns

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
)

const (
	maxBody     = 4096
	maxVoIPBody = 5120
	maxCollapse = 64
	// maxTTL is how long APNs keeps a push.
	maxTTL = 30 * 24 * time.Hour
)

// The push types.
const (
	alert      = "alert"
	background = "background"
	voIP       = "voip"
)

// body is what the app finds in userInfo, and in a VoIP push in dictionaryPayload.
type body struct {
	APS aps `json:"aps"`
	// Title and Body are for a background push, which has no alert.
	Title    string          `json:"title,omitempty"`
	Body     string          `json:"body,omitempty"`
	Payload  string          `json:"payload,omitempty"`
	Envelope json.RawMessage `json:"offlinepush"`
	Image    string          `json:"image,omitempty"`
	VoIP     *message.VoIP   `json:"voip,omitempty"`
}

type aps struct {
	Alert             *texts `json:"alert,omitempty"`
	Badge             *int32 `json:"badge,omitempty"`
	Sound             string `json:"sound,omitempty"`
	ThreadID          string `json:"thread-id,omitempty"`
	Category          string `json:"category,omitempty"`
	InterruptionLevel string `json:"interruption-level,omitempty"`
	ContentAvailable  int    `json:"content-available,omitempty"`
	MutableContent    int    `json:"mutable-content,omitempty"`
}

type texts struct {
	Title string `json:"title,omitempty"`
	Body  string `json:"body,omitempty"`
}

// compose makes the body for a phone and says what was cut. The error names the field that is too long.
func compose(n provider.Notification, t provider.Target) (encoded []byte, note string, err error) {
	limit := maxBody
	if pushType(n, t) == voIP {
		limit = maxVoIPBody
	}
	encoded, err = encode(n, t)
	if err != nil || len(encoded) <= limit {
		return encoded, "", err
	}
	runes := []rune(n.Content)
	short := func(length int) provider.Notification {
		cut := n
		cut.Content = string(runes[:length])
		return cut
	}
	fits := func(length int) bool {
		encoded, err := encode(short(length), t)
		return err == nil && len(encoded) <= limit
	}
	longest := sort.Search(len(runes), func(i int) bool { return !fits(i + 1) })
	if longest == 0 {
		return nil, "", fmt.Errorf("payload: the push has %d bytes, APNs takes %d; shorten the payload and the title", len(encoded), limit)
	}
	_, note = provider.Cut("content", n.Content, longest)
	encoded, err = encode(short(longest), t)
	return encoded, note, err
}

func encode(n provider.Notification, t provider.Target) ([]byte, error) {
	b := body{Payload: n.Payload, Envelope: json.RawMessage(provider.Envelope(n, t.UserHash))}
	switch pushType(n, t) {
	case background:
		b.Title, b.Body = n.Title, n.Content
		b.APS.ContentAvailable = 1
	case voIP:
		b.APS.Alert = alertOf(n)
		b.VoIP = n.VoIP
	default:
		b.show(n, t)
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false) // every byte counts
	err := encoder.Encode(b)
	return bytes.TrimSuffix(text.Bytes(), []byte("\n")), err
}

func (b *body) show(n provider.Notification, t provider.Target) {
	s := setting(n)
	b.APS = aps{
		Alert: alertOf(n), Badge: t.Badge, ThreadID: n.ThreadID, Category: s.Category,
		InterruptionLevel: interruptionLevel(s.InterruptionLevel),
	}
	if b.APS.Alert != nil {
		b.APS.Sound = s.Sound
		if s.Sound == "" {
			b.APS.Sound = "default"
		}
	}
	b.Image = n.Image
	if s.MutableContent || n.Image != "" {
		b.APS.MutableContent = 1
	}
}

func alertOf(n provider.Notification) *texts {
	if n.Title+n.Content == "" {
		return nil
	}
	return &texts{Title: n.Title, Body: n.Content}
}

func setting(n provider.Notification) config.APNsSetting {
	if n.Setting.APNs == nil {
		return config.APNsSetting{}
	}
	return *n.Setting.APNs
}

// pushType is the profile's, but a push with nothing to show is for the app: iOS wants something of an alert.
func pushType(n provider.Notification, t provider.Target) string {
	switch setting(n).PushType {
	case "VoIP":
		return voIP
	case "Background":
		return background
	}
	if n.Title+n.Content == "" && t.Badge == nil {
		return background
	}
	return alert
}

func interruptionLevel(level string) string {
	if level == "TimeSensitive" {
		return "time-sensitive"
	}
	return strings.ToLower(level)
}

// expiration is absolute, and rounded down so that a push never outlives its message; 0 is now or never.
func expiration(ttl time.Duration, now time.Time) string {
	if ttl <= 0 {
		return "0"
	}
	return strconv.FormatInt(now.Add(min(ttl, maxTTL)).Unix(), 10)
}

// messageID is the apns-id of an event on a phone: a UUID that a repetition has again.
func messageID(n provider.Notification, token string) string {
	event := n.DedupID
	if event == "" {
		event = n.MessageID
	}
	sum := sha256.Sum256([]byte(event + "\x00" + token))
	id := sum[:16]
	id[6] = id[6]&0x0f | 0x80 // version 8: of our own making
	id[8] = id[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
}

// collapseID is the replace id, or a digest of one that does not fit into the header.
func collapseID(n provider.Notification) string {
	if len(n.ReplaceID) <= maxCollapse && !strings.ContainsFunc(n.ReplaceID, func(r rune) bool { return r < ' ' || r > '~' }) {
		return n.ReplaceID
	}
	sum := sha256.Sum256([]byte(n.ReplaceID))
	return hex.EncodeToString(sum[:])
}
