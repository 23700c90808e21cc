package oppo

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/provider/providertest"
)

// plain is the notification of providertest.Notification, in the order of its fields.
const plain = `{"title":"Anna","content":"Lunch?","style":1,"app_message_id":"019a0000-0000-7000-8000-000000000001",` +
	`"click_action_type":0,"action_parameters":"{\"offlinepush\":\"{\\\"version\\\":1,` +
	`\\\"messageID\\\":\\\"019a0000-0000-7000-8000-000000000001\\\",\\\"user\\\":\\\"u\\\"}\",` +
	`\"payload\":\"{\\\"conversation\\\":\\\"anna\\\"}\"}","off_line":true,"off_line_ttl":3600,"notify_id":931695261}`

func fields(t *testing.T, text string) map[string]any {
	t.Helper()
	var all map[string]any
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestMessage(t *testing.T) {
	t.Parallel()
	common, note, err := shared(providertest.Notification(), config.Secret{})
	if err != nil || note != "" {
		t.Fatalf("note %q, error %v", note, err)
	}
	got, err := common.message(providertest.Notification(), provider.Target{Token: "OPPO_CN_1", UserHash: "u"})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"target_type":2,"target_value":"OPPO_CN_1","notification":` + plain + `}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestCompose(t *testing.T) {
	t.Parallel()
	setting := func(s config.OPPOSetting) func(*provider.Notification) {
		return func(n *provider.Notification) { n.Setting.OPPO = &s }
	}
	page := func(uri string) func(*provider.Notification) {
		return setting(config.OPPOSetting{ClickAction: config.ClickAction{Type: config.OpenPage, URI: uri}})
	}
	filled := message.Template{ID: "own", TitleParameters: `{"a":"b"}`, ContentParameters: `{"c":"d"}`}
	nameless := filled
	nameless.ID = ""
	templated := func(tpl *message.Template, s config.OPPOSetting) func(*provider.Notification) {
		return func(n *provider.Notification) { n.Template, n.Setting.OPPO = tpl, &s }
	}
	type want = map[string]any // nil means absent
	tests := []struct {
		name   string
		change func(*provider.Notification)
		want   want
		note   string
	}{
		{"plain", func(*provider.Notification) {}, nil, ""},
		{
			"nothing optional", func(n *provider.Notification) { n.Payload, n.DedupID, n.ReplaceID = "", "", "" },
			want{"app_message_id": nil, "action_parameters": `{"offlinepush":"{\"version\":1,\"messageID\":\"019a0000-0000-7000-8000-000000000001\",\"user\":\"u\"}"}`},
			"",
		},
		{"long life", func(n *provider.Notification) { n.TTL = 365 * 24 * time.Hour }, want{"off_line_ttl": 864000.0}, ""},
		{"no life", func(n *provider.Notification) { n.TTL = -time.Hour }, want{"off_line_ttl": 1.0}, ""},
		{
			"long text", func(n *provider.Notification) { n.Content = strings.Repeat("好", 51) },
			want{"style": 2.0, "content": strings.Repeat("好", 51)},
			"",
		},
		{"badge", func(n *provider.Notification) { n.BadgeIncrement = 3 }, want{"badge_operation_type": 1.0, "badge_message_count": 3.0}, ""},
		{
			"category", setting(config.OPPOSetting{ChannelID: "chat", Category: "IM", NotifyLevel: 16}),
			want{"channel_id": "chat", "category": "IM", "notify_level": 16.0},
			"",
		},
		{
			"web", setting(config.OPPOSetting{ClickAction: config.ClickAction{Type: config.OpenURL, URI: "https://x.example/?a=1&b=2"}}),
			want{"click_action_type": 2.0, "click_action_url": "https://x.example/?a=1&b=2"},
			"",
		},
		{
			"activity", page("im.zego.zpns.ZPNsOpenClickedActivity"),
			want{"click_action_type": 4.0, "click_action_activity": "im.zego.zpns.ZPNsOpenClickedActivity"},
			"",
		},
		{"action", page("com.example.chat.detail"), want{"click_action_type": 1.0, "click_action_activity": "com.example.chat.detail"}, ""},
		{"action in capitals", page("com.example.SHOW_CHAT"), want{"click_action_type": 1.0, "click_action_activity": "com.example.SHOW_CHAT"}, ""},
		{"action without a package", page("Detail"), want{"click_action_type": 1.0, "click_action_activity": "Detail"}, ""},
		{
			"intent", page("intent://chat#Intent;scheme=x;end"),
			want{"click_action_type": 5.0, "click_action_url": "intent://chat#Intent;scheme=x;end"},
			"",
		},
		{"template of the profile", setting(config.OPPOSetting{TemplateID: "t"}), want{"private_msg_template_id": "t"}, ""},
		{
			"template of the message", templated(&filled, config.OPPOSetting{TemplateID: "t"}),
			want{"private_msg_template_id": "own", "private_title_parameters": `{"a":"b"}`, "private_content_parameters": `{"c":"d"}`},
			"",
		},
		{
			"template of both", templated(&nameless, config.OPPOSetting{TemplateID: "t"}),
			want{"private_msg_template_id": "t", "private_title_parameters": `{"a":"b"}`, "private_content_parameters": `{"c":"d"}`},
			"",
		},
		{
			"template of nobody", templated(&nameless, config.OPPOSetting{}), nil,
			"template left out: neither the message nor the push profile has its id",
		},
		{"no template in marketing", templated(&filled, config.OPPOSetting{TemplateID: "t", Marketing: true}), nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			n := providertest.Notification()
			tt.change(&n)
			want := fields(t, plain)
			want["notify_id"] = float64(provider.PlaceID(n))
			for k, v := range tt.want {
				if want[k] = v; v == nil {
					delete(want, k)
				}
			}
			common, note, err := shared(n, config.Secret{})
			if err != nil || note != tt.note {
				t.Fatalf("note %q, error %v", note, err)
			}
			encoded, err := common.message(n, provider.Target{Token: "t", UserHash: "u"})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, fields(t, string(encoded))["notification"]); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestReceiptsAreAskedFor(t *testing.T) {
	t.Parallel()
	link := "https://push.example/" + strings.Repeat("x", maxReceiptLink-len("https://push.example/"))
	common, note, err := shared(providertest.Notification(), config.NewSecret(link))
	if err != nil || note != "" || common.CallBackURL != link || common.CallBackParameter != providertest.Notification().MessageID {
		t.Errorf("got %+v, note %q, error %v", common, note, err)
	}
	common, note, err = shared(providertest.Notification(), config.NewSecret(link+"x"))
	if err != nil || note != "no receipts: their URL has 201 bytes, the vendor takes 200" || common.CallBackURL+common.CallBackParameter != "" {
		t.Errorf("got %+v, note %q, error %v", common, note, err)
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	n := provider.Notification{Title: strings.Repeat("好", 50), Content: strings.Repeat("界", 128), MessageID: "m"}
	n.Payload = strings.Repeat("好", maxParameters-len(`{"offlinepush":"{\"version\":1,\"messageID\":\"m\"}","payload":""}`))
	common, note, err := shared(n, config.Secret{})
	if err != nil || note != "" {
		t.Errorf("at the limits: note %q, error %v", note, err)
	}
	if _, err := common.message(n, provider.Target{Token: "t"}); err != nil {
		t.Errorf("parameters at the limit: %v", err)
	}
	n.Payload += "x"
	if _, err := common.message(n, provider.Target{Token: "t"}); err == nil || !strings.Contains(err.Error(), "payload: action_parameters has 4001 characters with it, OPPO takes 4000") {
		t.Errorf("parameters over the limit: %v", err)
	}
	for _, blank := range []provider.Notification{{Title: "t", Content: "\u3000"}, {Title: "\n", Content: "c"}, {}} {
		if _, _, err := shared(blank, config.Secret{}); err == nil {
			t.Errorf("%+v is taken", blank)
		}
	}
}
