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
	// AckTimeout is how long a connected device has to acknowledge before it is pushed, CallAckTimeout for calls.
	AckTimeout, CallAckTimeout time.Duration
}

// Recipient is a receiver with all bound devices.
type Recipient struct {
	UserID  string
	Devices []message.Device
	// LoggedIn means that a device was bound to the user once.
	LoggedIn bool
	// Rule is the user's; nil means message.DefaultRule.
	Rule *message.Rule
	// Muted means that the user muted the message's conversation.
	Muted bool
	// OnlineUntil is until when the app's server reported the user online.
	OnlineUntil time.Time
	// Quiet means that the message is pushed to others only.
	Quiet bool
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
	// Rule is the one of message's rules that decided. It is the reason of a push that is suppressed.
	Rule string
	// DueAt is when to push: now, or when the time to acknowledge is over. A device whose dispatcher has
	// stopped has at least its grace.
	DueAt time.Time
	// Holder is the incarnation in whose session the device may acknowledge; 0 when it has none.
	Holder int64
}

// Decide gives one decision per device, in the order of the input, and one for
// every receiver without a device.
func Decide(in Input) []Decision {
	var out []Decision
	for _, r := range in.Recipients {
		v := verdict{in: in, to: r, rule: message.DefaultRule()}
		if r.Rule != nil {
			v.rule = *r.Rule
		}
		suppressed, pushed := v.user()
		if len(r.Devices) == 0 {
			out = append(out, Decision{UserID: r.UserID, Rule: suppressed})
		}
		for _, d := range r.Devices {
			out = append(out, v.device(d, suppressed, pushed))
		}
	}
	return out
}

// device decides about one device, by what its user's rules say.
func (v verdict) device(d message.Device, suppressed, pushed string) Decision {
	dec := Decision{UserID: v.to.UserID, Device: d.Key, Epoch: d.Epoch, Rule: suppressed}
	if dec.Rule == "" {
		dec.Rule, pushed = v.platform(d, pushed)
	}
	if dec.Rule == "" {
		dec.Channel, dec.Rule = v.in.channel(d.Selector)
	}
	if dec.Rule != "" {
		return dec
	}
	dec.DueAt, dec.Rule = v.in.Now, message.RuleOffline
	switch {
	case v.in.Message.Kind == message.KindPush:
		dec.Rule = message.RuleDirect
	case v.connected(d):
		dec.DueAt, dec.Rule, dec.Holder = v.in.Now.Add(v.in.ackTimeout()), message.RuleNotAcknowledged, d.Session
		if d.GraceUntil.After(dec.DueAt) {
			dec.DueAt = d.GraceUntil
		}
	}
	if pushed != "" {
		dec.Rule = pushed
	}
	return dec
}

// connected reports whether a dispatcher holds a session of the device, or one that stopped did a moment ago.
func (v verdict) connected(d message.Device) bool { return d.Connected(v.in.Now) }

func (in Input) ackTimeout() time.Duration {
	if in.Message.Kind == message.KindCall {
		return in.CallAckTimeout
	}
	return in.AckTimeout
}

// channel finds the one row that serves the selector.
func (in Input) channel(s message.Selector) (name, suppressed string) {
	if s.Vendor == "" {
		return "", message.ReasonSessionOnly
	}
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
