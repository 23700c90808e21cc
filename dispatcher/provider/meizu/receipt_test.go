package meizu

import (
	"cmp"
	"errors"
	"net/url"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/provider"
)

const receiptToken = "meizu-receipt-token"

func guarded() config.Channel {
	c := row()
	c.Meizu.ReceiptToken = config.NewSecret(receiptToken)
	return c
}

func posted(cb, accessToken string) provider.Callback {
	return provider.Callback{Body: []byte(url.Values{"cb": {cb}, "access_token": {accessToken}}.Encode())}
}

func TestReceipts(t *testing.T) {
	t.Parallel()
	const cb = `{
		"v2-1":{"param":"m2","type":1,"targets":["c","a",""]},
		"v-1-2":{"param":"m1","type":"2","targets":["b"],"more":true},
		"v3-1":{"targets":["d"]},
		"v4-9":{"param":"m4","type":9,"targets":["e"]},
		"strange":{"type":1,"targets":["f"]},"v5-1":"strange","v6-1":null
	}`
	got, err := Receipts(guarded(), posted(cb, receiptToken))
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(got, func(x, y provider.Receipt) int { return cmp.Compare(x.Token, y.Token) })
	delivered := provider.Receipt{MessageID: "m2", VendorMessageID: "v2", Event: provider.Delivered, Code: "1", Reason: "The notification reached the phone."}
	a, c, d := delivered, delivered, delivered
	a.Token, c.Token, d.Token, d.MessageID, d.VendorMessageID = "a", "c", "d", "", "v3"
	b := provider.Receipt{
		MessageID: "m1", VendorMessageID: "v-1", Token: "b", Event: provider.Clicked, Code: "2", Reason: "The user tapped on the notification.",
	}
	if diff := gocmp.Diff([]provider.Receipt{a, b, c, d}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestReceiptsAreGuarded(t *testing.T) {
	t.Parallel()
	const cb = `{"v-1":{"type":1,"targets":["a"]}}`
	for _, token := range []string{"", "meizu-receipt-toke", "x"} {
		if got, err := Receipts(guarded(), posted(cb, token)); !errors.Is(err, provider.ErrReceiptRefused) {
			t.Errorf("token %q: got %v, %v", token, got, err)
		}
	}
	if got, err := Receipts(row(), posted(cb, "any")); err != nil || len(got) != 1 {
		t.Errorf("without a token in the channel: got %v, %v", got, err)
	}
	for _, body := range []string{"", "cb=", "cb=null", "cb=[]", "cb=%7B", "cb=%zz", `{"cb":{}}`} {
		if got, err := Receipts(row(), provider.Callback{Body: []byte(body)}); err == nil || errors.Is(err, provider.ErrReceiptRefused) {
			t.Errorf("%q: got %v, %v", body, got, err)
		}
	}
}

func FuzzReceipts(f *testing.F) {
	f.Add(posted(`{"v-1":{"param":"m","type":1,"targets":["a"]},"v-2":null}`, receiptToken).Body)
	f.Add([]byte("cb=x&access_token=meizu-receipt-token"))
	f.Fuzz(func(t *testing.T, body []byte) {
		receipts, err := Receipts(guarded(), provider.Callback{Body: body})
		form, _ := url.ParseQuery(string(body))
		if err != nil && receipts != nil || err == nil && form.Get("access_token") != receiptToken {
			t.Errorf("%q: got %v and %v", body, receipts, err)
		}
		for _, r := range receipts {
			if r.Token == "" || r.Event != provider.Delivered && r.Event != provider.Clicked {
				t.Errorf("%q: got %+v", body, r)
			}
		}
	})
}
