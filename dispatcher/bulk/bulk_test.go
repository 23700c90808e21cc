package bulk_test

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/bulk"
	"github.com/offlinepush/operator/dispatcher/wire"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func device(pushID string) wire.DeviceRecord {
	return wire.DeviceRecord{
		PushID: pushID, DeviceSecretHash: bulk.FormatSecretHash(sha256.Sum256([]byte(pushID))), Vendor: "Xiaomi", AppType: 2,
		Region: "India", Platform: "Android <1>", Tokens: map[string]string{"alert": "token of " + pushID}, UserID: "bob",
		RegisteredAt: noon, SeenAt: noon.Add(1234 * time.Millisecond), Cursor: 7,
	}
}

func TestDevicesReadAsTheyWereWritten(t *testing.T) {
	t.Parallel()
	bare := wire.DeviceRecord{PushID: "p", Vendor: "FCM", AppType: 1, RegisteredAt: noon, SeenAt: noon}
	for _, want := range []wire.DeviceRecord{device("p"), bare} {
		line := bulk.Encode(want)
		if !strings.HasSuffix(string(line), "}\n") || strings.Count(string(line), "\n") != 1 {
			t.Errorf("%q is not one line", line)
		}
		got, err := bulk.Parse(line, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(&want, got.Device); diff != "" || got.Total != nil {
			t.Error(diff)
		}
	}
}

func TestRowsStandForTheSameDeviceEveryTime(t *testing.T) {
	t.Parallel()
	parse := func(line string) wire.DeviceRecord {
		t.Helper()
		got, err := bulk.Parse([]byte(line), noon)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		return *got.Device
	}
	first := parse(`{"userID":"bob","vendor":"FCM","token":"t"}`)
	want := wire.DeviceRecord{
		PushID: first.PushID, Vendor: "FCM", AppType: 1, Tokens: map[string]string{"alert": "t"}, UserID: "bob",
		RegisteredAt: noon, SeenAt: noon,
	}
	if diff := cmp.Diff(want, first); diff != "" || first.PushID != "TE9UIUFy5eBzcxobKMd29w" { // docs/moving.md
		t.Error(first.PushID, diff)
	}
	for _, same := range []string{
		`{"userID":"carol","vendor":"FCM","token":"t"}`,
		`{"userID":"bob","vendor":"FCM","token":"t","appType":1,"kind":"alert","platform":"Android","updatedAt":"2026-01-02T03:04:05Z"}`,
	} {
		if got := parse(same); got.PushID != first.PushID {
			t.Errorf("%s is another device", same)
		}
	}
	for _, other := range []string{
		`{"userID":"bob","vendor":"Xiaomi","token":"t"}`,
		`{"userID":"bob","vendor":"FCM","token":"u"}`,
		`{"userID":"bob","vendor":"FCM","token":"t","appType":2}`,
		`{"userID":"bob","vendor":"FCM","token":"t","environment":"Sandbox"}`,
	} {
		if got := parse(other); got.PushID == first.PushID {
			t.Errorf("%s is the same device", other)
		}
	}
	at := parse(`{"userID":"bob","vendor":"FCM","token":"t","updatedAt":"2026-01-02T05:04:05.1239+02:00"}`)
	if want := time.Date(2026, 1, 2, 3, 4, 5, 123e6, time.UTC); !at.SeenAt.Equal(want) || at.SeenAt.Location() != time.UTC {
		t.Errorf("seen at %v, want %v", at.SeenAt, want)
	}
}

func TestParseTotal(t *testing.T) {
	t.Parallel()
	want := wire.BindingsTotal{Count: 3, Checksum: strings.Repeat("0a", 32), Next: 9}
	got, err := bulk.Parse(bulk.Encode(want), time.Time{})
	if err != nil || got.Device != nil || *got.Total != want {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestRefusedLines(t *testing.T) {
	t.Parallel()
	const hidden = "sEcReT"
	good := strings.TrimSpace(string(bulk.Encode(device("p"))))
	with := func(from, to string) string { return strings.Replace(good, from, to, 1) }
	const row = `{"userID":"bob","vendor":"FCM","token":"` + hidden + `"`
	tests := []struct{ name, line, field, cure string }{
		{"nothing", ``, "line", "one JSON object"},
		{"half", good[:20], "line", "one JSON object"},
		{"a list", `["` + hidden + `"]`, "line", "one JSON object"},
		{"null", `null`, "pushID", "must not be empty"},
		{"two", good + good, "line", "nothing behind it"},
		{"Latin-1", with("bob", "b\xf6b"), "line", "UTF-8"},
		{"very long", with("bob", strings.Repeat("b", 65536)), "line", "at most 65536 bytes"},
		{"unknown field", with(`"vendor"`, `"supplier"`), "supplier", "leave it out"},
		{"number for text", with(`"bob"`, `7`), "userID", "must be a string, not number"},
		{"text for number", with(`:2,`, `:"`+hidden+`",`), "appType", "must be a whole number, not string"},
		{"fraction", with(`:2,`, `:2.5,`), "appType", "must be a whole number"},
		{"large number", with(`:2,`, `:22222222222,`), "appType", "must be a whole number"},
		{"token for tokens", with(`{"alert":"token of p"}`, `"`+hidden+`"`), "tokens", "must be an object, not string"},
		{"no push id", with(`"pushID":"p",`, ""), "pushID", "must not be empty"},
		{"a row with seenAt", row + `,"seenAt":"2026-01-02T03:04:05Z"}`, "token", "leave those out"},
		{"a device with kind", with(`"appType":2`, `"kind":"alert"`), "pushID", "give tokens"},
		{"no seenAt", with(`,"seenAt":"2026-11-24T12:00:01.234Z"`, ""), "seenAt", "must be set"},
		{"no time", with(`2026-11-24T12:00:01.234Z`, hidden), "seenAt", "such as 2026"},
		{"a long hash", with(`"deviceSecretHash":"`, `"deviceSecretHash":"AAAA`), "deviceSecretHash", "32 bytes"},
		{"a name twice", with(`{"pushID"`, `{"pushID":"q","pushID"`), "line", "twice"},
		{"a name in another case", with(`{"pushID"`, `{"PUSHID":"q","pushID"`), "line", "twice"},
		{"a kind in another case", with(`{"alert"`, `{"Alert":"`+hidden+`","alert"`), "line", "twice"},
		{"half of a pair", with(`"bob"`, `"b\ud800"`), "line", "surrogate"},
		{"no time for a row", row + `}`, "updatedAt", "asOf"},
		{"a row for nobody", `{"vendor":"FCM","token":"` + hidden + `"}`, "token", "nor userID"},
		{"count without checksum", `{"count":1}`, "checksum", "goes with count"},
		{"a broken checksum", `{"count":1,"checksum":"00"}`, "checksum", "64 hex digits"},
	}
	for _, tt := range tests {
		_, err := bulk.Parse([]byte(tt.line), time.Time{})
		problems := bulk.Problems(err)
		if len(problems) != 1 || problems[0].Field != tt.field || !strings.Contains(problems[0].Message, tt.cure) {
			t.Errorf("%s: got %+v (%v), want %s: ...%s...", tt.name, problems, err, tt.field, tt.cure)
		}
		if err != nil && strings.Contains(err.Error(), hidden) {
			t.Errorf("%s: the error quotes a value: %v", tt.name, err)
		}
	}
}

func TestAllProblemsOfALine(t *testing.T) {
	t.Parallel()
	_, err := bulk.Parse([]byte(`{"pushID":"p","vendor":"FCM","registeredAt":"x","deviceSecretHash":"x"}`), time.Time{})
	var fields []string
	for _, p := range bulk.Problems(err) {
		fields = append(fields, p.Field)
	}
	if diff := cmp.Diff([]string{"registeredAt", "seenAt", "deviceSecretHash"}, fields); diff != "" {
		t.Error(diff)
	}
}

func TestSumDependsOnDevicesAndNotOnTheirOrder(t *testing.T) {
	t.Parallel()
	sum := func(ids ...string) wire.BindingsTotal {
		var s bulk.Sum
		for _, id := range ids {
			s.Add(device(id))
		}
		return s.Total()
	}
	all := sum("a", "b", "c", "d")
	if sum("d", "b", "c", "a") != all {
		t.Error("the order counts")
	}
	if sum("a", "b", "c", "e").Checksum == all.Checksum || sum("a", "b", "c") == all || sum("a", "a", "b", "b").Checksum == sum().Checksum {
		t.Error("other devices, same sum")
	}
	var merged bulk.Sum
	for _, part := range []wire.BindingsTotal{sum("c"), sum("a", "d"), sum(), sum("b")} {
		if err := merged.Merge(part); err != nil {
			t.Fatal(err)
		}
	}
	if merged.Total() != all {
		t.Errorf("parts: %+v, whole: %+v", merged.Total(), all)
	}
	if got := sum(); got.Count != 0 || got.Checksum != strings.Repeat("0", 64) {
		t.Errorf("nothing: %+v", got)
	}
}

// The documented example, so that other programs can compute the same.
func TestDigestIsTheDocumentedOne(t *testing.T) {
	t.Parallel()
	r := wire.DeviceRecord{
		PushID: "p", Vendor: "FCM", AppType: 1, Tokens: map[string]string{"alert": "t"}, UserID: "bob",
		RegisteredAt: time.UnixMilli(1000), SeenAt: time.UnixMilli(2000), Cursor: 5,
	}
	form := "1:p,0:,3:FCM,1:1,0:,0:,0:,3:bob,4:1000,4:2000,5:alert,1:t,"
	if got, want := bulk.Digest(r), sha256.Sum256([]byte(form)); got != want {
		t.Errorf("got %x, want that of %s", got, form)
	}
}

func TestEveryFieldCounts(t *testing.T) {
	t.Parallel()
	base := bulk.Digest(device("p"))
	for i, change := range []func(*wire.DeviceRecord){
		func(r *wire.DeviceRecord) { r.PushID = "q" },
		func(r *wire.DeviceRecord) { r.DeviceSecretHash = "" },
		func(r *wire.DeviceRecord) { r.Vendor = "FCM" },
		func(r *wire.DeviceRecord) { r.AppType = 1 },
		func(r *wire.DeviceRecord) { r.Region = "" },
		func(r *wire.DeviceRecord) { r.Environment = "x" },
		func(r *wire.DeviceRecord) { r.Platform = "" },
		func(r *wire.DeviceRecord) { r.Tokens = map[string]string{"alert": "u"} },
		func(r *wire.DeviceRecord) { r.Tokens = map[string]string{"voip": r.Tokens["alert"]} },
		func(r *wire.DeviceRecord) { r.Tokens = nil },
		func(r *wire.DeviceRecord) { r.UserID = "" },
		func(r *wire.DeviceRecord) { r.RegisteredAt = noon.Add(time.Millisecond) },
		func(r *wire.DeviceRecord) { r.SeenAt = noon },
	} {
		r := device("p")
		change(&r)
		if bulk.Digest(r) == base {
			t.Errorf("change %d does not count", i)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(bulk.Encode(device("p")))
	f.Add([]byte(`{"userID":"bob","vendor":"FCM","token":"t","updatedAt":"2026-01-02T03:04:05.123456789+14:00"}`))
	f.Add([]byte(`{"count":1,"checksum":"` + strings.Repeat("ff", 32) + `"}`))
	f.Add([]byte(`{"pushID":null,"tokens":{"":""},"seenAt":"0000-01-01T00:00:00Z"}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		got, err := bulk.Parse(line, noon)
		if err != nil {
			if len(bulk.Problems(err)) == 0 {
				t.Fatalf("%v names no field", err)
			}
			return
		}
		if (got.Device == nil) == (got.Total == nil) {
			t.Fatalf("%+v", got)
		}
		if got.Total != nil {
			return
		}
		again, err := bulk.Parse(bulk.Encode(*got.Device), time.Time{})
		if err != nil || again.Device == nil || bulk.Digest(*again.Device) != bulk.Digest(*got.Device) {
			t.Fatalf("%s became %+v, %v", line, again, err)
		}
	})
}

func ExampleSum() {
	var s bulk.Sum
	s.Add(wire.DeviceRecord{
		PushID: "p", Vendor: "FCM", AppType: 1, Tokens: map[string]string{"alert": "t"}, UserID: "bob",
		RegisteredAt: time.UnixMilli(1000), SeenAt: time.UnixMilli(2000),
	})
	fmt.Println(s.Total().Count, s.Total().Checksum)
	// Output: 1 5739fe41d946a622d4f7f6a6fe3db1ff704d067d590b6531670c94ec46f475bd
}
