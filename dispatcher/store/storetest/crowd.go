package storetest

import (
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
)

func crowdCases() []testCase {
	return []testCase{
		{"of too many devices the first one is unbound", firstIsEvicted},
		{"a login counts as the last one", loginsCount},
		{"an import unbinds who was seen first", importEvicts},
		{"a phone tells what it is", described},
	}
}

func sharedCrowdCases() []testCase {
	return []testCase{
		{"nobody gets one device too many", crowdRace},
	}
}

// crowd binds as many devices as a user may have, one after the other.
func (b *bench) crowd(userID string) (all []message.Device) {
	b.Helper()
	for range store.MaxDevices {
		all = append(all, b.later(func() message.Device { return b.bound(userID) }))
	}
	return all
}

// later does something at a later millisecond than all before.
func (b *bench) later(f func() message.Device) message.Device {
	b.Helper()
	now := b.Now().UnixMilli()
	b.until("the next millisecond", func() bool { return b.Now().UnixMilli() > now })
	return f()
}

// members checks who is bound to the user.
func (b *bench) members(userID string, want ...message.Device) {
	b.Helper()
	found, err := b.DevicesOf(b.Context(), []string{userID})
	b.must(err)
	if diff := cmp.Diff(pushIDs(want), pushIDs(found[userID])); diff != "" {
		b.Errorf("the devices of %s (-want +got):\n%s", userID, diff)
	}
}

func pushIDs(devices []message.Device) (ids []string) {
	for _, d := range devices {
		ids = append(ids, d.PushID)
	}
	slices.Sort(ids)
	return ids
}

func evicted(d message.Device, from string) store.EpochChange {
	return store.EpochChange{Device: d.Key, Epoch: d.Epoch + 1, FormerUserID: from, Evicted: true}
}

func firstIsEvicted(b *bench) {
	b.lease()
	all := b.crowd("anna")
	b.connect(all[0], 1) // which makes it the last one
	first, extra := all[1], b.phone("extra")
	got := b.bind(extra, "anna")
	want := []store.EpochChange{{Device: extra.Key, Epoch: extra.Epoch + 1}, evicted(first, "anna")}
	if diff := cmp.Diff(want, got.Changes); diff != "" || got.Device.UserID != "anna" {
		b.Errorf("bound to %q (-want +got):\n%s", got.Device.UserID, diff)
	}
	b.members("anna", append(slices.Delete(slices.Clone(all), 1, 2), extra)...)
	found, err := b.Device(b.Context(), first.PushID)
	b.must(err)
	if found.UserID != "" || found.Epoch != first.Epoch+1 {
		b.Errorf("the first device is %+v", found)
	}
	again := b.bind(first, "bert")
	if diff := cmp.Diff([]store.EpochChange{{Device: first.Key, Epoch: first.Epoch + 2}}, again.Changes); diff != "" {
		b.Errorf("bound again (-want +got):\n%s", diff)
	}
	b.members("bert", first)
}

func loginsCount(b *bench) {
	inc := b.lease().Incarnation
	all := b.crowd("anna")
	for i, d := range all[:store.MaxDevices-1] {
		b.later(func() message.Device { b.connect(d, int64(i)+1); return d })
	}
	silent := all[store.MaxDevices-1]
	extra := b.bound("anna")
	b.members("anna", append(slices.Clone(all[:store.MaxDevices-1]), extra)...)
	b.held(all[0], inc)
	back := b.later(func() message.Device { return b.bind(silent, "anna").Device })
	if back.UserID != "anna" {
		b.Errorf("bound to %q", back.UserID)
	}
	b.held(all[0], 0)
	b.holders([]string{"anna"}, map[string][]int64{"anna": {inc}})
	b.members("anna", append(slices.Clone(all[1:]), extra)...)
}

