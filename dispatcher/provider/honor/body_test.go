package honor

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

// envelope is in every data of providertest.Notification.
const envelope = `\"offlinepush\":\"{\\\"version\\\":1,\\\"messageID\\\":\\\"019a0000-0000-7000-8000-000000000001\\\",\\\"user\\\":\\\"u\\\"}\"`

const (
	plainData = `"data":"{` + envelope + `,\"payload\":\"{\\\"conversation\\\":\\\"anna\\\"}\"}"`
	plainText = `"notification":{"title":"Anna","body":"Lunch?"}`
	plainMeta = `"biTag":"019a0000-0000-7000-8000-000000000001","receiptId":"r1"`
)

func plainShown(more string) string {
	return `"notification":{"clickAction":{"type":3},"notifyId":931695261` + more + `}`
}

func setting(s config.HonorSetting) func(*provider.Notification) {
	return func(n *provider.Notification) { n.Setting.Honor = &s }
}

func TestCompose(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(*provider.Notification)
		want   string
	}{
		{
			"plain", func(*provider.Notification) {},
			`{` + plainData + `,` + plainText + `,"android":{"ttl":"3600s",` + plainMeta + `,` + plainShown("") + `}}`,
		},
		{
			"without payload, for ever", func(n *provider.Notification) { n.Payload, n.TTL = "", 365*24*time.Hour },
			`{"data":"{` + envelope + `}",` + plainText + `,"android":{"ttl":"1296000s",` + plainMeta + `,` + plainShown("") + `}}`,
		},
		{
			"at once", func(n *provider.Notification) { n.TTL = -time.Hour },
			`{` + plainData + `,` + plainText + `,"android":{"ttl":"1s",` + plainMeta + `,` + plainShown("") + `}}`,
		},
		{
			"service, test, intent", setting(config.HonorSetting{Importance: "Normal", Test: true, ClickAction: config.ClickAction{
				Type: "OpenPage", URI: "intent://x#Intent;end",
			}}),
			`{` + plainData + `,` + plainText + `,"android":{"ttl":"3600s","targetUserType":1,` + plainMeta + `,"notification":{
				"importance":"NORMAL","clickAction":{"type":1,"intent":"intent://x#Intent;end"},"notifyId":931695261}}}`,
		},
		{
			"marketing, action", setting(config.HonorSetting{Importance: "Low", ClickAction: config.ClickAction{Type: "OpenPage", URI: "com.example.OPEN"}}),
			`{` + plainData + `,` + plainText + `,"android":{"ttl":"3600s",` + plainMeta + `,"notification":{
				"importance":"LOW","clickAction":{"type":1,"action":"com.example.OPEN"},"notifyId":931695261}}}`,
		},
		{
			"web page", setting(config.HonorSetting{ClickAction: config.ClickAction{Type: "OpenURL", URI: "https://x.example/?a=1&b=2"}}),
			`{` + plainData + `,` + plainText + `,"android":{"ttl":"3600s",` + plainMeta + `,"notification":{
				"clickAction":{"type":2,"url":"https://x.example/?a=1&b=2"},"notifyId":931695261}}}`,
		},
		{
			"data", setting(config.HonorSetting{MessageType: "Data"}),
			`{"data":"{\"body\":\"Lunch?\",` + envelope + `,\"payload\":\"{\\\"conversation\\\":\\\"anna\\\"}\",\"title\":\"Anna\"}",
				"android":{"ttl":"3600s",` + plainMeta + `}}`,
		},
		{
			"picture", func(n *provider.Notification) {
				n.Image = "https://x.example/p.png"
				n.Setting.Honor = &config.HonorSetting{Importance: "Normal"}
			},
			`{` + plainData + `,"notification":{"title":"Anna","body":"Lunch?","image":"https://x.example/p.png"},"android":{"ttl":"3600s",` +
				plainMeta + `,` + plainShown(`,"importance":"NORMAL"`) + `}}`,
		},
		{
			"one more", func(n *provider.Notification) { n.BadgeIncrement = 1 },
			`{` + plainData + `,` + plainText + `,"android":{"ttl":"3600s",` + plainMeta + `,` +
				plainShown(`,"badge":{"addNum":1,"badgeClass":"com.example.chat.MainActivity"}`) + `}}`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			n := providertest.Notification()
			tt.change(&n)
			b, note, err := compose(n, app(), []provider.Target{{Token: "tok", UserHash: "u"}})
			if err != nil || note != "" {
				t.Fatalf("note %q, error %v", note, err)
			}
			if diff := cmp.Diff(decode(t, tt.want), decode(t, string(provider.Compact(b)))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func decode(t *testing.T, text string) (v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

func TestComposeLimits(t *testing.T) {
	t.Parallel()
	n := provider.Notification{Title: strings.Repeat("好", 40), Content: strings.Repeat("界", 256), MessageID: "m"}
	b, note, err := compose(n, app(), nil)
	if note != "" || err != nil {
		t.Fatalf("at the limits: note %q, error %v", note, err)
	}
	const key = len(`,\"payload\":\"\"`)
	n.Payload = strings.Repeat("<", maxBody-len(provider.Compact(b))-key)
	if b, _, err = compose(n, app(), nil); err != nil || len(provider.Compact(b)) != maxBody {
		t.Errorf("payload at the limit: %d bytes, %v", len(provider.Compact(b)), err)
	}
	n.Payload += "x"
	if _, _, err := compose(n, app(), nil); err == nil || !strings.Contains(err.Error(), "in a message of 4097, Honor takes 4096 in all") {
		t.Errorf("payload over the limit: %v", err)
	}
	n = provider.Notification{Title: strings.Repeat("好", 41), Content: strings.Repeat("界", 257), Image: "https://x.example/p.png"}
	b, note, err = compose(n, app(), nil)
	want := "title cut from 41 to 40 characters; content cut from 257 to 256 characters; image left out: Honor takes pictures with importance Normal only"
	if err != nil || note != want || b.Notification.Image != "" {
		t.Errorf("got note %q, image %q, error %v", note, b.Notification.Image, err)
	}
	for _, blank := range []provider.Notification{{Title: "t", Content: "\u3000"}, {Title: "\n", Content: "c"}, {}} {
		if _, _, err := compose(blank, app(), nil); err == nil {
			t.Errorf("%+v is taken", blank)
		}
	}
}

func TestBadge(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		add    int32
		class  string
		badges []*int32
		want   *badge
	}{
		{"no class", 1, "", nil, nil},
		{"nothing to say", 0, "c", []*int32{nil, nil}, nil},
		{"add", 3, "c", []*int32{new(int32(7))}, &badge{AddNum: 3, BadgeClass: "c"}},
		{"add too many", 100, "c", nil, &badge{AddNum: 99, BadgeClass: "c"}},
		{"set", 0, "c", []*int32{new(int32(7)), new(int32(7))}, &badge{SetNum: new(int32(7)), BadgeClass: "c"}},
		{"clear", 0, "c", []*int32{new(int32(0))}, &badge{SetNum: new(int32(0)), BadgeClass: "c"}},
		{"set too many", 0, "c", []*int32{new(int32(100))}, &badge{SetNum: new(int32(99)), BadgeClass: "c"}},
		{"they differ", 0, "c", []*int32{new(int32(7)), new(int32(8))}, nil},
		{"one has none", 0, "c", []*int32{new(int32(7)), nil}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var targets []provider.Target
			for _, b := range tt.badges {
				targets = append(targets, provider.Target{Badge: b})
			}
			if diff := cmp.Diff(tt.want, badgeOf(provider.Notification{BadgeIncrement: tt.add}, tt.class, targets)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
