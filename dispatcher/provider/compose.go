package provider

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"
)

// envelopeVersion is the version of what apps find under the key "offlinepush".
const envelopeVersion = 1

// EnvelopeKey is the key beside the payload under which apps find the Envelope.
const EnvelopeKey = "offlinepush"

// PayloadKey is the key under which apps find the payload, in the field that the vendor's client reads.
const PayloadKey = "payload"

// Envelope is JSON that tells the app which message a push is about and for
// whom, so that it can drop a stray one, and what it does to an earlier message or a call.
func Envelope(n Notification, userHash string) string {
	b, _ := json.Marshal(struct { // Plain texts always encode.
		Version   int    `json:"version"`
		MessageID string `json:"messageID"`
		User      string `json:"user,omitempty"`
		Operation string `json:"operation,omitempty"`
		Of        string `json:"of,omitempty"`
		CallID    string `json:"callID,omitempty"`
		ExpiresAt int64  `json:"expiresAt,omitempty"`
	}{envelopeVersion, n.MessageID, userHash, n.Operation, n.Of, n.CallID, n.ExpiresAt})
	return string(b)
}

// CommonUser is the user of all targets, for vendors that take one form for all
// of them; empty when they differ.
func CommonUser(targets []Target) string {
	if len(targets) == 0 {
		return ""
	}
	for _, t := range targets {
		if t.UserHash != targets[0].UserHash {
			return ""
		}
	}
	return targets[0].UserHash
}

// CommonBadge is the number of all targets, for vendors that take one form for all of them; nil when they differ.
func CommonBadge(targets []Target) (number *int32) {
	for _, t := range targets {
		if t.Badge == nil || number != nil && *number != *t.Badge {
			return nil
		}
		number = t.Badge
	}
	return number
}

// Compact writes JSON in the fewest bytes, with < and > and & as they are, for vendors that count them. v is of plain
// texts, numbers, lists and structures, which always encode.
func Compact(v any) []byte {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(v) // into memory
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}

// Tokens are those of the targets at the indexes.
func Tokens(targets []Target, indexes []int) []string {
	tokens := make([]string, len(indexes))
	for i, at := range indexes {
		tokens[i] = targets[at].Token
	}
	return tokens
}

// Plausible keeps a forged token from naming other phones in a list that
// separates tokens by commas: printable ASCII without blanks and commas.
func Plausible(token string) bool {
	return token != "" && !strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' || r == ',' })
}

// Cut shortens a text to a number of characters, and says so.
func Cut(field, text string, limit int) (short, note string) {
	runes := []rune(text)
	if len(runes) <= limit {
		return text, ""
	}
	return string(runes[:limit]), fmt.Sprintf("%s cut from %d to %d characters", field, len(runes), limit)
}

// Notes joins what Cut said.
func Notes(notes ...string) string {
	var said []string
	for _, n := range notes {
		if n != "" {
			said = append(said, n)
		}
	}
	return strings.Join(said, "; ")
}

// PlaceID gives a message its own place on the phone, where its successor
// replaces it: a number from 1 to 2147483647.
func PlaceID(n Notification) int32 {
	sum := sha256.Sum256([]byte(place(n)))
	return int32(max(binary.BigEndian.Uint32(sum[:])&math.MaxInt32, 1))
}

func place(n Notification) string {
	if n.ReplaceID != "" {
		return n.ReplaceID
	}
	return n.MessageID
}

// UntilMidnight is the time to the end of the Chinese vendors' day.
func UntilMidnight(now time.Time) time.Duration {
	return QuotaDay(now, nil).Sub(now)
}

// China is the time zone of the Chinese vendors, which has no summer time.
func China() *time.Location { return time.FixedZone("UTC+8", 8*60*60) }
