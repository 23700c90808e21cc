package storetest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
)

func confirmCases() []testCase {
	return []testCase{
		{"a change is told again until it is confirmed", toldAgain},
		{"a confirmation is of one epoch", confirmsOneEpoch},
		{"who lost a token is told again to who has it", losersToldAgain},
		{"all who lost a token one after the other are told again", chainOfLosers},
		{"an import tells again", importTellsAgain},
		{"what is unconfirmed is so after a crash", unconfirmedAfterCrash},
	}
}

func sharedConfirmCases() []testCase {
	return []testCase{
		{"a change is told again at another process", toldAgainElsewhere},
		{"of the same takeover at two processes each tells", sharedTakeovers},
	}
}

// tells checks which earlier changes a change tells of again.
func (b *bench) tells(step string, got []store.EpochChange, want ...store.EpochChange) {
	b.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		b.Errorf("%s, unconfirmed (-want +got):\n%s", step, diff)
	}
}

// at is what an unconfirmed change of a device is.
func at(d message.Device) store.EpochChange { return store.EpochChange{Device: d.Key, Epoch: d.Epoch} }

func (b *bench) confirm(changes ...store.EpochChange) {
	b.Helper()
	b.must(b.Confirm(b.Context(), changes))
}

func toldAgain(b *bench) {
	d := b.phone("t")
	b.tells("the first binding", b.bind(d, "anna").Unconfirmed)
	for _, s := range []struct {
		name   string
		change func(context.Context, int64) (store.Changed, error)
	}{{"bind", b.binder("anna")}, {"take over", b.binder("bert")}, {"unbind", b.Unbind}} {
		first, err := s.change(b.Context(), d.Key)
		b.must(err)
		for range 2 {
			again, err := s.change(b.Context(), d.Key)
			b.must(err)
			b.tells(s.name+" again", again.Unconfirmed, at(first.Device))
		}
		b.tells("the same token", b.setToken(d, "t").Unconfirmed, at(first.Device))
		b.confirm(at(first.Device))
		again, err := s.change(b.Context(), d.Key)
		b.must(err)
		b.tells(s.name+" after the confirmation", again.Unconfirmed)
		if len(again.Changes) > 0 {
			b.Errorf("%s again changed %v", s.name, again.Changes)
		}
	}
	b.bind(d, "carl")
	gone, err := b.Unregister(b.Context(), d.Key)
	b.must(err)
	b.tells("unregister, whose own change is later", gone.Unconfirmed)
	b.confirm(gone.Changes...) // of a device that is gone
	b.confirm()
}

func confirmsOneEpoch(b *bench) {
	d, other := b.bound("anna"), b.bound("bert")
	later := b.bind(d, "bert").Device
	b.confirm(at(d))
	b.tells("an older epoch is confirmed", b.bind(d, "bert").Unconfirmed, at(later))
	b.confirm(at(later), at(d), at(later))
	b.tells("the epoch is confirmed", b.bind(d, "bert").Unconfirmed)
	b.confirm(at(d))
	b.tells("an older one is confirmed late", b.bind(d, "bert").Unconfirmed)
	b.tells("another device", b.bind(other, "bert").Unconfirmed, at(other))
}

func losersToldAgain(b *bench) {
	old := b.bind(b.phone("t"), "anna").Device
	d := b.phone("u")
	retired := b.setToken(d, "t").Changes[0]
	lost := store.EpochChange{Device: old.Key, Epoch: retired.Epoch}
	b.tells("the same token", b.setToken(d, "t").Unconfirmed, lost)
	bound := b.bind(d, "bert")
	b.tells("the binding of the new holder", bound.Unconfirmed, lost)
	b.tells("another token for the new holder", b.setToken(d, "v").Unconfirmed, lost, at(bound.Device))
	b.tells("a stranger", b.bind(b.phone("w"), "anna").Unconfirmed)
	r, err := b.Register(b.Context(), registration("new", "t"))
	b.must(err)
	b.tells("a registration with the token", r.Unconfirmed, lost)
	b.tells("the binding of the registered", b.bind(r.Device, "carl").Unconfirmed, lost)
	b.confirm(lost)
	b.tells("after the confirmation", b.setToken(r.Device, "t").Unconfirmed, at(b.bind(r.Device, "carl").Device))
}

func chainOfLosers(b *bench) {
	first := b.bind(b.phone("t"), "anna").Device
	var holders []message.Device
	var lost []store.EpochChange
	for i := range 3 {
		r, err := b.Register(b.Context(), registration(fmt.Sprint("p", i), "t"))
		b.must(err)
		b.tells(fmt.Sprint("registration ", i), r.Unconfirmed, lost...)
		holders = append(holders, r.Device)
		lost = append(lost, store.EpochChange{Device: r.Retired[0].Device, Epoch: r.Retired[0].Epoch})
	}
	b.tells("the last holder", b.bind(holders[2], "bert").Unconfirmed, lost...)
	b.confirm(lost[0], lost[2])
	b.tells("who is left", b.bind(holders[2], "carl").Unconfirmed, lost[1])
	back := b.setToken(first, "t")
	b.tells("the first one again", back.Unconfirmed, lost[1])
	if len(back.Changes) != 1 || back.Changes[0].Device != holders[2].Key {
		b.Errorf("the first one retired %v", back.Changes)
	}
}

