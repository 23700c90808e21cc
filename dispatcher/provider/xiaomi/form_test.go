package xiaomi

import (
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/provider/providertest"
)

// plain is the form of providertest.Notification.
func plain() url.Values {
	return url.Values{
		"restricted_package_name": {packageName},
		"pass_through":            {"0"},
		"title":                   {"Anna"},
		"description":             {"Lunch?"},
		"notify_type":             {"-1"},
		"notify_id":               {"931695261"},
		"time_to_live":            {"3600000"},
		"extra.notify_foreground": {"1"},
		"extra.notify_effect":     {"1"},
		"extra.jobkey":            {"b7888a9d728324e30348"},
		"extra.payload":           {`{"conversation":"anna"}`},
		"extra.offlinepush":       {`{"version":1,"messageID":"019a0000-0000-7000-8000-000000000001","user":"u"}`},
	}
}

// app composes without receipts.
func app() *Provider { return &Provider{packageName: packageName} }

func TestCompose(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(*provider.Notification)
		want   map[string]string // "-" means absent
	}{
		{"plain", func(*provider.Notification) {}, nil},
		{
			"no payload, no ids", func(n *provider.Notification) { n.Payload, n.DedupID, n.ReplaceID = "", "", "" },
			map[string]string{"extra.payload": "-", "extra.jobkey": "-"},
		},
		{"long life", func(n *provider.Notification) { n.TTL = 365 * 24 * time.Hour }, map[string]string{"time_to_live": "1209600000"}},
		{"no life", func(n *provider.Notification) { n.TTL = -time.Hour }, map[string]string{"time_to_live": "1000"}},
		{"category", func(n *provider.Notification) {
			n.Setting.Xiaomi = &config.XiaomiSetting{ChannelID: "110001", ChannelName: "IM", ChannelDescription: "chat"}
		}, map[string]string{"extra.channel_id": "110001", "extra.channel_name": "IM", "extra.channel_description": "chat"}},
		{"page", func(n *provider.Notification) {
			n.Setting.Xiaomi = &config.XiaomiSetting{ChannelID: "1", ClickAction: config.ClickAction{Type: "OpenPage", URI: "intent://x#Intent;end"}}
		}, map[string]string{"extra.channel_id": "1", "extra.notify_effect": "2", "extra.intent_uri": "intent://x#Intent;end"}},
		{"web", func(n *provider.Notification) {
			n.Setting.Xiaomi = &config.XiaomiSetting{ChannelID: "1", ClickAction: config.ClickAction{Type: "OpenURL", URI: "https://x.example/"}}
		}, map[string]string{"extra.channel_id": "1", "extra.notify_effect": "3", "extra.web_uri": "https://x.example/"}},
		{"template without parameters", templated(nil), map[string]string{"extra.template_id": "P1", "extra.template_param": "{}"}},
		{
			"template with parameters", templated(&message.Template{ID: "OPPO's", TitleParameters: `{"b":"1"}`, ContentParameters: `{"a":"&"}`}),
			map[string]string{"extra.template_id": "P1", "extra.template_param": `{"a":"\u0026","b":"1"}`},
		},
		{
			"template with null", templated(&message.Template{TitleParameters: "null"}),
			map[string]string{"extra.template_id": "P1", "extra.template_param": "{}"},
		},
		{"parameters without a template", func(n *provider.Notification) { n.Template = &message.Template{ID: "OPPO's", TitleParameters: "{}"} }, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			n := providertest.Notification()
			tt.change(&n)
			want := plain()
			for k, v := range tt.want {
				if want.Set(k, v); v == "-" {
					want.Del(k)
				}
			}
			got, note, err := app().compose(n, "u")
			if err != nil || note != "" {
				t.Fatalf("note %q, error %v", note, err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func templated(tpl *message.Template) func(*provider.Notification) {
	return func(n *provider.Notification) {
		n.Template, n.Setting.Xiaomi = tpl, &config.XiaomiSetting{TemplateID: "P1"}
	}
}

func TestTemplateParametersAreObjects(t *testing.T) {
	t.Parallel()
	for field, tpl := range map[string]message.Template{
		"template.titleParameters":   {TitleParameters: `["a"]`},
		"template.contentParameters": {TitleParameters: `{}`, ContentParameters: `{`},
	} {
		n := providertest.Notification()
		templated(&tpl)(&n)
		if _, _, err := app().compose(n, ""); err == nil || !strings.Contains(err.Error(), field+": is not a JSON object") {
			t.Errorf("%+v: got %v", tpl, err)
		}
	}
}

func TestReceiptsAreAskedFor(t *testing.T) {
	t.Parallel()
	link := "https://push.example/" + strings.Repeat("x", maxReceiptLink-len("https://push.example/"))
	p := &Provider{packageName: packageName, receipts: config.NewSecret(link)}
	want := plain()
	want.Set("extra.callback", link)
	want.Set("extra.callback.param", providertest.Notification().MessageID)
	want.Set("extra.callback.type", "243")
	got, note, err := p.compose(providertest.Notification(), "u")
	if diff := cmp.Diff(want, got); diff != "" || note != "" || err != nil {
		t.Errorf("note %q, error %v (-want +got):\n%s", note, err, diff)
	}
	p.receipts = config.NewSecret(link + "x")
	got, note, err = p.compose(providertest.Notification(), "u")
	if diff := cmp.Diff(plain(), got); diff != "" || !strings.HasPrefix(note, "no receipts: ") || err != nil {
		t.Errorf("note %q, error %v (-want +got):\n%s", note, err, diff)
	}
}

func TestComposeLimits(t *testing.T) {
	t.Parallel()
	n := provider.Notification{Title: strings.Repeat("好", 49), Content: strings.Repeat("界", 127), MessageID: "m"}
	if _, note, err := app().compose(n, ""); note != "" || err != nil {
		t.Errorf("at the limits: note %q, error %v", note, err)
	}
	const envelope = len("offlinepush" + `{"version":1,"messageID":"m"}`)
	n.Payload = strings.Repeat("好", 1023-envelope-len("payload"))
	if _, _, err := app().compose(n, ""); err != nil {
		t.Errorf("extras at the limit: %v", err)
	}
	n.Payload += "x"
	if _, _, err := app().compose(n, ""); err == nil || !strings.Contains(err.Error(), "payload: has 977 characters, Xiaomi takes 976 here") {
		t.Errorf("extras over the limit: %v", err)
	}
	for _, blank := range []provider.Notification{{Title: "t", Content: "\u3000"}, {Title: "\n", Content: "c"}, {}} {
		if _, _, err := app().compose(blank, ""); err == nil {
			t.Errorf("%+v is taken", blank)
		}
	}
}

// TestJobKeys holds the keys to Xiaomi's rules and tells different messages apart.
func TestJobKeys(t *testing.T) {
	t.Parallel()
	rule := regexp.MustCompile(`^[0-9A-Za-z-][0-9A-Za-z_-]{0,19}$`)
	seen := map[string]bool{}
	for i := range 2000 {
		id := "message-" + strconv.Itoa(i)
		key := jobKey(id)
		if !rule.MatchString(key) || seen[key] {
			t.Fatalf("%s: job key %q", id, key)
		}
		seen[key] = true
	}
}
