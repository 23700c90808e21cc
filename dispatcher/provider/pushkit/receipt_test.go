package pushkit

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/provider"
)

// A vector that openssl made: HMAC-SHA256 over timestamp, nonce and user.
const (
	receiptUser = "im-receipts"
	receiptKey  = "receipt-key-+/"
	vector      = "timestamp=1563105451261; nonce=a07bfa17-6d82-4b53-a9a2-07cfef5ceef1; value=wr2zmb1n2lTAUE413UDf16fqGhgSdk1NzegqoeYkUKI="
)

func signedAt() time.Time { return time.UnixMilli(1563105451261).UTC() }

func TestSignature(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, header string
		later        time.Duration
		ok           bool
	}{
		{"vector", vector, 0, true},
		{"without blanks", strings.ReplaceAll(vector, " ", ""), time.Minute, true},
		{"clock behind", vector, -9 * time.Minute, true},
		{"none", "", 0, false},
		{"old", vector, 11 * time.Minute, false},
		{"of tomorrow", vector, -11 * time.Minute, false},
		{"another time", strings.Replace(vector, "1261", "1262", 1), 0, false},
		{"another nonce", strings.Replace(vector, "a07b", "b07b", 1), 0, false},
		{"another value", strings.Replace(vector, "value=", "value=A", 1), 0, false},
		{"no number", strings.Replace(vector, "1563105451261", "now", 1), 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := provider.Callback{Header: http.Header{}, Body: []byte(`{"statuses":[]}`), Now: signedAt().Add(tt.later)}
			c.Header.Set("X-HUAWEI-CALLBACK-ID", tt.header)
			got, err := Receipts(config.NewSecret(receiptUser), config.NewSecret(receiptKey), c)
			if (err == nil) != tt.ok || err != nil && !errors.Is(err, provider.ErrReceiptRefused) || len(got) != 0 {
				t.Errorf("got %v, %v", got, err)
			}
			if _, err := Receipts(config.Secret{}, config.Secret{}, c); err != nil {
				t.Errorf("without a key: %v", err)
			}
		})
	}
}

func TestReceipts(t *testing.T) {
	t.Parallel()
	const id = "019a0000-0000-7000-8000-000000000001"
	body := `{"statuses":[
		{"token":"a","biTag":"` + id + `","status":0,"timestamp":1563105451261,"appid":"1","requestId":"r1"},
		{"token":"b","biTag":"` + id + `","status":"2","timestamp":"1563105451261","clientId":"1","requestId":"r1"},
		{"token":"c","biTag":"` + id + `","status":201,"subStatus":"2012","requestId":"r1"},
		{"token":"d","pushType":0,"appPackageName":"p","biTag":"` + id + `","requestId":"r2","deliveryStatus":{"result":5,"timestamp":1563105451261}},
		{"token":"e","requestId":"r2","deliveryStatus":{"result":"0"}},
		{"token":"f","status":99},
		{"token":"g"}, {"token":"h","status":null}, {"status":0}, {"token":9,"status":0}, 1, null,
		{"token":"i","status":6,"timestamp":253402300800000}
	]}`
	receipt := func(r provider.Receipt, message string) provider.Receipt {
		r.MessageID = message
		return r
	}
	want := []provider.Receipt{
		receipt(provider.Receipt{Token: "a", VendorMessageID: "r1", Event: provider.Delivered, Code: "0", Reason: "The push reached the phone.", At: signedAt()}, id),
		receipt(provider.Receipt{Token: "b", VendorMessageID: "r1", Event: provider.TokenInvalid, Code: "2", Reason: "The app is not installed.", At: signedAt()}, id),
		receipt(provider.Receipt{
			Token: "c", VendorMessageID: "r1", Event: provider.Dropped, Code: "201/2012",
			Reason: "Huawei held it back: the token does not match, notifications are off, or the app was removed.",
		}, id),
		receipt(provider.Receipt{Token: "d", VendorMessageID: "r2", Event: provider.TokenInvalid, Code: "5", Reason: "The token is not of this phone or user.", At: signedAt()}, id),
		{Token: "e", VendorMessageID: "r2", Event: provider.Delivered, Code: "0", Reason: "The push reached the phone."},
		{Token: "f", Event: provider.Dropped, Code: "99"},
		{Token: "i", Event: provider.Dropped, Code: "6", Reason: "The user turned notifications off."},
	}
	got, err := Receipts(config.Secret{}, config.Secret{}, provider.Callback{Body: []byte(body)})
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	for _, broken := range []string{"", "null", "[]", "{}", `{"statuses":{}}`} {
		if _, err := Receipts(config.Secret{}, config.Secret{}, provider.Callback{Body: []byte(broken)}); err == nil || errors.Is(err, provider.ErrReceiptRefused) {
			t.Errorf("%q: got %v", broken, err)
		}
	}
}

