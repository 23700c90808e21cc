package quickstart

import (
	"context"
	"fmt"
	"time"

	"github.com/offlinepush/operator/dispatcher/wire"
)

// packageName is the app at the vendors that know it by its package or bundle.
const packageName = "io.offlinepush.quickstart"

// The two phones that most of the story is about. app is what the vendor knows the app as.
var (
	android = model{"Android phone (FCM)", "fcm", "quickstart-chat", wire.RegisterDevice{Vendor: "FCM", Platform: "Android"}}
	xiaomi  = model{"Xiaomi phone", "xiaomi", packageName, wire.RegisterDevice{Vendor: "Xiaomi", Platform: "Android", Region: "China"}}
)

// models are a phone of every vendor.
func models() []model {
	return []model{
		android, xiaomi,
		{"Huawei phone", "huawei", "104000001", wire.RegisterDevice{Vendor: "Huawei", Platform: "Android"}},
		{"HarmonyOS phone", "harmonyos", "388000000000000001", wire.RegisterDevice{Vendor: "HarmonyOS", Platform: "OHOS"}},
		{"OPPO phone", "oppo", "quickstartoppo01", wire.RegisterDevice{Vendor: "OPPO", Platform: "Android", Region: "China"}},
		{"vivo phone", "vivo", "105000001", wire.RegisterDevice{Vendor: "Vivo", Platform: "Android"}},
		{"Honor phone", "honor", "104400001", wire.RegisterDevice{Vendor: "Honor", Platform: "Android"}},
		{"Meizu phone", "meizu", "100001", wire.RegisterDevice{Vendor: "Meizu", Platform: "Android"}},
		{"iPhone (APNs)", "apns", packageName, wire.RegisterDevice{Vendor: "APNs", Platform: "iPhoneOS"}},
		{"browser (Web Push)", "webpush", "quickstart-web", wire.RegisterDevice{Vendor: "WebPush", Platform: "Web"}},
	}
}

// tenPhones sends one message to a user who has a phone of every vendor.
func (s *Story) tenPhones(ctx context.Context) error {
	dana := s.user("dana")
	var phones []*handset
	for _, m := range models() {
		h, err := s.newPhone(ctx, m)
		if err != nil {
			return err
		}
		if err := s.bind(ctx, h, dana); err != nil {
			return err
		}
		phones = append(phones, h)
	}
	const title = "Alice wrote to Dana"
	sent, err := s.send(ctx, dana, title)
	if err != nil {
		return err
	}
	for _, h := range phones {
		if err := s.showsMessage(ctx, h, title); err != nil {
			return err
		}
	}
	return s.handed(ctx, sent.MessageID)
}

// showsMessage waits until the phone shows a message of the story whole.
func (s *Story) showsMessage(ctx context.Context, h *handset, title string) error {
	a, err := s.shows(ctx, h)
	if err != nil {
		return err
	}
	if a.Title != title || a.Content.Content != content || a.Payload != chat {
		return fmt.Errorf("the %s shows something else: %+v", h.name, a.Content)
	}
	return nil
}

// handed waits until every delivery of a message is recorded as handed to its vendor.
func (s *Story) handed(ctx context.Context, messageID string) error {
	return await(ctx, "every delivery to be recorded", func(ctx context.Context) error {
		trace, err := s.backend.Trace(ctx, messageID)
		if err != nil {
			return err
		}
		for _, d := range trace.Devices {
			if d.State != "Handed" {
				return fmt.Errorf("%w: %s is %s %s", errNotYet, d.Channel, d.State, d.Reason)
			}
		}
		return nil
	})
}

// What the story's messages say.
const (
	content = "Are you there?"
	chat    = `{"chat":"alice"}`
	// soon bounds what should happen at once, and only ends a hang: a busy node takes its time.
	soon = time.Minute
)
