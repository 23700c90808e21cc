package delivery

import (
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
)

func TestANotificationCarriesThePush(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	push := message.PushConfig{
		Mode:  message.PushForce,
		Title: "t", Content: "c", Payload: "p", ResourcesID: "call", ThreadID: "room", Image: "https://i.example/a.png", BadgeIncrement: 3,
		VoIP:     &message.VoIP{HandleType: "Generic", HandleValue: "Anna", HasVideo: true},
		Template: &message.Template{ID: "7", TitleParameters: `{"a":"b"}`, ContentParameters: "{}"},
	}
	for field, value := range reflect.ValueOf(push).Fields() {
		if value.IsZero() {
			t.Fatalf("the test leaves %s out", field.Name)
		}
	}
	call := config.Setting{Vendor: "APNs", AppType: 1, APNs: &config.APNsSetting{PushType: "VoIP"}}
	doc := &config.Document{Profiles: []config.Profile{{ResourcesID: "call", Settings: []config.Setting{{Vendor: "FCM", AppType: 1}, call}}}}
	m := message.Message{ID: "m", Push: &push, PushExpiresAt: now.Add(time.Minute)}
	want := provider.Notification{
		Title: "t", Content: "c", Payload: "p", MessageID: "m", DedupID: "m", ReplaceID: "m", TTL: time.Minute, Urgent: true, ThreadID: "room",
		Image: push.Image, BadgeIncrement: 3, VoIP: push.VoIP, Template: push.Template, Setting: call,
	}
	got := notification(m, doc, config.Channel{Vendor: "APNs", AppType: 1}, now)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got.TokenKind() != message.TokenVoIP {
		t.Errorf("a call goes to the %s token", got.TokenKind())
	}
	if got := notification(m, doc, config.Channel{Vendor: "APNs", AppType: 2}, now); got.TokenKind() != message.TokenAlert {
		t.Errorf("a plain alert goes to the %s token", got.TokenKind())
	}
}
