package honor

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/provider"
)

func TestReceipts(t *testing.T) {
	t.Parallel()
	got, err := Receipts(row(), provider.Callback{Body: []byte(`{"statuses":[
		{"token":"a","biTag":"m1","appid":104411,"status":40000002,"timestamp":1764072000123,"requestId":"r1"},
		{"token":"b","biTag":"m1","appid":"104411","status":"40000003","timestamp":"1764072000123","requestId":"r1","more":true},
		{"token":"c","status":40009999,"timestamp":-1},
		{"token":"d","status":40000001,"timestamp":99999999999999999},
		{"status":40000002},{"token":"no status"},"strange",{"token":7},null
	]}`)})
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2025, 11, 25, 12, 0, 0, 123e6, time.UTC)
	want := []provider.Receipt{
		{
			MessageID: "m1", VendorMessageID: "r1", Token: "a", Event: provider.Delivered, Code: "40000002",
			Reason: "The notification reached the phone.", At: at,
		},
		{
			MessageID: "m1", VendorMessageID: "r1", Token: "b", Event: provider.TokenInvalid, Code: "40000003",
			Reason: "The app is not installed.", At: at,
		},
		{Token: "c", Event: provider.Dropped, Code: "40009999"},
		{Token: "d", Event: provider.Delivered, Code: "40000001", Reason: "The data message reached the app."},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, body := range []string{"", "null", "{}", "[]", `{"statuses":{}}`, `{"statuses":null}`, "statuses=x"} {
		if got, err := Receipts(row(), provider.Callback{Body: []byte(body)}); err == nil {
			t.Errorf("%q: got %v", body, got)
		}
	}
}

// TestStatuses walks the sheet: one status is confirmed, the others follow the order of an aggregator's list.
func TestStatuses(t *testing.T) {
	t.Parallel()
	want := map[provider.Event][]string{
		provider.Delivered:    {"40000001", "40000002", "40000013"},
		provider.TokenInvalid: {"40000003", "40000004"},
		provider.Dropped:      {"40000005", "40000006", "40000008", "40000009", "40000011", "40000014", "40000015"},
	}
	got := map[provider.Event][]string{}
	for code, s := range Statuses() {
		if !strings.HasSuffix(s.Reason, ".") {
			t.Errorf("%s: does not say why in a sentence", code)
		}
		got[s.Event] = append(got[s.Event], code)
	}
	for event := range got {
		slices.Sort(got[event])
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestStatusesAreDocumented wants a row for each.
func TestStatusesAreDocumented(t *testing.T) {
	t.Parallel()
	docs, err := os.ReadFile("../../../docs/vendors/honor.md")
	if err != nil {
		t.Fatal(err)
	}
	for code, s := range Statuses() {
		if row := fmt.Sprintf("| `%s` | %s | %s |\n", code, s.Event, s.Reason); !strings.Contains(string(docs), row) {
			t.Errorf("the document lacks %s", row)
		}
	}
}

func FuzzReceipts(f *testing.F) {
	f.Add([]byte(`{"statuses":[{"token":"a","biTag":"m","appid":"1","status":40000002,"timestamp":1764072000123,"requestId":"r"},null]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		receipts, err := Receipts(row(), provider.Callback{Body: body})
		if err != nil && receipts != nil {
			t.Errorf("%q: got %v and %v", body, receipts, err)
		}
		for _, r := range receipts {
			if r.Token == "" || r.Code == "" || !slices.Contains(provider.Events(), r.Event) {
				t.Errorf("%q: got %+v", body, r)
			}
			if _, err := r.At.MarshalJSON(); err != nil {
				t.Errorf("%q: %v", body, err)
			}
		}
	})
}
