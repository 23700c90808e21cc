package ingress_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/bulk"
	"github.com/offlinepush/operator/dispatcher/ingress/planetest"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// movedLine was seen as late as the clocks of two stores may differ.
var movedLine = string(bulk.Encode(moved("moved", time.Now())))

func moved(pushID string, seen time.Time) wire.DeviceRecord {
	return wire.DeviceRecord{
		PushID: pushID, Vendor: "FCM", AppType: 1, Tokens: map[string]string{"alert": "token of " + pushID},
		UserID: "user of " + pushID, RegisteredAt: seen.Add(-time.Hour), SeenAt: seen,
	}
}

// export reads an answer of lines.
func export(t *testing.T, s *httptest.Server, query string) (devices []wire.DeviceRecord, total *wire.BindingsTotal) {
	t.Helper()
	got := send(t, s, request{method: "GET", path: "/v1/bindings" + query, header: bearer(planetest.ServerKey)})
	if got.status != http.StatusOK || got.header.Get("Content-Type") != wire.NDJSONType {
		t.Fatalf("%d %v %s", got.status, got.header, got.body)
	}
	for line := range strings.Lines(got.body) {
		read, err := bulk.Parse([]byte(line), time.Time{})
		if err != nil || total != nil {
			t.Fatalf("%s: %v, or behind a total", line, err)
		}
		if total = read.Total; total == nil {
			devices = append(devices, *read.Device)
		}
	}
	return devices, total
}

func importLines(t *testing.T, s *httptest.Server, query string, lines ...string) wire.ImportedBindings {
	t.Helper()
	header := bearer(planetest.ServerKey)
	header["Content-Type"] = wire.NDJSONType
	got := send(t, s, request{method: "POST", path: "/v1/bindings" + query, body: strings.Join(lines, "\n"), header: header})
	var out wire.ImportedBindings
	if err := json.Unmarshal([]byte(got.body), &out); err != nil || got.status != http.StatusOK {
		t.Fatalf("%d %s", got.status, got.body)
	}
	return out
}

func checksum(t *testing.T, s *httptest.Server, query string) (out wire.BindingsTotal) {
	t.Helper()
	got := send(t, s, request{method: "GET", path: "/v1/bindings:checksum" + query, header: bearer(planetest.ServerKey)})
	if err := json.Unmarshal([]byte(got.body), &out); err != nil || got.status != http.StatusOK {
		t.Fatalf("%d %s", got.status, got.body)
	}
	return out
}

func TestBindingsMoveFromStoreToStore(t *testing.T) {
	t.Parallel()
	from, to := planetest.New(t), planetest.New(t)
	phones := map[string]string{} // secrets by push id
	for _, user := range []string{"alice", "bob", ""} {
		for _, vendor := range []string{"FCM", "Xiaomi"} {
			c, _ := from.Phone(t, vendor, user)
			phones[c.PushID] = c.DeviceSecret
		}
	}
	devices, total := export(t, from.Server, "")
	if len(devices) != len(phones) || total == nil || total.Count != int64(len(phones)) || total.Next != 0 {
		t.Fatalf("%d devices, total %+v", len(devices), total)
	}
	var lines []string
	for _, d := range devices {
		lines = append(lines, strings.TrimSpace(string(bulk.Encode(d))))
	}
	lines = append(lines, strings.TrimSpace(string(bulk.Encode(*total))), "")
	for i, want := range []wire.ImportedBindings{{Created: len(phones)}, {Unchanged: len(phones)}} {
		want.Refused = []wire.RefusedLine{}
		if diff := cmp.Diff(want, importLines(t, to.Server, "", lines...)); diff != "" {
			t.Errorf("time %d: %s", i, diff)
		}
	}
	if got := checksum(t, to.Server, ""); got != *total || checksum(t, from.Server, "") != *total {
		t.Errorf("%+v there, want %+v", got, *total)
	}
	for pushID, secret := range phones {
		if _, err := to.Bindings.Authenticate(t.Context(), pushID, secret); err != nil {
			t.Errorf("the secret of %s: %v", pushID, err)
		}
	}
	found, err := to.Store.DevicesOf(t.Context(), []string{"alice", "bob"})
	if err != nil || len(found["alice"]) != 2 || len(found["bob"]) != 2 {
		t.Errorf("%v, %v", found, err)
	}
}

