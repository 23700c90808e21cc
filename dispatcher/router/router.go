// Package router decides what happens to a message at each device of its
// receivers. It is one pure function: no store, no clock, no network.
package router

import (
	"time"

	"github.com/offlinepush/operator/dispatcher/message"
)

// Input is everything that a decision depends on.
type Input struct {
	Message    message.Message
	Recipients []Recipient
	Channels   []Channel
	// Now is the time of the decision.
	Now time.Time
	// AckTimeout is how long a connected device has to acknowledge before it is pushed.
	AckTimeout time.Duration
}

// Recipient is a receiver with all bound devices.
type Recipient struct {
	UserID  string
	Devices []message.Device
}

// Channel is a channel row as far as routing needs it.
type Channel struct {
	Name     string
	Selector message.Selector
}

// Decision is what happens at one device, with the rule that decided.
type Decision struct {
	UserID string
	// Device is the device's key; 0 when the user has none.
	Device int64
	Epoch  int64
	// Channel is the row to push through; empty when the push is suppressed.
	Channel string
	// Reason says why the push is suppressed; one of message's reasons.
	Reason string
	// DueAt is when to push: now, or when the time to acknowledge is over.
	DueAt time.Time
	// Holder is the incarnation in whose session the device may acknowledge; 0 when it has none.
	Holder int64
}

// Decide gives one decision per device, in the order of the input, and one for
// every receiver without a device.
func Decide(in Input) []Decision {
	var out []Decision
	for _, r := range in.Recipients {
		if len(r.Devices) == 0 {
			out = append(out, Decision{UserID: r.UserID, Reason: message.ReasonNoDevice})
		}
		for _, d := range r.Devices {
			out = append(out, in.decide(r.UserID, d))
		}
	}
	return out
}

func (in Input) decide(userID string, d message.Device) Decision {
	dec := Decision{UserID: userID, Device: d.Key, Epoch: d.Epoch}
	switch {
	case in.Message.Push == nil:
		dec.Reason = message.ReasonNoPushConfig
	case userID == in.Message.Sender:
		dec.Reason = message.ReasonOwnDevice
	default:
		dec.Channel, dec.Reason = in.channel(d.Selector)
	}
	if dec.Reason != "" {
		return dec
	}
	dec.DueAt = in.Now
	if d.Session != 0 {
		dec.DueAt, dec.Holder = in.Now.Add(in.AckTimeout), d.Session
	}
	return dec
}

// channel finds the one row that serves the selector.
func (in Input) channel(s message.Selector) (name, reason string) {
	for _, c := range in.Channels {
		if c.Selector != s {
			continue
		}
		if name != "" {
			return "", message.ReasonAmbiguous
		}
		name = c.Name
	}
	if name == "" {
		return "", message.ReasonNoChannel
	}
	return name, ""
}
