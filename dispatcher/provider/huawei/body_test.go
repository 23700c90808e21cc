package huawei

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

// own is message.data: JSON in a text, whose values are texts.
const own = `"{\"offlinepush\":\"{\\\"version\\\":1,\\\"messageID\\\":\\\"019a0000-0000-7000-8000-000000000001\\\",\\\"user\\\":\\\"u\\\"}\",\"payload\":\"{\\\"conversation\\\":\\\"anna\\\"}\"}"`

func TestCompose(t *testing.T) {
	t.Parallel()
	const place = `"notify_id":@PLACE@,"foreground_show":true`
	tests := []struct {
		name   string
		change func(*provider.Notification)
		want   string
		note   string
	}{
		{"plain", func(*provider.Notification) {}, `{"message":{"data":%,"token":["tok"],"android":{
			"ttl":"3600s","bi_tag":"019a0000-0000-7000-8000-000000000001","receipt_id":"RCP1",
			"notification":{"title":"Anna","body":"Lunch?","click_action":{"type":3},"importance":"NORMAL","default_sound":true,` + place + `}}}}`, ""},
		{"profile", func(n *provider.Notification) {
			n.TTL, n.Image, n.BadgeIncrement, n.Urgent = 1<<62, "https://example.com/a.png", 120, true
			n.Setting.Huawei = &config.HuaweiSetting{
				MessageType: "Notification", Test: true, ChannelID: "im", Category: "IM", Importance: "Low", Sound: "/raw/ring",
				ClickAction: config.ClickAction{Type: config.OpenPage, URI: "intent://x"},
			}
		}, `{"message":{"data":%,"token":["tok"],"android":{
			"ttl":"1296000s","category":"IM","bi_tag":"019a0000-0000-7000-8000-000000000001","receipt_id":"RCP1","target_user_type":1,
			"notification":{"title":"Anna","body":"Lunch?","click_action":{"type":1,"intent":"intent://x"},"importance":"LOW","channel_id":"im",
			"badge":{"add_num":99,"class":"com.example.Main"},"image":"https://example.com/a.png","sound":"/raw/ring",` + place + `}}}}`, ""},
		{"web page", func(n *provider.Notification) {
			n.Image, n.TTL = "http://example.com/a.png", -time.Hour
			n.Setting.Huawei = &config.HuaweiSetting{ClickAction: config.ClickAction{Type: config.OpenURL, URI: "https://example.com"}}
		}, `{"message":{"data":%,"token":["tok"],"android":{
			"ttl":"1s","bi_tag":"019a0000-0000-7000-8000-000000000001","receipt_id":"RCP1",
			"notification":{"title":"Anna","body":"Lunch?","click_action":{"type":2,"url":"https://example.com"},"importance":"NORMAL",
			"default_sound":true,` + place + `}}}}`, "image left out: Huawei loads pictures over https only"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			n := providertest.Notification()
			tt.change(&n)
			want := strings.Replace(tt.want, "%", own, 1)
			place, _ := json.Marshal(provider.PlaceID(n))
			checkBody(t, n, strings.Replace(want, "@PLACE@", string(place), 1), tt.note)
		})
	}
}

func checkBody(t *testing.T, n provider.Notification, wantJSON, note string) {
	t.Helper()
	m, err := compose(n, *row().Huawei, []provider.Target{{Token: "tok", UserHash: "u"}})
	if err != nil {
		t.Fatal(err)
	}
	if m.Note != note {
		t.Errorf("note %q, want %q", m.Note, note)
	}
	encoded, err := json.Marshal(m.Body([]string{"tok"}))
	if err != nil {
		t.Fatal(err)
	}
	var got, want any
	if err := json.Unmarshal(encoded, &got); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(wantJSON), &want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestComposeData(t *testing.T) {
	t.Parallel()
	n := providertest.Notification()
	n.Setting.Huawei = &config.HuaweiSetting{MessageType: "Data", Category: "VOIP"}
	for urgent, urgency := range map[bool]string{true: "HIGH", false: "NORMAL"} {
		n.Urgent = urgent
		data := strings.Replace(own, `"{\"off`, `"{\"body\":\"Lunch?\",\"off`, 1)
		data = strings.TrimSuffix(data, `}"`) + `,\"title\":\"Anna\"}"`
		checkBody(t, n, `{"message":{"data":`+data+`,"token":["tok"],"android":{"ttl":"3600s","category":"VOIP","urgency":"`+urgency+`",
			"bi_tag":"019a0000-0000-7000-8000-000000000001","receipt_id":"RCP1"}}}`, "")
	}
}

func TestComposeRejects(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*provider.Notification){
		"title and content: Huawei shows no push without both": func(n *provider.Notification) { n.Content = " " },
		"Huawei takes 4096; shorten the payload":               func(n *provider.Notification) { n.Payload = strings.Repeat("x", 4096) },
	} {
		n := providertest.Notification()
		change(&n)
		p, err := New(row(), providertest.Deps())
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range p.Send(t.Context(), n, providertest.Targets(2)) {
			if o.Class != "Rejected" || !strings.Contains(o.Detail, want) {
				t.Errorf("got %+v, want %q", o, want)
			}
		}
		p.Close()
	}
}

// TestBadgeNeedsItsClass: Huawei refuses a badge without the launcher's class.
func TestBadgeNeedsItsClass(t *testing.T) {
	t.Parallel()
	n := providertest.Notification()
	n.BadgeIncrement = 1
	app := *row().Huawei
	app.BadgeClass = ""
	m, err := compose(n, app, nil)
	if err != nil {
		t.Fatal(err)
	}
	r, ok := m.Body(nil).(request)
	if !ok || r.Message.Android.Notification.Badge != nil {
		t.Errorf("got %+v", r)
	}
	n.BadgeIncrement, app.BadgeClass = 0, "com.example.Main"
	m, err = compose(n, app, []provider.Target{{Badge: new(int32(0))}})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(provider.Compact(m.Body(nil))), `"badge":{"set_num":0,"class":"com.example.Main"}`) {
		t.Errorf("clears no badge: %+v", m.Body(nil))
	}
}