func importEvicts(b *bench) {
	base := b.Now().Add(-time.Hour).Truncate(time.Millisecond)
	var all []store.Record
	for i := range store.MaxDevices + 2 {
		d := stranger("moved-"+string(rune('a'+i)), "anna")
		all = append(all, record(d, base.Add(time.Duration(-i)*time.Minute), "token-"+d.PushID)) // the last ones were seen first
	}
	var changes []store.EpochChange
	for i, got := range b.Import(b.Context(), all) {
		b.must(got.Err)
		if got.Outcome != store.ImportCreated {
			b.Errorf("record %d: %s", i, got.Outcome)
		}
		changes = append(changes, got.Changes...)
	}
	var want []store.EpochChange
	var kept []message.Device
	for i, r := range all {
		d, err := b.Device(b.Context(), r.Device.PushID)
		b.must(err)
		if i < store.MaxDevices {
			kept = append(kept, d)
			continue
		}
		want = append(want, store.EpochChange{Device: d.Key, Epoch: d.Epoch, FormerUserID: "anna", Evicted: true})
	}
	if diff := cmp.Diff(want, changes); diff != "" {
		b.Errorf("changes (-want +got):\n%s", diff)
	}
	b.members("anna", kept...)
	moved := all[0]
	moved.Device.UserID, moved.SeenAt = "bert", base.Add(time.Minute)
	b.take(moved, store.ImportUpdated, store.EpochChange{Device: kept[0].Key, Epoch: kept[0].Epoch + 1, FormerUserID: "anna"})
	b.members("anna", kept[1:]...)
	last := all[store.MaxDevices]
	last.SeenAt = base.Add(time.Minute)
	d, err := b.Device(b.Context(), last.Device.PushID)
	b.must(err)
	b.take(last, store.ImportUpdated, store.EpochChange{Device: d.Key, Epoch: d.Epoch + 1})
	b.members("anna", append(kept[1:], d)...)
	again := all[0]
	again.SeenAt = base.Add(2 * time.Minute)
	oldest := kept[store.MaxDevices-1]
	b.take(again, store.ImportUpdated, store.EpochChange{Device: kept[0].Key, Epoch: kept[0].Epoch + 2, FormerUserID: "bert"}, evicted(oldest, "anna"))
}

func described(b *bench) {
	d := b.bound("anna")
	check := func(platform, name string) {
		b.Helper()
		found, err := b.Device(b.Context(), d.PushID)
		b.must(err)
		if found.Platform != platform || found.Name != name || found.Epoch != d.Epoch {
			b.Errorf("%+v, want %q, %q", found, platform, name)
		}
	}
	check("Android", "")
	b.must(b.Describe(b.Context(), d.Key, "", "Anna's phone"))
	check("Android", "Anna's phone")
	b.must(b.Describe(b.Context(), d.Key, "HarmonyOS", ""))
	check("HarmonyOS", "Anna's phone")
	if exported := b.export()[0].Device; exported.Name != "" || exported.Platform != "HarmonyOS" {
		b.Errorf("exported %+v", exported)
	}
	if err := b.Describe(b.Context(), d.Key+99, "x", "y"); !errors.Is(err, store.ErrNotFound) {
		b.Errorf("an unknown device: %v", err)
	}
}

func crowdRace(b *bench) {
	const each = store.MaxDevices
	pods, _ := b.pods(2)
	var phones [2][]message.Device
	for i := range phones {
		for range each {
			phones[i] = append(phones[i], b.phone("token-of-"+string(rune('a'+i))+string(rune('a'+len(phones[i])))))
		}
	}
	var mu sync.Mutex
	var changes []store.EpochChange
	var wg sync.WaitGroup
	for i, p := range pods {
		for _, d := range phones[i] {
			wg.Go(func() {
				got, err := p.Bind(p.Context(), d.Key, "anna")
				if err != nil {
					p.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				for _, c := range got.Changes {
					if c.Evicted {
						changes = append(changes, c)
					}
				}
			})
		}
	}
	wg.Wait()
	found, err := b.DevicesOf(b.Context(), []string{"anna"})
	b.must(err)
	if len(found["anna"]) != store.MaxDevices || len(changes) != each {
		b.Errorf("%d are bound and %d were unbound, want %d and %d", len(found["anna"]), len(changes), store.MaxDevices, each)
	}
}
