package router

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/message"
)

func TestDecide(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	fcm, xiaomi := message.Selector{Vendor: "FCM", AppType: 1}, message.Selector{Vendor: "Xiaomi", AppType: 1, Region: "China"}
	channels := []Channel{{"fcm", fcm}, {"mi", xiaomi}}
	device := func(key int64, s message.Selector, session int64) message.Device {
		return message.Device{Key: key, Epoch: key * 10, Selector: s, Session: session}
	}
	push := &message.PushConfig{Title: "t"}
	tests := []struct {
		name      string
		push      *message.PushConfig
		sender    string
		channels  []Channel
		recipient Recipient
		want      []Decision
	}{
		{
			name: "offline devices are pushed now, each by its vendor", push: push, channels: channels,
			recipient: Recipient{"bob", []message.Device{device(1, fcm, 0), device(2, xiaomi, 0)}},
			want: []Decision{
				{UserID: "bob", Device: 1, Epoch: 10, Channel: "fcm", DueAt: now},
				{UserID: "bob", Device: 2, Epoch: 20, Channel: "mi", DueAt: now},
			},
		},
		{
			name: "a connected device has time to acknowledge", push: push, channels: channels,
			recipient: Recipient{"bob", []message.Device{device(1, fcm, 7)}},
			want:      []Decision{{UserID: "bob", Device: 1, Epoch: 10, Channel: "fcm", DueAt: now.Add(3 * time.Second), Holder: 7}},
		},
		{
			name: "no push content", channels: channels,
			recipient: Recipient{"bob", []message.Device{device(1, fcm, 0)}},
			want:      []Decision{{UserID: "bob", Device: 1, Epoch: 10, Reason: message.ReasonNoPushConfig}},
		},
		{
			name: "no device", push: push, channels: channels, recipient: Recipient{UserID: "bob"},
			want: []Decision{{UserID: "bob", Reason: message.ReasonNoDevice}},
		},
		{
			name: "the sender's own device", push: push, sender: "bob", channels: channels,
			recipient: Recipient{"bob", []message.Device{device(1, fcm, 0)}},
			want:      []Decision{{UserID: "bob", Device: 1, Epoch: 10, Reason: message.ReasonOwnDevice}},
		},
		{
			name: "no channel for the vendor", push: push, channels: channels[:1],
			recipient: Recipient{"bob", []message.Device{device(2, xiaomi, 0)}},
			want:      []Decision{{UserID: "bob", Device: 2, Epoch: 20, Reason: message.ReasonNoChannel}},
		},
		{
			name: "another region is another channel", push: push, channels: channels,
			recipient: Recipient{"bob", []message.Device{device(2, message.Selector{Vendor: "Xiaomi", AppType: 1, Region: "India"}, 0)}},
			want:      []Decision{{UserID: "bob", Device: 2, Epoch: 20, Reason: message.ReasonNoChannel}},
		},
		{
			name: "two channels match", push: push, channels: []Channel{{"a", fcm}, {"b", fcm}},
			recipient: Recipient{"bob", []message.Device{device(1, fcm, 0)}},
			want:      []Decision{{UserID: "bob", Device: 1, Epoch: 10, Reason: message.ReasonAmbiguous}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := Decide(Input{
				Message: message.Message{Sender: tt.sender, Push: tt.push}, Recipients: []Recipient{tt.recipient},
				Channels: tt.channels, Now: now, AckTimeout: 3 * time.Second,
			})
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