// TestStatuses walks the statuses of Huawei's documents.
func TestStatuses(t *testing.T) {
	t.Parallel()
	want := map[string]provider.Event{"0": provider.Delivered, "2": provider.TokenInvalid, "5": provider.TokenInvalid}
	for _, code := range []string{"6", "10", "14", "15", "22", "27", "31", "51", "102", "144", "201", "256"} {
		want[code] = provider.Dropped
	}
	got := map[string]provider.Event{}
	for _, s := range Statuses() {
		got[s.Code] = s.Event
		body := fmt.Sprintf(`{"statuses":[{"token":"a","status":%s},{"token":"a","deliveryStatus":{"result":%s}}]}`, s.Code, s.Code)
		receipts, err := Receipts(config.Secret{}, config.Secret{}, provider.Callback{Body: []byte(body)})
		if err != nil || len(receipts) != 2 {
			t.Fatalf("%s: %v, %v", s.Code, receipts, err)
		}
		for _, r := range receipts {
			if diff := cmp.Diff(provider.Receipt{Token: "a", Event: s.Event, Code: s.Code, Reason: s.Reason}, r); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the table differs from Huawei's documents (-want +got):\n%s", diff)
	}
}

// TestStatusesInDocs finds the table in the documents of both vendors.
func TestStatusesInDocs(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"huawei.md", "harmonyos.md"} {
		b, err := os.ReadFile("../../../docs/vendors/" + file)
		if err != nil {
			t.Fatal(err)
		}
		var want strings.Builder
		want.WriteString("| Status | Event | What it means |\n| --- | --- | --- |\n")
		for _, s := range Statuses() {
			fmt.Fprintf(&want, "| `%s` | %s | %s |\n", s.Code, s.Event, s.Reason)
		}
		if !strings.Contains(string(b), want.String()) {
			t.Errorf("%s: replace the table of receipts by\n\n%s", file, want.String())
		}
	}
}

func FuzzReceipts(f *testing.F) {
	f.Add(vector, []byte(`{"statuses":[{"token":"a","status":0,"timestamp":1563105451261}]}`))
	f.Add("", []byte(`{"statuses":[{"deliveryStatus":{"result":"5","timestamp":"x"}}]}`))
	f.Fuzz(func(t *testing.T, header string, body []byte) {
		c := provider.Callback{Header: http.Header{"X-Huawei-Callback-Id": {header}}, Body: body, Now: signedAt()}
		receipts, err := Receipts(config.Secret{}, config.Secret{}, c)
		for _, r := range receipts {
			if _, wrong := r.At.MarshalJSON(); err != nil || wrong != nil || r.Event == "" || r.Code == "" || r.Token == "" {
				t.Errorf("%q: got %+v, %v", body, r, err)
			}
		}
		_, err = Receipts(config.NewSecret(receiptUser), config.NewSecret("another"), c)
		if !errors.Is(err, provider.ErrReceiptRefused) {
			t.Errorf("%q is believed: %v", header, err)
		}
	})
}
