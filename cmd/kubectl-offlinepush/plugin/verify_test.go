package plugin

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/wire"
)

func moved(pushID string, second int64) wire.DeviceRecord {
	return wire.DeviceRecord{
		PushID: pushID, Vendor: "Xiaomi", AppType: 1, Tokens: map[string]string{"alert": "token of " + pushID}, UserID: "bob",
		SeenAt: time.Unix(second, 0),
	}
}

func TestDifferencesAreToldApart(t *testing.T) {
	t.Parallel()
	change := func(pushID string, second int64, f func(*wire.DeviceRecord)) wire.DeviceRecord {
		d := moved(pushID, second)
		f(&d)
		return d
	}
	takes := func(token string) func(*wire.DeviceRecord) {
		return func(d *wire.DeviceRecord) { d.Tokens["alert"] = "token of " + token }
	}
	expected := newInventory()
	for _, id := range []string{"same", "missing", "user", "later", "replaced", "robbed"} {
		expected.add(moved(id, 10), false)
	}
	expected.add(change("row", 10, func(d *wire.DeviceRecord) { d.Region = "" }), true)
	expected.add(moved("twice", 10), true)
	expected.add(change("twice", 9, func(d *wire.DeviceRecord) { d.UserID = "before" }), true)
	diff := &difference{}
	for _, d := range []wire.DeviceRecord{
		change("same", 10, func(d *wire.DeviceRecord) { d.Cursor = 99 }),
		change("user", 10, func(d *wire.DeviceRecord) { d.UserID = "eve" }),
		change("later", 11, func(d *wire.DeviceRecord) { d.UserID = "eve" }),
		change("phone", 11, takes("replaced")),
		change("thief", 9, takes("robbed")), // No import leaves this behind.
		change("row", 10, func(d *wire.DeviceRecord) { d.Region = "China" }),
		moved("twice", 10),
	} {
		expected.meet(d, diff)
	}
	expected.miss(diff)
	got := map[string][]string{}
	for _, g := range diff.groups() {
		got[g.what] = g.ids
		if g.count != int64(len(g.ids)) {
			t.Errorf("%s: %d are %v", g.what, g.count, g.ids)
		}
	}
	if len(got["missing in the store"]) == 2 && got["missing in the store"][0] == "robbed" { // In no order.
		got["missing in the store"] = []string{"missing", "robbed"}
	}
	want := map[string][]string{
		"missing in the store":    {"missing", "robbed"},
		"different in the store":  {"user"},
		"seen later in the store": {"later"},
		"replaced in the store by another device with the same token": {"replaced"},
		"only in the store": {"phone", "thief"},
	}
	if d := cmp.Diff(want, got); d != "" || diff.same != 3 {
		t.Errorf("%d are the same; %s", diff.same, d)
	}
	if diff.wrong(false) != 7 || diff.wrong(true) != 3 {
		t.Errorf("%d are wrong, %d with --live", diff.wrong(false), diff.wrong(true))
	}
}

func TestSampleIsBounded(t *testing.T) {
	t.Parallel()
	var g group
	for i := range 12 {
		g.add(fmt.Sprint(i))
	}
	if got, want := g.sample(), "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, ..."; got != want || g.count != 12 {
		t.Errorf("%d: %s", g.count, got)
	}
}
