package vivo

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/provider/providertest"
)

// plain is the body of providertest.Notification, as vivo's document names the fields.
func plain() map[string]any {
	return map[string]any{
		"appId":      float64(appID),
		"notifyType": float64(4),
		"title":      "Anna",
		"content":    "Lunch?",
		"timeToLive": float64(3600),
		"skipType":   float64(1),
		"clientCustomMap": map[string]any{
			"payload":     `{"conversation":"anna"}`,
			"offlinepush": `{"version":1,"messageID":"019a0000-0000-7000-8000-000000000001","user":"u"}`,
		},
		"requestId":      "",
		"notifyId":       float64(931695261),
		"foregroundShow": true,
	}
}

func TestCompose(t *testing.T) {
	t.Parallel()
	profile := func(s config.VivoSetting) func(*provider.Notification) {
		return func(n *provider.Notification) { n.Setting.Vivo = &s }
	}
	const extras = `S.payload=%7B%22conversation%22:%22anna%22%7D;` +
		`S.offlinepush=%7B%22version%22:1%2C%22messageID%22:%22019a0000-0000-7000-8000-000000000001%22%2C%22user%22:%22u%22%7D;`
	tests := []struct {
		name   string
		change func(*provider.Notification)
		want   map[string]any
		note   string
	}{
		{"plain", func(*provider.Notification) {}, nil, ""},
		{"long life", func(n *provider.Notification) { n.TTL = 1 << 62 }, map[string]any{"timeToLive": 86400.0}, ""},
		{"no life", func(n *provider.Notification) { n.TTL = -time.Hour }, map[string]any{"timeToLive": 60.0}, ""},
		{"badge", func(n *provider.Notification) { n.BadgeIncrement = 1 }, map[string]any{"addBadge": true}, ""},
		{
			"badges", func(n *provider.Notification) { n.BadgeIncrement = 3 },
			map[string]any{"addBadge": true},
			"badge raised by 1 instead of 3, which is all that vivo does",
		},
		{
			"class", profile(config.VivoSetting{Category: "IM", Classification: "System", Test: true}),
			map[string]any{"category": "IM", "classification": 1.0, "pushMode": 1.0},
			"",
		},
		{"operation", profile(config.VivoSetting{Classification: "Operation"}), map[string]any{"classification": 0.0}, ""},
		{
			"web", profile(config.VivoSetting{ClickAction: config.ClickAction{Type: "OpenURL", URI: "https://x.example/"}}),
			map[string]any{"skipType": 2.0, "skipContent": "https://x.example/"},
			"",
		},
		{
			"page", profile(config.VivoSetting{ClickAction: config.ClickAction{Type: "OpenPage", URI: "intent://x#Intent;component=c/.A;end"}}),
			map[string]any{"skipType": 4.0, "skipContent": "intent://x#Intent;component=c/.A;" + extras + "end"},
			"",
		},
		{
			"page that is no intent", profile(config.VivoSetting{ClickAction: config.ClickAction{Type: "OpenPage", URI: "app://x"}}),
			map[string]any{"skipType": 4.0, "skipContent": "app://x"},
			"payload not in the intent: the page of the push profile is no intent URI, which ends in ;end",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			n := providertest.Notification()
			tt.change(&n)
			b, note, err := compose(n, appID, "u")
			if err != nil || note != tt.note {
				t.Fatalf("note %q, error %v", note, err)
			}
			encoded, err := json.Marshal(b)
			if err != nil {
				t.Fatal(err)
			}
			var got map[string]any
			if err := json.Unmarshal(encoded, &got); err != nil {
				t.Fatal(err)
			}
			want := plain()
			maps.Copy(want, tt.want)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestComposeLimits(t *testing.T) {
	t.Parallel()
	n := provider.Notification{Title: strings.Repeat("好", 40), Content: strings.Repeat("界", 100), MessageID: "m"}
	if _, note, err := compose(n, appID, ""); note != "" || err != nil {
		t.Errorf("at the limits: note %q, error %v", note, err)
	}
	const envelope = len("offlinepush" + `{"version":1,"messageID":"m"}`)
	n.Payload = strings.Repeat("好", 1024-envelope-len("payload"))
	if _, _, err := compose(n, appID, ""); err != nil {
		t.Errorf("custom map at the limit: %v", err)
	}
	n.Payload += "x"
	if _, _, err := compose(n, appID, ""); err == nil || !strings.Contains(err.Error(), "payload: has 978 characters, vivo takes 977 here; shorten it") {
		t.Errorf("custom map over the limit: %v", err)
	}
	n.Payload = ""
	n.Title, n.Content = n.Title+"x", n.Content+"x"
	if b, note, err := compose(n, appID, ""); err != nil || note != "title cut from 41 to 40 characters; content cut from 101 to 100 characters" ||
		len(b.Custom) != 1 || strings.HasSuffix(b.Title+b.Content, "x") {
		t.Errorf("over the limits: %+v, note %q, error %v", b, note, err)
	}
	for _, blank := range []provider.Notification{{Title: "t", Content: "\u3000"}, {Title: "\n", Content: "c"}, {}} {
		if _, _, err := compose(blank, appID, ""); err == nil {
			t.Errorf("%+v is taken", blank)
		}
	}
}

func TestIntentLimits(t *testing.T) {
	t.Parallel()
	n := provider.Notification{Title: "t", Content: "c", MessageID: "m", Payload: strings.Repeat("好", 200)}
	page := config.ClickAction{Type: "OpenPage", URI: "intent://x#Intent;end"}
	n.Setting.Vivo = &config.VivoSetting{ClickAction: page}
	b, note, err := compose(n, appID, "")
	if err != nil || b.SkipContent != page.URI || note != "payload not in the intent, which vivo limits to 1024 characters; it is in clientCustomMap" {
		t.Errorf("got %q, note %q, error %v", b.SkipContent, note, err)
	}
	n.Setting.Vivo.ClickAction = config.ClickAction{Type: "OpenURL", URI: "https://x.example/" + strings.Repeat("x", 1024)}
	if _, _, err := compose(n, appID, ""); err == nil || !strings.Contains(err.Error(), "push profile: vivo.clickAction: the address has 1042 characters, vivo takes 1024") {
		t.Errorf("got %v", err)
	}
}
