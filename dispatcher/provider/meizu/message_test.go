package meizu

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/provider/providertest"
)

// object is JSON.
type object = map[string]any

// plain is the messageJson of providertest.Notification.
func plain() object {
	return object{
		"noticeBarInfo": object{"noticeMsgType": 0., "title": "Anna", "content": "Lunch?"},
		"clickTypeInfo": object{"clickType": 0., "parameters": object{
			"payload":     `{"conversation":"anna"}`,
			"offlinepush": `{"version":1,"messageID":"019a0000-0000-7000-8000-000000000001","user":"u"}`,
		}},
		"pushTimeInfo": object{"offLine": 1., "validTime": 1.},
		"advanceInfo": object{
			"suspend": 1., "clearNoticeBar": 1., "notifyKey": "fepgnx",
			"notificationType": object{"vibrate": 1., "lights": 1., "sound": 1.},
		},
	}
}

func TestCompose(t *testing.T) {
	t.Parallel()
	receiptURL := "https://push.example.com/v1/receipts/AAAAAAAAAAAAAAAAAAAAAA"
	tests := []struct {
		name, receiptURL string
		change           func(*provider.Notification)
		want             func(object)
	}{
		{"plain", "", func(*provider.Notification) {}, func(object) {}},
		{
			"without payload", "", func(n *provider.Notification) { n.Payload = "" },
			func(o object) { delete(o["clickTypeInfo"].(object)["parameters"].(object), "payload") },
		},
		{
			"private, page", "", func(n *provider.Notification) {
				n.Setting.Meizu = &config.MeizuSetting{NoticeType: "Private", ClickAction: config.ClickAction{Type: "OpenPage", URI: "com.example.Chat"}}
			}, func(o object) {
				o["noticeBarInfo"].(object)["noticeMsgType"] = 1.
				o["clickTypeInfo"].(object)["clickType"], o["clickTypeInfo"].(object)["activity"] = 1., "com.example.Chat"
			},
		},
		{
			"public, web page", "", func(n *provider.Notification) {
				n.Setting.Meizu = &config.MeizuSetting{NoticeType: "Public", ClickAction: config.ClickAction{Type: "OpenURL", URI: "https://x.example/?a&b"}}
			}, func(o object) {
				o["clickTypeInfo"].(object)["clickType"], o["clickTypeInfo"].(object)["url"] = 2., "https://x.example/?a&b"
			},
		},
		{
			"receipts", receiptURL, func(*provider.Notification) {}, func(o object) {
				o["extra"] = object{"callback": receiptURL, "callback.param": "019a0000-0000-7000-8000-000000000001", "callback.type": "3"}
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			n := providertest.Notification()
			tt.change(&n)
			text, note, err := compose(n, "u", tt.receiptURL)
			if err != nil || note != "" {
				t.Fatalf("note %q, error %v", note, err)
			}
			var got object
			if err := json.Unmarshal([]byte(text), &got); err != nil {
				t.Fatal(err)
			}
			want := plain()
			tt.want(want)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if strings.Contains(text, `\u0026`) || strings.HasSuffix(text, "\n") {
				t.Errorf("is written as %q", text)
			}
		})
	}
}

func TestHours(t *testing.T) {
	t.Parallel()
	for ttl, want := range map[time.Duration]int64{
		-time.Hour: 1, 0: 1, time.Second: 1, time.Hour: 1, time.Hour + 1: 2, 24 * time.Hour: 24, 72 * time.Hour: 72, 73 * time.Hour: 72, 1 << 62: 72,
	} {
		if got := hours(ttl); got != want {
			t.Errorf("%s: got %d hours, want %d", ttl, got, want)
		}
	}
}

func TestComposeLimits(t *testing.T) {
	t.Parallel()
	n := provider.Notification{Title: strings.Repeat("好", 32), Content: strings.Repeat("界", 100), MessageID: "m"}
	longest := "https://x.example/" + strings.Repeat("x", 110)
	if _, note, err := compose(n, "", longest); note != "" || err != nil {
		t.Errorf("at the limits: note %q, error %v", note, err)
	}
	n.Title, n.Content = n.Title+"x", n.Content+"x"
	text, note, err := compose(n, "", longest+"x")
	want := "title cut from 33 to 32 characters; content cut from 101 to 100 characters; receipts left out: their URL has 129 bytes, Meizu takes 128"
	if note != want || err != nil || strings.Contains(text, "callback") {
		t.Errorf("over the limits: note %q, error %v", note, err)
	}
	for _, blank := range []provider.Notification{{Title: "t", Content: "\u3000"}, {Title: "\n", Content: "c"}, {}} {
		if _, _, err := compose(blank, "", ""); err == nil {
			t.Errorf("%+v is taken", blank)
		}
	}
}
