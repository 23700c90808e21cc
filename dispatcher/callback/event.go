// Package callback tells the app's own server when users log in, log out and
// lose their connection, in signed requests that are repeated for a minute.
package callback

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strconv"
	"time"
)

// The headers of a callback.
const (
	// TimestampHeader holds the Unix seconds at which the request was signed.
	TimestampHeader = "Offlinepush-Timestamp"
	// SignatureHeader holds "v1=" and the HMAC-SHA256, in hexadecimal, of the timestamp, a dot and the body.
	SignatureHeader = "Offlinepush-Signature"
)

// Kind says what happened.
type Kind string

// The kinds of events.
const (
	// Login means that a device opened a session, or was bound to the user.
	Login Kind = "login"
	// Logout means that a device is not the user's any more; Reason says why.
	Logout Kind = "logout"
	// Offline means that the connection of a device broke or fell silent.
	Offline Kind = "offline"
)

// Event is the body of a callback.
type Event struct {
	// ID is the same in every repetition.
	ID    string `json:"id"`
	AppID string `json:"appID"`
	Event Kind   `json:"event"`
	// Reason of a logout is one of those of a kicked frame.
	Reason string `json:"reason,omitempty"`
	UserID string `json:"userID"`
	// PushID is empty for a device that lost its binding to another one.
	PushID   string    `json:"pushID,omitempty"`
	Platform string    `json:"platform,omitempty"`
	At       time.Time `json:"at"`
}

// maxAge is how old a signature may be: a repetition is signed anew.
const maxAge = 5 * time.Minute

// ErrSignature says that a request is not one of the dispatcher's, or too old.
var ErrSignature = errors.New("the signature does not fit")

// Sign gives the value of SignatureHeader.
func Sign(key []byte, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(timestamp + "."))
	mac.Write(body)
	return "v1=" + hex.EncodeToString(mac.Sum(nil))
}

// Verify checks what the headers say of a body, with ErrSignature.
func Verify(key []byte, timestamp, signature string, body []byte, now time.Time) error {
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil || now.Sub(time.Unix(seconds, 0)).Abs() > maxAge {
		return ErrSignature
	}
	if !hmac.Equal([]byte(Sign(key, timestamp, body)), []byte(signature)) {
		return ErrSignature
	}
	return nil
}
