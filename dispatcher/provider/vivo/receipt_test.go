package vivo

import (
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/provider"
)

func TestReceipts(t *testing.T) {
	t.Parallel()
	at := time.UnixMilli(1798761600123)
	tests := []struct {
		name, body string
		want       []provider.Receipt
	}{
		{
			"arrived", `{"t1":{"targets":"a,b","ackTime":1798761600123,"param":"m","ackType":"0"}}`, []provider.Receipt{
				{MessageID: "m", VendorMessageID: "t1", Token: "a", Event: provider.Delivered, Code: "0", Reason: "arrived at the phone", At: at},
				{MessageID: "m", VendorMessageID: "t1", Token: "b", Event: provider.Delivered, Code: "0", Reason: "arrived at the phone", At: at},
			},
		},
		{
			"two tasks, other spellings", `{"t2":{"targets":" b ,","ackTime":"1798761600123","ackType":0},"t1":{"targets":7,"param":"m","ackType":0}}`, []provider.Receipt{
				{MessageID: "m", VendorMessageID: "t1", Token: "7", Event: provider.Delivered, Code: "0", Reason: "arrived at the phone"},
				{VendorMessageID: "t2", Token: "b", Event: provider.Delivered, Code: "0", Reason: "arrived at the phone", At: at},
			},
		},
		{"overwritten", `{"t":{"targets":"a","ackType":"103"}}`, []provider.Receipt{
			{VendorMessageID: "t", Token: "a", Event: provider.Dropped, Code: "103", Reason: "overwritten by a later push"},
		}},
		{"with a reason", `{"t":{"targets":"tok-1","ackType":"102","subType":7,"note":"volume exceeded for tok-1"}}`, []provider.Receipt{
			{
				VendorMessageID: "t", Token: "tok-1", Event: provider.Dropped, Code: "102",
				Reason: `the phone or its quota does not fit; {"note":"volume exceeded for <redacted>","subType":7}`,
			},
		}},
		{"dead", `{"t":{"targets":"tok-1","ackType":"102","reason":"regId invalid"}}`, []provider.Receipt{
			{
				VendorMessageID: "t", Token: "tok-1", Event: provider.TokenInvalid, Code: "102",
				Reason: `the phone or its quota does not fit; {"reason":"regId invalid"}`,
			},
		}},
		{"dead, in Chinese", `{"t":{"targets":"tok-1","ackType":"102","reason":"regId无效"}}`, []provider.Receipt{
			{
				VendorMessageID: "t", Token: "tok-1", Event: provider.TokenInvalid, Code: "102",
				Reason: `the phone or its quota does not fit; {"reason":"regId无效"}`,
			},
		}},
		{"not dead", `{"t":{"targets":"tok-1","ackType":"102","regId":"tok-1","reason":"invalid"}}`, []provider.Receipt{
			{
				VendorMessageID: "t", Token: "tok-1", Event: provider.Dropped, Code: "102",
				Reason: `the phone or its quota does not fit; {"reason":"invalid","regId":"<redacted>"}`,
			},
		}},
		{"of tomorrow", `{"t":{"targets":"a","ackType":"777","ackTime":-1}}`, []provider.Receipt{
			{VendorMessageID: "t", Token: "a", Event: provider.Dropped, Code: "777"},
		}},
		{"nobody", `{"t":{"targets":"","ackType":"0"}}`, nil},
		{"nothing", `{}`, nil},
		{"one without ackType", `{"t1":{"targets":"a"},"t2":{"targets":"b","ackType":"0"},"t3":null}`, []provider.Receipt{
			{VendorMessageID: "t2", Token: "b", Event: provider.Delivered, Code: "0", Reason: "arrived at the phone"},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := Receipts(row(), provider.Callback{Body: []byte(tt.body)})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	for _, body := range []string{``, `null`, `[]`, `{"t":null}`, `{"t":{"targets":"a"}}`, `{"t":"x"}`, `{"t":{`} {
		if got, err := Receipts(row(), provider.Callback{Body: []byte(body)}); err == nil || got != nil {
			t.Errorf("%q: got %+v, %v", body, got, err)
		}
	}
}

func FuzzReceipts(f *testing.F) {
	f.Add([]byte(`{"t1":{"targets":"a,b","ackTime":1798761600123,"param":"m","ackType":"0"}}`))
	f.Add([]byte(`{"t1":{"targets":"a","ackType":102,"reason":"regId invalid","more":[1]}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		receipts, err := Receipts(row(), provider.Callback{Body: body})
		if err != nil && receipts != nil {
			t.Errorf("%q: both %+v and %v", body, receipts, err)
		}
		for _, r := range receipts {
			if r.Token == "" || r.Event == "" || r.Code == "" || utf8.RuneCountInString(r.Reason) > 256 {
				t.Errorf("%q: got %+v", body, r)
			}
		}
	})
}