func importTellsAgain(b *bench) {
	seen := b.Now().Add(-day)
	old := record(stranger("old", "anna"), seen, "t")
	b.take(old, store.ImportCreated)
	former, err := b.Device(b.Context(), "old")
	b.must(err)
	lost := store.EpochChange{Device: former.Key, Epoch: former.Epoch + 1}
	heir := record(stranger("heir", "bert"), seen.Add(time.Minute), "t")
	moved := heir
	moved.Device.UserID, moved.SeenAt = "carl", seen.Add(time.Hour)
	for _, c := range []struct {
		name   string
		record store.Record
		want   func(d message.Device) []store.EpochChange
	}{
		{"the import that takes", heir, func(message.Device) []store.EpochChange { return nil }},
		{"the same again", heir, func(message.Device) []store.EpochChange { return []store.EpochChange{lost} }},
		{"what is outdated", old, func(message.Device) []store.EpochChange { return []store.EpochChange{lost} }},
		{"another user", moved, func(message.Device) []store.EpochChange { return []store.EpochChange{lost} }},
		{"that again", moved, func(d message.Device) []store.EpochChange { return []store.EpochChange{lost, at(d)} }},
	} {
		got := b.Import(b.Context(), []store.Record{c.record})[0]
		b.must(got.Err)
		d, err := b.Device(b.Context(), "heir")
		b.must(err)
		b.tells(c.name, got.Unconfirmed, c.want(d)...)
		if c.name == "that again" {
			b.confirm(lost, at(d))
		}
	}
	b.tells("after the confirmation", b.Import(b.Context(), []store.Record{moved})[0].Unconfirmed)
}

func unconfirmedAfterCrash(b *bench) {
	old := b.bind(b.phone("t"), "anna").Device
	d := b.bound("bert")
	b.confirm(at(d))
	lost := b.setToken(d, "t").Changes[0]
	b.reopen()
	b.tells("after the crash", b.bind(d, "bert").Unconfirmed, store.EpochChange{Device: old.Key, Epoch: lost.Epoch})
}

func toldAgainElsewhere(b *bench) {
	pods, _ := b.pods(2)
	old := b.bind(b.phone("t"), "anna").Device
	d := b.bound("bert")
	lost := store.EpochChange{Device: old.Key, Epoch: b.setToken(d, "t").Changes[0].Epoch}
	pods[1].tells("the same token", pods[1].setToken(d, "t").Unconfirmed, lost, at(d))
	pods[1].tells("the same user", pods[1].bind(d, "bert").Unconfirmed, lost, at(d))
	pods[1].confirm(lost)
	b.tells("what the other one confirmed", b.setToken(d, "t").Unconfirmed, at(d))
}

// sharedTakeovers repeats takeovers while the first try commits at another process.
func sharedTakeovers(b *bench) {
	pods, _ := b.pods(2)
	for round := range 20 {
		token := fmt.Sprint("contested ", round)
		old, d := b.bind(b.phone(token), "anna").Device, b.bound("bert")
		b.confirm(at(old), at(d))
		told := make([]map[int64]int64, len(pods))
		var wg sync.WaitGroup
		for i, p := range pods {
			wg.Go(func() {
				changed, err := p.SetToken(p.Context(), d.Key, message.TokenAlert, token)
				if err != nil {
					p.Error(err)
				}
				told[i] = map[int64]int64{}
				for _, c := range slices.Concat(changed.Changes, changed.Unconfirmed) {
					told[i][c.Device] = c.Epoch
				}
			})
		}
		wg.Wait()
		for i := range pods {
			if want := map[int64]int64{old.Key: old.Epoch + 1}; !maps.Equal(told[i], want) {
				b.Errorf("round %d, process %d tells of %v, want %v", round, i, told[i], want)
			}
		}
	}
}

// open is the rule of what a change tells of again: the epochs that are not confirmed, of the device
// and of whoever lost its token or the given one last.
func (m *model) open(key int64, token string) map[int64]int64 {
	own := ""
	if p := m.phones[key]; p != nil {
		own = p.token
	}
	out := map[int64]int64{}
	for k, p := range m.phones {
		if concerned := k == key || p.lost != "" && (p.lost == token || p.lost == own); concerned && p.confirmed < p.epoch {
			out[k] = p.epoch
		}
	}
	return out
}

// confirm confirms the present epochs of some phones, or the ones before.
func (m *model) confirm() string {
	var changes []store.EpochChange
	for range 3 {
		if key, p := m.pick(); p != nil {
			epoch := p.epoch - m.rand.Int64N(2)
			p.confirmed = max(p.confirmed, epoch)
			changes = append(changes, store.EpochChange{Device: key, Epoch: epoch})
		}
	}
	m.bench.confirm(changes...)
	return fmt.Sprint("confirm ", changes)
}
