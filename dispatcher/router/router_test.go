package router

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/message"
)

const (
	ackTimeout     = 3 * time.Second
	callAckTimeout = 2 * time.Second
)

// now is at noon in London.
func now() time.Time { return time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC) }

func fcm() message.Selector { return message.Selector{Vendor: "FCM", AppType: 1} }

func xiaomi(region string) message.Selector {
	return message.Selector{Vendor: "Xiaomi", AppType: 1, Region: region}
}

func device(key int64, s message.Selector, session int64) message.Device {
	return message.Device{Key: key, Epoch: key * 10, Selector: s, Session: session, Platform: "Android"}
}

// graced is a device whose dispatcher has stopped.
func graced(d message.Device, left time.Duration) message.Device {
	d.GraceUntil = now().Add(left)
	return d
}

// to is bob with devices.
func to(devices ...message.Device) Recipient {
	return Recipient{UserID: "bob", Devices: devices, LoggedIn: true}
}

// input is alice's message to bob, who has one phone that is not connected.
func input() Input {
	return Input{
		Message:    message.Message{Sender: "alice", Push: &message.PushConfig{Title: "t"}},
		Recipients: []Recipient{to(device(1, fcm(), 0))},
		Channels:   []Channel{{"fcm", fcm()}, {"mi", xiaomi("China")}},
		Now:        now(), AckTimeout: ackTimeout, CallAckTimeout: callAckTimeout,
	}
}

func TestDecideByDevice(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(*Input)
		want   []Decision
	}{
		{
			name: "offline devices are pushed now, each by its vendor",
			change: func(in *Input) {
				in.Recipients = []Recipient{to(device(1, fcm(), 0), device(2, xiaomi("China"), 0))}
			},
			want: []Decision{
				{UserID: "bob", Device: 1, Epoch: 10, Channel: "fcm", Rule: message.RuleOffline, DueAt: now()},
				{UserID: "bob", Device: 2, Epoch: 20, Channel: "mi", Rule: message.RuleOffline, DueAt: now()},
			},
		},
		{
			name:   "a connected device has time to acknowledge",
			change: func(in *Input) { in.Recipients = []Recipient{to(device(1, fcm(), 7))} },
			want: []Decision{{
				UserID: "bob", Device: 1, Epoch: 10, Channel: "fcm", Rule: message.RuleNotAcknowledged,
				DueAt: now().Add(ackTimeout), Holder: 7,
			}},
		},
		{
			name: "a device whose dispatcher stopped has its grace, wherever it is now",
			change: func(in *Input) {
				in.Recipients = []Recipient{to(graced(device(1, fcm(), 0), 8*time.Second), graced(device(3, fcm(), 7), 8*time.Second))}
			},
			want: []Decision{
				{UserID: "bob", Device: 1, Epoch: 10, Channel: "fcm", Rule: message.RuleNotAcknowledged, DueAt: now().Add(8 * time.Second)},
				{UserID: "bob", Device: 3, Epoch: 30, Channel: "fcm", Rule: message.RuleNotAcknowledged, DueAt: now().Add(8 * time.Second), Holder: 7},
			},
		},
		{
			name:   "the end of the grace leaves time to acknowledge",
			change: func(in *Input) { in.Recipients = []Recipient{to(graced(device(1, fcm(), 0), time.Second))} },
			want: []Decision{
				{UserID: "bob", Device: 1, Epoch: 10, Channel: "fcm", Rule: message.RuleNotAcknowledged, DueAt: now().Add(ackTimeout)},
			},
		},
		{
			name:   "grace that is over is none",
			change: func(in *Input) { in.Recipients = []Recipient{to(graced(device(1, fcm(), 0), 0))} },
			want:   []Decision{{UserID: "bob", Device: 1, Epoch: 10, Channel: "fcm", Rule: message.RuleOffline, DueAt: now()}},
		},
		{
			name: "a call has its own time",
			change: func(in *Input) {
				in.Message.Kind = message.KindCall
				in.Recipients = []Recipient{to(device(1, fcm(), 7))}
			},
			want: []Decision{{
				UserID: "bob", Device: 1, Epoch: 10, Channel: "fcm", Rule: message.RuleNotAcknowledged,
				DueAt: now().Add(callAckTimeout), Holder: 7,
			}},
		},
		{
			name:   "another region is another channel",
			change: func(in *Input) { in.Recipients = []Recipient{to(device(2, xiaomi("India"), 0))} },
			want:   []Decision{{UserID: "bob", Device: 2, Epoch: 20, Rule: message.ReasonNoChannel}},
		},
		{
			name:   "two channels match",
			change: func(in *Input) { in.Channels = []Channel{{"a", fcm()}, {"b", fcm()}} },
			want:   []Decision{{UserID: "bob", Device: 1, Epoch: 10, Rule: message.ReasonAmbiguous}},
		},
		{
			name:   "a device without a vendor",
			change: func(in *Input) { in.Recipients = []Recipient{to(device(3, message.Selector{}, 7))} },
			want:   []Decision{{UserID: "bob", Device: 3, Epoch: 30, Rule: message.ReasonSessionOnly}},
		},
		{
			name:   "no devices any more",
			change: func(in *Input) { in.Recipients = []Recipient{to()} },
			want:   []Decision{{UserID: "bob", Rule: message.ReasonLoggedOut}},
		},
		{
			name:   "no devices yet",
			change: func(in *Input) { in.Recipients = []Recipient{{UserID: "bob"}} },
			want:   []Decision{{UserID: "bob", Rule: message.ReasonNeverLoggedIn}},
		},
		{
			name: "an override is the rule of the push, whether it waits or not",
			change: func(in *Input) {
				in.Message.Push.Mode = message.PushForce
				in.Recipients = []Recipient{to(device(1, fcm(), 7), device(2, xiaomi("China"), 0))}
				in.Recipients[0].Muted = true
			},
			want: []Decision{
				{UserID: "bob", Device: 1, Epoch: 10, Channel: "fcm", Rule: message.RuleForced, DueAt: now().Add(ackTimeout), Holder: 7},
				{UserID: "bob", Device: 2, Epoch: 20, Channel: "mi", Rule: message.RuleForced, DueAt: now()},
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			in := input()
			tt.change(&in)
			if diff := cmp.Diff(tt.want, Decide(in)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
