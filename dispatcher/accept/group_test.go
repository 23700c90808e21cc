package accept

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/router"
	"github.com/offlinepush/operator/dispatcher/store"
)

func TestGroup(t *testing.T) {
	t.Parallel()
	now := time.UnixMilli(1)
	later := now.Add(time.Second)
	deliveries, suppressed := group([]router.Decision{
		{UserID: "a", Device: 1, Epoch: 7, Channel: "fcm", DueAt: now},
		{UserID: "a", Device: 2, Channel: "fcm", DueAt: later, Holder: 1},
		{UserID: "e", Device: 5, Channel: "fcm", DueAt: later, Holder: 2},
		{UserID: "f", Device: 6, Channel: "fcm", DueAt: later, Holder: 1},
		{UserID: "b", Device: 3, Channel: "mi", DueAt: now},
		{UserID: "c", Rule: message.ReasonNeverLoggedIn},
		{UserID: "d", Device: 4, Channel: "fcm", DueAt: now},
		{UserID: "g", Device: 7, Channel: "fcm", DueAt: now, Rule: message.RuleForced},
	}, message.PriorityCall)
	want := []store.NewDelivery{
		{Channel: "fcm", Priority: message.PriorityCall, DueAt: now, Targets: []store.NewTarget{{Device: 1, Epoch: 7, UserID: "a"}, {Device: 4, UserID: "d"}}},
		{Channel: "fcm", Priority: message.PriorityCall, DueAt: later, Targets: []store.NewTarget{{Device: 2, UserID: "a"}, {Device: 6, UserID: "f"}}},
		{Channel: "fcm", Priority: message.PriorityCall, DueAt: later, Targets: []store.NewTarget{{Device: 5, UserID: "e"}}},
		{Channel: "mi", Priority: message.PriorityCall, DueAt: now, Targets: []store.NewTarget{{Device: 3, UserID: "b"}}},
		{Channel: "fcm", Rule: message.RuleForced, Priority: message.PriorityCall, DueAt: now, Targets: []store.NewTarget{{Device: 7, UserID: "g"}}},
	}
	if diff := cmp.Diff(want, deliveries); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]store.Suppression{{UserID: "c", Reason: message.ReasonNeverLoggedIn}}, suppressed); diff != "" {
		t.Error(diff)
	}
}

func TestGroupSplitsLargeDeliveries(t *testing.T) {
	t.Parallel()
	deliveries, _ := group(make3001(), message.PriorityMessage)
	var sizes []int
	seen := map[int64]bool{}
	for _, d := range deliveries {
		sizes = append(sizes, len(d.Targets))
		for _, target := range d.Targets {
			seen[target.Device] = true
		}
	}
	if diff := cmp.Diff([]int{1000, 1000, 1000, 1}, sizes); diff != "" || len(seen) != 3001 {
		t.Error(diff, len(seen))
	}
}

func make3001() []router.Decision {
	out := make([]router.Decision, 3001)
	for i := range out {
		out[i] = router.Decision{UserID: "u", Device: int64(i + 1), Channel: "fcm"}
	}
	return out
}

func TestChannels(t *testing.T) {
	t.Parallel()
	got := Channels([]config.Channel{
		{Name: "f", Vendor: "FCM", AppType: 2, FCM: &config.FCMChannel{}},
		{Name: "x", Vendor: "Xiaomi", AppType: 1, Suspended: true, Xiaomi: &config.XiaomiChannel{Region: "India"}},
	})
	want := []router.Channel{
		{Name: "f", Selector: message.Selector{Vendor: "FCM", AppType: 2}},
		{Name: "x", Selector: message.Selector{Vendor: "Xiaomi", AppType: 1, Region: "India"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestRowsAreSelectedByTheirPlace(t *testing.T) {
	t.Parallel()
	got := Channels([]config.Channel{
		{Name: "fcm", Vendor: "FCM", AppType: 2, FCM: &config.FCMChannel{}},
		{Name: "meizu", Vendor: "Meizu", AppType: 1, Meizu: &config.MeizuChannel{Region: "India"}},
		{Name: "apns", Vendor: "APNs", AppType: 1, APNs: &config.APNsChannel{Environment: "Sandbox"}},
	})
	want := []router.Channel{
		{Name: "fcm", Selector: message.Selector{Vendor: "FCM", AppType: 2}},
		{Name: "meizu", Selector: message.Selector{Vendor: "Meizu", AppType: 1, Region: "India"}},
		{Name: "apns", Selector: message.Selector{Vendor: "APNs", AppType: 1, Environment: "Sandbox"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
