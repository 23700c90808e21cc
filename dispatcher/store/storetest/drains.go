package storetest

import (
	"time"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
)

func drainCases() []testCase {
	return []testCase{
		{"sessions that a drain ends count for a while", drained},
		{"grace outlives the process", graceOutlives},
		{"grace ends with the connection and the binding", graceEnds},
		{"a process that dies gives no grace", deathGivesNoGrace},
		{"a drain leaves deliveries alone", drainKeepsDeliveries},
	}
}

func sharedDrainCases() []testCase {
	return []testCase{
		{"a drained session is connected nowhere and may come anywhere", drainedElsewhere},
		{"a drain after the end of the lease is none", drainedTooLate},
	}
}

// drain ends the sessions of the process, and says between which times the grace must end.
func (b *bench) drain() (from, to time.Time) {
	b.Helper()
	const wrong = 50 * time.Millisecond // how wrong its clock can be on one machine
	from = b.Now().Add(store.DrainGrace - wrong)
	b.must(b.DrainSessions(b.Context()))
	return from, b.Now().Add(store.DrainGrace + wrong)
}

// grace checks until when the device counts as connected, wherever that can be read; zero times mean that it does not.
func (b *bench) grace(d message.Device, from, to time.Time) {
	b.Helper()
	found, err := b.Device(b.Context(), d.PushID)
	b.must(err)
	state, _ := b.fence(d.Key)
	listed := message.Device{GraceUntil: found.GraceUntil}
	all, err := b.DevicesOf(b.Context(), []string{found.UserID})
	b.must(err)
	for _, other := range all[found.UserID] {
		if other.Key == d.Key {
			listed = other
		}
	}
	for where, got := range map[string]time.Time{"device": found.GraceUntil, "fence": state.GraceUntil, "list": listed.GraceUntil} {
		if from.IsZero() != got.IsZero() || got.Before(from) || got.After(to) {
			b.Errorf("%s: grace until %v, want %v to %v", where, got, from, to)
		}
	}
}

func (b *bench) noGrace(d message.Device) {
	b.Helper()
	b.grace(d, time.Time{}, time.Time{})
}

func drained(b *bench) {
	b.must(b.DrainSessions(b.Context())) // without a lease there is nothing to drain
	inc := b.lease().Incarnation
	connected, offline := b.bound("anna"), b.bound("anna")
	b.connect(connected, 1)
	b.noGrace(connected)
	b.held(connected, inc)
	from, to := b.drain()
	b.must(b.DrainSessions(b.Context())) // which changes nothing more
	check := func() {
		b.Helper()
		b.grace(connected, from, to)
		b.noGrace(offline)
		b.held(connected, 0)
		b.holders([]string{"anna"}, nil)
	}
	check()
	late := b.bound("bert")
	b.connect(late, 2) // whose login was under way
	b.held(late, 0)
	b.grace(late, from, to)
	if same := b.bind(connected, "anna").Device; same.GraceUntil.Before(from) {
		b.Errorf("a login that changes nothing answers grace until %v", same.GraceUntil)
	}
	b.must(b.ReleaseLease(b.Context()))
	check()
}

func graceOutlives(b *bench) {
	b.lease()
	d := b.bound("anna")
	b.connect(d, 9)
	from, to := b.drain()
	b.must(b.ReleaseLease(b.Context()))
	b.reopen()
	b.grace(d, from, to)
	second := b.lease().Incarnation
	to = b.Now().Add(store.DrainGrace + time.Second) // without a process the phone could not come
	b.held(d, 0)
	b.grace(d, from, to)
	b.connect(d, 1)
	b.held(d, second)
	b.grace(d, from, to) // what the former process sent may be acknowledged until then
	b.reopen()
	b.lease()
	b.held(d, 0)
	b.grace(d, from, to)
}

func graceEnds(b *bench) {
	b.lease()
	gone, moved, out := b.bound("anna"), b.bound("anna"), b.bound("anna")
	for i, d := range []message.Device{gone, moved, out} {
		b.connect(d, int64(i)+1)
	}
	b.drain()
	b.must(b.ReleaseLease(b.Context()))
	b.lease()
	b.connect(gone, 1)
	b.disconnect(gone, 1)
	b.noGrace(gone)
	if now := b.bind(moved, "bert").Device; !now.GraceUntil.IsZero() {
		b.Errorf("another user's device has grace until %v", now.GraceUntil)
	}
	b.noGrace(moved)
	changed, err := b.Unbind(b.Context(), out.Key)
	b.must(err)
	if !changed.Device.GraceUntil.IsZero() {
		b.Errorf("a device of nobody has grace until %v", changed.Device.GraceUntil)
	}
	b.noGrace(out)
}

func deathGivesNoGrace(b *bench) {
	b.lease()
	d := b.bound("anna")
	b.connect(d, 1)
	b.reopen()
	b.noGrace(d)
	lease := b.lease().Incarnation
	b.noGrace(d)
	b.connect(d, 1)
	b.held(d, lease)
	b.must(b.ReleaseLease(b.Context())) // which is no drain
	b.held(d, 0)
	b.noGrace(d)
	b.reopen()
	b.lease()
	b.noGrace(d)
}

func drainKeepsDeliveries(b *bench) {
	b.lease()
	d := b.bound("anna")
	rows := b.rows(d, 1)
	b.drain()
	b.owns("the draining process", rows)
	rows = append(rows, b.rows(d, 1)...)
	b.settle(handed(rows[0]), handed(rows[1]))
	b.must(b.ReleaseLease(b.Context()))
	b.balanced()
}

func drainedElsewhere(b *bench) {
	pods, leases := b.pods(2)
	old, young := pods[0], pods[1]
	d := b.bound("anna")
	old.connect(d, 1)
	from, to := old.drain()
	for _, p := range pods {
		p.held(d, 0)
		p.grace(d, from, to)
		p.holders([]string{"anna"}, nil)
	}
	young.connect(d, 1)
	for _, p := range pods {
		p.held(d, leases[1].Incarnation)
		p.grace(d, from, to)
	}
	rows := old.rows(d, 1)
	old.must(old.ReleaseLease(b.Context()))
	young.adopts(1)
	young.owns("the other process", rows)
	old.leaseAs(0)
	young.grace(d, from, to)
	young.disconnect(d, 1)
	young.noGrace(d)
}

func drainedTooLate(b *bench) {
	b.lease()
	d := b.bound("anna")
	b.connect(d, 1)
	b.expire()
	b.must(b.DrainSessions(b.Context()))
	b.noGrace(d)
}