func TestExportIsResumedByCursor(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	for i := range 5 {
		bed.Phone(t, "FCM", fmt.Sprint("user ", i))
	}
	all, total := export(t, bed.Server, "")
	head, headTotal := export(t, bed.Server, "?limit=3")
	if diff := cmp.Diff(all[:3], head); diff != "" || headTotal.Count != 3 || headTotal.Next != head[2].Cursor {
		t.Fatalf("%+v %s", headTotal, diff)
	}
	tail, tailTotal := export(t, bed.Server, fmt.Sprint("?limit=3&after=", headTotal.Next))
	if diff := cmp.Diff(all[3:], tail); diff != "" || tailTotal.Next != 0 {
		t.Fatalf("%+v %s", tailTotal, diff)
	}
	var sum bulk.Sum
	if err := errors.Join(sum.Merge(*headTotal), sum.Merge(*tailTotal)); err != nil || sum.Total() != *total {
		t.Errorf("%+v and %+v are not %+v (%v)", headTotal, tailTotal, total, err)
	}
	if got := checksum(t, bed.Server, fmt.Sprint("?after=", headTotal.Next)); got != *tailTotal {
		t.Errorf("the checksum behind a cursor is %+v, want %+v", got, tailTotal)
	}
	if none, noneTotal := export(t, bed.Server, fmt.Sprint("?after=", all[4].Cursor)); len(none) != 0 || noneTotal.Count != 0 {
		t.Errorf("behind the last: %v %+v", none, noneTotal)
	}
}

// A phone whose row was imported registers as ever, and takes its place.
func TestTokenTableIsTakenOverByThePhones(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	asOf := "?asOf=" + time.Now().Add(-time.Minute).UTC().Format(time.RFC3339)
	row := `{"userID":"bob","vendor":"Xiaomi","token":"regid of bob"}`
	for i, want := range []wire.ImportedBindings{{Created: 1}, {Unchanged: 1}} {
		want.Refused = []wire.RefusedLine{}
		if diff := cmp.Diff(want, importLines(t, bed.Server, asOf, row)); diff != "" {
			t.Errorf("time %d: %s", i, diff)
		}
	}
	before, _ := export(t, bed.Server, "")
	if len(before) != 1 || before[0].UserID != "bob" || before[0].AppType != 1 || before[0].Region != "China" || before[0].DeviceSecretHash != "" {
		t.Fatalf("%+v", before)
	}
	for _, secret := range []string{"", "\x00", strings.Repeat("\x00", 32)} {
		if _, err := bed.Bindings.Authenticate(t.Context(), before[0].PushID, secret); err == nil {
			t.Errorf("%q proves a device that has no secret", secret)
		}
	}
	got := send(t, bed.Device, request{
		method: "POST", path: "/v1/devices", body: `{"vendor":"Xiaomi","token":"regid of bob"}`, header: bearer(planetest.RegistrationKey),
	})
	replaced, _ := export(t, bed.Server, "")
	if got.status != http.StatusCreated || len(replaced) != 1 || replaced[0].UserID != "" || replaced[0].PushID == before[0].PushID {
		t.Fatalf("%d %s, there are %+v", got.status, got.body, replaced)
	}
	want := wire.ImportedBindings{Outdated: 1, Refused: []wire.RefusedLine{}}
	imported := importLines(t, bed.Server, asOf, row)
	after, _ := export(t, bed.Server, "")
	if diff := cmp.Diff(want, imported) + cmp.Diff(replaced, after); diff != "" {
		t.Errorf("the table came back: %s", diff)
	}
}

