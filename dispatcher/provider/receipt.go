package provider

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/offlinepush/operator/dispatcher/config"
)

// ErrReceiptRefused says that a callback does not prove that it comes from the vendor.
var ErrReceiptRefused = errors.New("the callback's signature or token is wrong")

// ErrNoReceipts says that a vendor reports nothing of pushes.
var ErrNoReceipts = errors.New("the vendor reports nothing of pushes")

// Callback is a request of a vendor to a channel's receipt URL, whose secret was checked.
type Callback struct {
	Header http.Header
	Body   []byte
	// Now is the time to hold timestamps against.
	Now time.Time
}

// Event is what a vendor reports of a push.
type Event string

// The events. The set is closed.
const (
	// Delivered means that the push reached the phone.
	Delivered Event = "Delivered"
	// Clicked means that the user tapped on it.
	Clicked Event = "Clicked"
	// Dropped means that it will not be shown; Reason says why.
	Dropped Event = "Dropped"
	// TokenInvalid means that it was dropped because the token is dead.
	TokenInvalid Event = "InvalidToken"
)

// Events lists every event once.
func Events() []Event { return []Event{Delivered, Clicked, Dropped, TokenInvalid} }

// Receipt is one event of one push on one phone.
type Receipt struct {
	// MessageID is the dispatcher's id, which the vendor echoed; empty when it did not.
	MessageID string
	// VendorMessageID is the vendor's own id of the push, as in the outcome of the send.
	VendorMessageID string
	// Token is the phone's token.
	Token string
	Event Event
	// Code is the vendor's own, such as 102 or user_daily_limit.
	Code string
	// Reason says in words what Code means; empty when no table knows it.
	Reason string
	// At is when it happened by the vendor's clock; zero when the vendor does not tell.
	At time.Time
}

// ForTokens is the receipt for each of the tokens of a list that separates them by commas.
func (r Receipt) ForTokens(list string) (all []Receipt) {
	for token := range strings.SplitSeq(list, ",") {
		if r.Token = strings.TrimSpace(token); r.Token != "" {
			all = append(all, r)
		}
	}
	return all
}

// Scalar is the text of a JSON value that vendors write as a number or as text; empty for anything else.
func Scalar(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	var number Number
	_ = json.Unmarshal(raw, &number) // Whatever is no number leaves it empty.
	return string(number)
}

// Millis is a time in milliseconds; zero for anything else.
func Millis(text string) time.Time {
	ms, err := strconv.ParseInt(text, 10, 64)
	if err != nil || ms <= 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}

// ReceiptLink is the URL at which to ask for receipts. When it is longer than the vendor takes, in bytes, none are asked
// for, and the note says so.
func ReceiptLink(link config.Secret, limit int) (url, note string) {
	url = link.Reveal()
	if len(url) > limit {
		return "", fmt.Sprintf("no receipts: their URL has %d bytes, the vendor takes %d", len(url), limit)
	}
	return url, ""
}
