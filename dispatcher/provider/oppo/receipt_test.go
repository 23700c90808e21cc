package oppo

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/provider"
)

func TestReceipts(t *testing.T) {
	t.Parallel()
	at := time.UnixMilli(1767182400123)
	receipt := func(token string, e provider.Event, code string) provider.Receipt {
		_, reason := event(code)
		return provider.Receipt{MessageID: "m", VendorMessageID: "app-1-1-x", Token: token, Event: e, Code: code, Reason: reason, At: at}
	}
	const rest = `"messageId":"app-1-1-x","appId":"app","taskId":"app-1-1-x","eventTime":"1767182400123","param":"m"`
	tests := []struct {
		name, body string
		want       []provider.Receipt
	}{
		{
			"every type", `[{"eventType":"push_arrive","registrationIds":"a,b",` + rest + `},
				{"eventType":"regid_invalid","registrationIds":"c",` + rest + `},
				{"eventType":"user_daily_limit","registrationIds":"d",` + rest + `},
				{"eventType":"moon_phase","registrationIds":"e",` + rest + `}]`,
			[]provider.Receipt{
				receipt("a", provider.Delivered, "push_arrive"), receipt("b", provider.Delivered, "push_arrive"),
				receipt("c", provider.TokenInvalid, "regid_invalid"), receipt("d", provider.Dropped, "user_daily_limit"),
				receipt("e", provider.Dropped, "moon_phase"),
			},
		},
		{"not in a list", ` {"eventType":"push_arrive","registrationIds":" a, ",` + rest + `}`, []provider.Receipt{receipt("a", provider.Delivered, "push_arrive")}},
		{
			"time as a number, id of the task", `[{"eventType":"push_arrive","registrationIds":"a","taskId":"app-1-1-x","eventTime":1767182400123,"param":"m"}]`,
			[]provider.Receipt{receipt("a", provider.Delivered, "push_arrive")},
		},
		{
			"no time, no echo", `[{"eventType":"regid_invalid","registrationIds":"a","eventTime":""}]`,
			[]provider.Receipt{{Token: "a", Event: provider.TokenInvalid, Code: "regid_invalid", Reason: receipt("", "", "regid_invalid").Reason}},
		},
		{"of nobody", `[{"eventType":"push_arrive","registrationIds":"",` + rest + `}]`, nil},
		{"empty", `[]`, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := Receipts(config.Channel{}, provider.Callback{Body: []byte(tt.body)})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	for _, body := range []string{"", "x", "<html>", `"x"`, `[{"registrationIds":7}]`, `{"a":1},{"a":2}x`} {
		if got, err := Receipts(config.Channel{}, provider.Callback{Body: []byte(body)}); err == nil {
			t.Errorf("%q: got %+v, want an error", body, got)
		}
	}
}

func FuzzReceipts(f *testing.F) {
	f.Add([]byte(`[{"eventType":"push_arrive","registrationIds":"a,b","messageId":"i","eventTime":"1","param":"m"}]`))
	f.Add([]byte(`{"eventType":"regid_invalid","registrationIds":"a"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := Receipts(config.Channel{}, provider.Callback{Body: body})
		if err != nil && got != nil {
			t.Errorf("%q: %+v and %v", body, got, err)
		}
		for _, r := range got {
			if r.Token == "" || r.Event == "" {
				t.Errorf("%q: got %+v", body, r)
			}
		}
	})
}