func TestImportWaitsForOpenCallsOfFormerUsers(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	_, d := bed.Phone(t, "FCM", "alice")
	devices, _ := export(t, bed.Server, "")
	devices[0].UserID, devices[0].SeenAt = "bob", devices[0].SeenAt.Add(time.Second)
	release := bed.Fence.Hold()
	before := len(bed.Fence.Asked())
	done := make(chan wire.ImportedBindings, 1)
	go func() { done <- importLines(t, bed.Server, "", string(bulk.Encode(devices[0]))) }()
	for len(bed.Fence.Asked()) == before {
		select {
		case got := <-done:
			t.Fatalf("answered without asking the fence: %+v", got)
		default:
		}
	}
	asked := bed.Fence.Asked()[before:]
	if len(asked) != 1 || asked[0].Device != d.Key || asked[0].FormerUserID != "alice" {
		t.Errorf("the fence was asked for %+v", asked)
	}
	release()
	if got := <-done; got.Updated != 1 {
		t.Errorf("%+v", got)
	}
}

func TestRefusedLinesAreNamed(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	now := time.Now().UTC()
	line := func(change func(*wire.DeviceRecord)) string {
		d := moved("p", now)
		change(&d)
		return strings.TrimSpace(string(bulk.Encode(d)))
	}
	row := func(more string) string { return `{"userID":"u","vendor":"FCM","token":"t"` + more + `}` }
	got := importLines(t, bed.Server, "",
		line(func(d *wire.DeviceRecord) { d.PushID = "good" }),
		`{"pushID":`,
		"",
		line(func(d *wire.DeviceRecord) { d.Vendor = "fcm" }),
		line(func(d *wire.DeviceRecord) { d.SeenAt, d.UserID = now.Add(-1e4*time.Hour), "a\x01" }),
		line(func(d *wire.DeviceRecord) { d.Tokens["alert"] = "" }),
		row(""),
		row(`,"updatedAt":"2001-01-01T00:00:00Z"`),
		row(`,"kind":"voip","updatedAt":"`+now.Format(time.RFC3339)+`"`),
		row(`,"updatedAt":"`+now.Add(time.Hour).Format(time.RFC3339)+`"`),
	)
	if got.Created != 1 || got.Updated+got.Unchanged+got.Outdated != 0 {
		t.Errorf("%+v", got)
	}
	var refused []string
	for _, r := range got.Refused {
		for _, e := range r.Errors {
			refused = append(refused, fmt.Sprint(r.Line, " ", e.Field))
			if e.Message == "" {
				t.Errorf("line %d: %s has no cure", r.Line, e.Field)
			}
		}
	}
	want := []string{
		"2 line", "4 vendor", "5 seenAt", "5 userID", "6 tokens.alert", "7 updatedAt", "8 updatedAt", "9 kind", "10 updatedAt",
	}
	if diff := cmp.Diff(want, refused); diff != "" {
		t.Error(diff)
	}
}

func TestImportRequestsThatBreakARule(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	for name, tt := range map[string]struct {
		query, contentType, body string
		status                   int
		text                     string
	}{
		"other media type": {"", "application/json", movedLine, 415, wire.NDJSONType},
		"no media type":    {"", "", movedLine, 200, ""},
		"with charset":     {"", wire.NDJSONType + "; charset=utf-8", movedLine, 200, ""},
		"nothing":          {"", wire.NDJSONType, "", 400, "missing"},
		"1001 lines":       {"", wire.NDJSONType, strings.Repeat("{}\n", 1001), 422, "at most 1000 lines"},
		"1000 lines":       {"", wire.NDJSONType, strings.Repeat("{}\n", 1000), 200, ""},
		"very large":       {"", wire.NDJSONType, strings.Repeat(" ", wire.MaxImportBytes+1), 413, "split it"},
		"no time":          {"?asOf=yesterday", wire.NDJSONType, movedLine, 422, "query.asOf"},
	} {
		header := bearer(planetest.ServerKey)
		header["Content-Type"] = tt.contentType
		got := send(t, bed.Server, request{method: "POST", path: "/v1/bindings" + tt.query, body: tt.body, header: header})
		if got.status != tt.status || !strings.Contains(got.body, tt.text) {
			t.Errorf("%s: %d %.300s", name, got.status, got.body)
		}
	}
	for _, query := range []string{"?after=x", "?after=-1", "?limit=-1", "?limit=1.5"} {
		got := send(t, bed.Server, request{method: "GET", path: "/v1/bindings" + query, header: bearer(planetest.ServerKey)})
		if got.status != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d %s", query, got.status, got.body)
		}
	}
}
