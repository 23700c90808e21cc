package webpush

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/provider"
)

const (
	// maxTTL is how long push services keep a message at most, commonly.
	maxTTL = 28 * 24 * time.Hour
	// topicBytes become the 32 characters that a topic may have.
	topicBytes = 24
)

// body is what the app's service worker reads. Web Push has no form of its own.
type body struct {
	Title string `json:"title"`
	Body  string `json:"body"`
	Icon  string `json:"icon,omitempty"`
	Image string `json:"image,omitempty"`
	// Tag lets showNotification replace what it showed with the same tag.
	Tag  string `json:"tag,omitempty"`
	Data data   `json:"data"`
}

type data struct {
	Payload string `json:"payload,omitempty"`
	// Envelope is under provider.EnvelopeKey.
	Envelope json.RawMessage `json:"offlinepush"`
	// ClickURL is what a tap opens.
	ClickURL string `json:"clickURL,omitempty"`
	// Badge is the number for navigator.setAppBadge.
	Badge *int32 `json:"badge,omitempty"`
}

// compose makes the plaintext for a browser. The error names the fields that are too long.
func compose(n provider.Notification, t provider.Target) ([]byte, error) {
	s := settingOf(n)
	plaintext, err := plainJSON(body{
		Title: n.Title, Body: n.Content, Icon: s.Icon, Image: n.Image, Tag: n.ReplaceID,
		Data: data{
			Payload: n.Payload, Envelope: json.RawMessage(provider.Envelope(n, t.UserHash)),
			ClickURL: s.ClickURL, Badge: t.Badge,
		},
	})
	if err != nil {
		return nil, err
	}
	if size := len(plaintext); size > maxPlaintext {
		return nil, fmt.Errorf("title, content and payload: the message has %d bytes as JSON, Web Push takes %d; shorten the payload", size, maxPlaintext)
	}
	return plaintext, nil
}

// describe sets the headers that say how the push service shall treat the message.
func describe(h http.Header, n provider.Notification) {
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Encoding", "aes128gcm")
	// Rounded down, so that a push never outlives its message.
	h.Set("TTL", strconv.FormatInt(int64(min(max(n.TTL, 0), maxTTL)/time.Second), 10))
	h.Set("Urgency", urgency(n))
	if n.ReplaceID != "" {
		h.Set("Topic", topic(n.ReplaceID))
	}
}

func urgency(n provider.Notification) string {
	if n.Urgent {
		return "high"
	}
	names := map[string]string{"VeryLow": "very-low", "Low": "low", "Normal": "normal", "High": "high"}
	return cmp.Or(names[settingOf(n).Urgency], "normal")
}

// topic makes a later push of the same event replace one that was not delivered yet.
func topic(replaceID string) string {
	sum := sha256.Sum256([]byte(replaceID))
	return encode(sum[:topicBytes])
}

func settingOf(n provider.Notification) config.WebPushSetting {
	if n.Setting.WebPush == nil {
		return config.WebPushSetting{}
	}
	return *n.Setting.WebPush
}
