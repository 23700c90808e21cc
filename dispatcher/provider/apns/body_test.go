package apns

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/provider/providertest"
)

const about = `"offlinepush":{"version":1,"messageID":"019a0000-0000-7000-8000-000000000001","user":"u"}`

func TestCompose(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(*provider.Notification, *provider.Target)
		want   string
	}{
		{"plain", func(*provider.Notification, *provider.Target) {}, `{
			"aps":{"alert":{"title":"Anna","body":"Lunch?"},"sound":"default"},
			"payload":"{\"conversation\":\"anna\"}",%}`},
		{"everything", func(n *provider.Notification, target *provider.Target) {
			n.ThreadID, n.Image, target.Badge = "anna", "https://example.test/a.png", new(int32(7))
			n.Setting.APNs = &config.APNsSetting{PushType: "Alert", Sound: "ring.caf", Category: "CHAT", InterruptionLevel: "TimeSensitive"}
		}, `{
			"aps":{"alert":{"title":"Anna","body":"Lunch?"},"sound":"ring.caf","badge":7,"thread-id":"anna","category":"CHAT",
				"interruption-level":"time-sensitive","mutable-content":1},
			"payload":"{\"conversation\":\"anna\"}","image":"https://example.test/a.png",%}`},
		{"extension without image", func(n *provider.Notification, _ *provider.Target) {
			n.Setting.APNs = &config.APNsSetting{MutableContent: true, InterruptionLevel: "Passive"}
		}, `{
			"aps":{"alert":{"title":"Anna","body":"Lunch?"},"sound":"default","interruption-level":"passive","mutable-content":1},
			"payload":"{\"conversation\":\"anna\"}",%}`},
		{"background", func(n *provider.Notification, target *provider.Target) {
			target.Badge = new(int32(7))
			n.Setting.APNs = &config.APNsSetting{PushType: "Background", Sound: "ring.caf"}
		}, `{"aps":{"content-available":1},"title":"Anna","body":"Lunch?","payload":"{\"conversation\":\"anna\"}",%}`},
		{"nothing to show", func(n *provider.Notification, _ *provider.Target) {
			n.Title, n.Content = "", ""
		}, `{"aps":{"content-available":1},"payload":"{\"conversation\":\"anna\"}",%}`},
		{"only a badge", func(n *provider.Notification, target *provider.Target) {
			n.Title, n.Content, n.Payload, target.Badge = "", "", "", new(int32(0))
		}, `{"aps":{"badge":0},%}`},
		{"call", func(n *provider.Notification, _ *provider.Target) {
			n.VoIP = &message.VoIP{HandleType: "PhoneNumber", HandleValue: "+4930", HasVideo: true}
			n.Setting.APNs = &config.APNsSetting{PushType: "VoIP"}
		}, `{
			"aps":{"alert":{"title":"Anna","body":"Lunch?"}},
			"payload":"{\"conversation\":\"anna\"}","voip":{"handleType":"PhoneNumber","handleValue":"+4930","hasVideo":true},%}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			n, target := providertest.Notification(), provider.Target{Token: "aabb", UserHash: "u"}
			tt.change(&n, &target)
			encoded, note, err := compose(n, target)
			if err != nil || note != "" {
				t.Fatal(err, note)
			}
			var got, want any
			if err := json.Unmarshal(encoded, &got); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal([]byte(strings.Replace(tt.want, "%", about, 1)), &want); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestContentIsCutToFit(t *testing.T) {
	t.Parallel()
	for pushType, limit := range map[string]int{"Alert": 4096, "Background": 4096, "VoIP": 5120} {
		n := providertest.Notification()
		n.Content = strings.Repeat("好\"<", 2000) // 6000 characters; those in quotes are escaped, those in angles are not
		n.Setting.APNs = &config.APNsSetting{PushType: pushType}
		encoded, note, err := compose(n, provider.Target{UserHash: "u"})
		if err != nil || len(encoded) > limit || len(encoded) < limit-3 || !strings.HasPrefix(note, "content cut from 6000 to ") {
			t.Errorf("%s: %d bytes, %q, %v", pushType, len(encoded), note, err)
		}
		if !json.Valid(encoded) || strings.ContainsRune(string(encoded), '\uFFFD') {
			t.Errorf("%s: is cut within a character", pushType)
		}
		n.Payload = strings.Repeat("x", limit)
		if _, _, err := compose(n, provider.Target{}); err == nil || !strings.HasPrefix(err.Error(), "payload: ") {
			t.Errorf("%s: got %v", pushType, err)
		}
	}
}

func TestTheNoteIsInTheOutcome(t *testing.T) {
	t.Parallel()
	a := &apple{}
	p := start(t, a, row(), providertest.Deps())
	n := providertest.Notification()
	n.Content = strings.Repeat("x", 5000)
	if o := p.Send(t.Context(), n, providertest.Targets(1))[0]; o.Class != message.Accepted || !strings.HasPrefix(o.Detail, "content cut from 5000") {
		t.Errorf("got %+v", o)
	}
	n.Payload = strings.Repeat("x", 5000)
	if o := p.Send(t.Context(), n, providertest.Targets(1))[0]; o.Class != message.Rejected || !strings.HasPrefix(o.Detail, "payload: ") || o.HTTPStatus != 0 {
		t.Errorf("got %+v", o)
	}
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	p := &Provider{topic: bundleID, now: func() time.Time { return time.Unix(1_790_000_000, 900_000_000) }}
	n := providertest.Notification()
	tests := []struct {
		setting *config.APNsSetting
		ttl     time.Duration
		want    http.Header
	}{
		{nil, time.Hour, http.Header{
			"Apns-Topic": {bundleID}, "Apns-Push-Type": {"alert"}, "Apns-Priority": {"10"}, "Apns-Expiration": {"1790003600"},
		}},
		{&config.APNsSetting{PushType: "Background"}, 0, http.Header{
			"Apns-Topic": {bundleID}, "Apns-Push-Type": {"background"}, "Apns-Priority": {"5"}, "Apns-Expiration": {"0"},
		}},
		{&config.APNsSetting{PushType: "VoIP"}, 365 * 24 * time.Hour, http.Header{
			"Apns-Topic": {bundleID + ".voip"}, "Apns-Push-Type": {"voip"}, "Apns-Priority": {"10"}, "Apns-Expiration": {"1792592000"},
		}},
	}
	for _, tt := range tests {
		n.Setting.APNs, n.TTL = tt.setting, tt.ttl
		tt.want["Content-Type"] = []string{"application/json"}
		tt.want["Apns-Collapse-Id"] = []string{n.ReplaceID}
		tt.want["Apns-Id"] = []string{"cc455e83-72e2-8dd4-94ca-82c762be29f7"} // by sha256sum
		got := http.Header{}
		p.head(got, n, provider.Target{Token: "aabb"})
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", tt.setting, diff)
		}
	}
}

func TestIDs(t *testing.T) {
	t.Parallel()
	n := providertest.Notification()
	same, other := messageID(n, "aabb"), messageID(n, "ccdd")
	if same != messageID(n, "aabb") || same == other {
		t.Error("an event must have one id on a phone, and another on the next")
	}
	n.DedupID = ""
	if got := messageID(n, "aabb"); got != same {
		t.Errorf("without a dedup id: got %s", got)
	}
	for in, want := range map[string]string{
		"":                      "",
		strings.Repeat("x", 64): strings.Repeat("x", 64),
		strings.Repeat("x", 65): "9537c5fdf120482f7d58d25e9ed583f52c02b4e304ea814db1633ad565aed7e9", // by sha256sum
	} {
		if got := collapseID(provider.Notification{ReplaceID: in}); got != want {
			t.Errorf("%q: got %q", in, got)
		}
	}
	if got := collapseID(provider.Notification{ReplaceID: "好\n"}); len(got) != 64 {
		t.Errorf("a text that no header takes: got %q", got)
	}
}
