package payload_test

import (
	"errors"
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/client/payload"
)

const envelope = `{"version":1,"messageID":"m"}`

// want is what every form of the push in TestForms says. It does not say for whom it is, as in a request for several users.
var want = payload.Payload{
	Title: "Anna", Content: "Lunch?", Payload: "p", Envelope: payload.Envelope{Version: 1, MessageID: "m"},
}

// TestForms reads the forms that no phone of the simulator has: it tells what a tap opens from what was shown, and its
// phones of some vendors hand over values where others hand over a text. See catalog.TestAppsReadPushes for the rest.
func TestForms(t *testing.T) {
	t.Parallel()
	values := map[string]string{"title": "Anna", "body": "Lunch?", "payload": "p", "offlinepush": envelope}
	const text = `{"title":"Anna","body":"Lunch?","payload":"p","offlinepush":"{\"version\":1,\"messageID\":\"m\"}","n":1}`
	shown := payload.Raw{Title: "Anna", Content: "Lunch?", Values: map[string]string{"payload": "p", "offlinepush": envelope}}
	for name, tt := range map[string]struct {
		vendor string
		raw    payload.Raw
	}{
		"FCM, data":               {"FCM", payload.Raw{Values: values}},
		"Xiaomi, shown":           {"Xiaomi", shown},
		"Xiaomi, with a content":  {"Xiaomi", payload.Raw{Title: "Anna", Content: "Lunch?", Values: values, Text: "content"}},
		"Huawei, data as text":    {"Huawei", payload.Raw{Text: text}},
		"HarmonyOS, data as text": {"HarmonyOS", payload.Raw{Text: text}},
		"OPPO, data extra":        {"OPPO", payload.Raw{Text: text}},
		"Honor, values":           {"Honor", shown},
		"Meizu, own content":      {"Meizu", payload.Raw{Text: text}},
		"APNs, background": {"APNs", payload.Raw{
			Text: `{"aps":{"content-available":1},"title":"Anna","body":"Lunch?","payload":"p","offlinepush":` + envelope + `}`,
		}},
		"APNs, a later version": {"APNs", payload.Raw{
			Text: `{"aps":{"alert":{"title":"Anna","body":"Lunch?"}},"payload":"p","offlinepush":{"version":1,"messageID":"m","new":{}}}`,
		}},
	} {
		got, err := payload.Read(tt.vendor, tt.raw)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
		if !got.Envelope.For("chat", "anybody") {
			t.Errorf("%s: a push that does not say for whom it is was taken for a stray one", name)
		}
	}
}

func vendors() []string {
	return []string{"FCM", "Xiaomi", "Huawei", "HarmonyOS", "OPPO", "Vivo", "Honor", "Meizu", "APNs", "WebPush"}
}

// TestForeignPushes of the app's own servers or of other services are none of ours.
func TestForeignPushes(t *testing.T) {
	t.Parallel()
	for _, vendor := range vendors() {
		for _, foreign := range []string{"", "x", "null", "{}", "[]", `{"version":1}`, `{"version":0,"messageID":"m"}`, `{"version":"1","messageID":"m"}`} {
			values := map[string]string{"payload": "p", "offlinepush": foreign}
			for _, raw := range []payload.Raw{
				{Title: "t"},
				{Values: values},
				{Text: foreign},
				{Text: `{"payload":"p","offlinepush":` + foreign + `}`},
				{Text: `{"aps":{},"offlinepush":` + foreign + `}`},
				{Text: `{"data":{"offlinepush":` + foreign + `}}`},
			} {
				if got, err := payload.Read(vendor, raw); !errors.Is(err, payload.ErrForeign) {
					t.Errorf("%s reads %+v of %+v: %v", vendor, got, raw, err)
				}
			}
		}
	}
	if _, err := payload.Read("Nokia", payload.Raw{}); err == nil || errors.Is(err, payload.ErrForeign) {
		t.Errorf("a vendor that does not exist: %v", err)
	}
}

// FuzzRead hands over what strangers can send to a token: reading says that it is foreign, or whose message it is, and
// leaves what it read alone.
func FuzzRead(f *testing.F) {
	f.Add("t", "p", envelope, `{"aps":{"alert":{"title":"t"}},"offlinepush":{"version":1,"messageID":"m"},"voip":{"handleValue":"x"}}`)
	f.Add("", "", `{"version":9,"messageID":"m","user":"u"}`, `{"title":"t","data":{"payload":"p","offlinepush":{"version":1,"messageID":"m"}}}`)
	f.Add("", "", "null", `{"payload":"p","offlinepush":"{}"}`)
	f.Fuzz(func(t *testing.T, title, sent, about, text string) {
		values := map[string]string{"payload": sent, "offlinepush": about}
		before := maps.Clone(values)
		for _, vendor := range vendors() {
			got, err := payload.Read(vendor, payload.Raw{Title: title, Values: values, Text: text})
			switch {
			case err != nil && !errors.Is(err, payload.ErrForeign):
				t.Errorf("%s: %v", vendor, err)
			case err == nil && (got.Envelope.MessageID == "" || got.Envelope.Version < 1):
				t.Errorf("%s reads a push that is about nothing: %+v", vendor, got)
			}
		}
		if !maps.Equal(before, values) {
			t.Error("reading changed the push")
		}
	})
}
