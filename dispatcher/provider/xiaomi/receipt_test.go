package xiaomi

import (
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/provider"
)

func TestReceipts(t *testing.T) {
	t.Parallel()
	at := time.UnixMilli(1767182400123)
	receipt := func(id, token string, e provider.Event, code string) provider.Receipt {
		_, reason := event(code)
		return provider.Receipt{MessageID: "m", VendorMessageID: id, Token: token, Event: e, Code: code, Reason: reason, At: at}
	}
	const rest = `"param":"m","barStatus":"Enable","jobkey":"j","timestamp":1767182400123`
	tests := []struct {
		name, data string
		want       []provider.Receipt
	}{
		{
			"every type", `{"i1":{"type":1,"targets":"a,b",` + rest + `},"i2":{"type":2,"targets":"a",` + rest + `},
				"i3":{"type":16,"targets":"c",` + rest + `},"i4":{"type":32,"targets":"d",` + rest + `},
				"i5":{"type":64,"targets":"e",` + rest + `},"i6":{"type":128,"targets":"f","extra":{"ack":"3","quota":"3"},` + rest + `},
				"i7":{"type":1024,"targets":"g",` + rest + `},"i8":{"type":4096,"targets":"h",` + rest + `}}`,
			[]provider.Receipt{
				receipt("i1", "a", provider.Delivered, "1"), receipt("i1", "b", provider.Delivered, "1"),
				receipt("i2", "a", provider.Clicked, "2"), receipt("i3", "c", provider.TokenInvalid, "16"),
				receipt("i4", "d", provider.Dropped, "32"), receipt("i5", "e", provider.Dropped, "64"),
				receipt("i6", "f", provider.Dropped, "128"), receipt("i7", "g", provider.Dropped, "1024"),
				receipt("i8", "h", provider.Dropped, "4096"),
			},
		},
		{
			"numbers as text", `{"i1":{"type":"1","targets":"a","param":"m","timestamp":"1767182400123"}}`,
			[]provider.Receipt{receipt("i1", "a", provider.Delivered, "1")},
		},
		{
			"no echo, no time", `{"i1":{"type":16,"targets":"a"}}`,
			[]provider.Receipt{{VendorMessageID: "i1", Token: "a", Event: provider.TokenInvalid, Code: "16", Reason: receipt("", "", "", "16").Reason}},
		},
		{"of nobody", `{"i1":{"type":1,"targets":"",` + rest + `}}`, nil},
		{"empty", `{}`, nil},
	}
	for _, tt := range tests {
		for how, body := range map[string]string{"form": url.Values{"data": {tt.data}}.Encode(), "JSON": " " + tt.data} {
			t.Run(tt.name+" as "+how, func(t *testing.T) {
				t.Parallel()
				got, err := Receipts(config.Channel{}, provider.Callback{Body: []byte(body)})
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			})
		}
	}
	for _, body := range []string{"", "x", "<html>", "data=", "data=x", "data=[]", "%zz=1", `{"i1":7}`, `{"i1"`} {
		if got, err := Receipts(config.Channel{}, provider.Callback{Body: []byte(body)}); err == nil {
			t.Errorf("%q: got %+v, want an error", body, got)
		}
	}
}

func FuzzReceipts(f *testing.F) {
	f.Add([]byte(`{"i":{"type":1,"targets":"a,b","param":"m","timestamp":1}}`))
	f.Add([]byte(url.Values{"data": {`{"i":{"type":"16","targets":"a","timestamp":"1"}}`}}.Encode()))
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
