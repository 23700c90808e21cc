package pushkit

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/offlinepush/operator/dispatcher/provider"
)

const (
	// maxBody is the limit of a request without its tokens, in bytes.
	maxBody = 4096
	// maxTTL is Huawei's longest time to live, minTTL the shortest that is one.
	maxTTL = 15 * 24 * time.Hour
	minTTL = time.Second
	// maxBadge is the largest number on an app's icon, and the largest step.
	maxBadge = 99
)

// Fits refuses a message that is over the limit without its tokens. The error names the fields to shorten.
func Fits(m Message) error {
	if size := len(provider.Compact(m.Body([]string{}))); size > maxBody {
		return fmt.Errorf("title, content and payload: the message has %d bytes, Huawei takes %d; shorten the payload", size, maxBody)
	}
	return nil
}

// Own is what the app reads, as texts by key: the payload and the envelope.
func Own(n provider.Notification, user string) map[string]string {
	own := map[string]string{provider.EnvelopeKey: provider.Envelope(n, user)}
	if n.Payload != "" {
		own[provider.PayloadKey] = n.Payload
	}
	return own
}

// OwnText is Own as JSON in one text, with the title and the content if the phone does not show them.
func OwnText(n provider.Notification, user string, texts bool) string {
	own := Own(n, user)
	if texts {
		own["title"], own["body"] = n.Title, n.Content
	}
	return string(provider.Compact(own))
}

// Shown checks that there is something to show.
func Shown(n provider.Notification) error {
	if strings.TrimSpace(n.Title) == "" || strings.TrimSpace(n.Content) == "" {
		return errors.New("title and content: Huawei shows no push without both; give both")
	}
	return nil
}

// Picture is the notification's picture, which Huawei loads over https only. The note says that it was left out.
func Picture(n provider.Notification) (url, note string) {
	if n.Image != "" && !strings.HasPrefix(n.Image, "https://") {
		return "", "image left out: Huawei loads pictures over https only"
	}
	return n.Image, ""
}

// Badge is by how much the number on the app's icon rises; or, where that is 0, what it is set to if that is the same on
// all phones. nil leaves it.
func Badge(n provider.Notification, targets []provider.Target) (add int32, set *int32) {
	if n.BadgeIncrement > 0 {
		return min(n.BadgeIncrement, maxBadge), nil
	}
	number := provider.CommonBadge(targets)
	if number == nil {
		return 0, nil
	}
	return 0, new(min(max(*number, 0), maxBadge))
}

// Seconds is the time to live in whole seconds, within Huawei's limits.
func Seconds(ttl time.Duration) int64 { return int64(min(max(ttl, minTTL), maxTTL) / time.Second) }
