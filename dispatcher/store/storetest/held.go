package storetest

import (
	"slices"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
)

func heldCases() []testCase {
	return []testCase{
		{"what waits for a quota is found before it is due, in order and pages", heldOrder},
		{"only what the dispatcher itself holds back is held", heldAlone},
		{"what waits for a quota is its owner's", heldOwned},
	}
}

// hold puts a delivery off for an hour.
func (b *bench) hold(row message.Delivery, why message.Outcome) message.Delivery {
	b.Helper()
	row.DueAt = row.DueAt.Add(time.Hour)
	b.settle(store.Settlement{
		DeliveryID: row.ID, Retry: []store.Retry{{Targets: row.Targets, DueAt: row.DueAt, Attempt: row.Attempt, Last: why}},
	})
	return row
}

// waitsForQuota lists what waits for a quota, in pages of two.
func (b *bench) waitsForQuota(channel string, p message.Priority) (out []message.Delivery) {
	b.Helper()
	q := store.DueQuery{Channel: channel, Priority: p, Until: b.Now(), Held: true, Limit: 2}
	for {
		rows, err := b.Due(b.Context(), q)
		b.must(err)
		if len(rows) == 0 {
			return out
		}
		out, q.After = append(out, rows...), rows[len(rows)-1]
	}
}

var spent = message.Outcome{Class: message.QuotaExhausted, Detail: "today's quota is used up"}

func heldOrder(b *bench) {
	b.lease()
	d := b.bound("anna")
	want := map[message.Priority][]message.Delivery{}
	for _, expires := range []int{7, 3, 3, 5, 9} {
		for _, p := range message.Priorities() {
			r := request(d)
			r.Message.PushExpiresAt = b.Now().UTC().Truncate(time.Millisecond).Add(time.Duration(expires) * time.Hour)
			r.Deliveries[0].Priority = p
			want[p] = append(want[p], b.hold(b.accept(r).Deliveries[0], spent))
		}
	}
	other := request(d)
	other.Deliveries[0].Channel = "xiaomi"
	b.hold(b.accept(other).Deliveries[0], spent)
	for p, rows := range want {
		slices.SortStableFunc(rows, func(x, y message.Delivery) int { return x.ExpiresAt.Compare(y.ExpiresAt) })
		if p == message.PriorityCall {
			slices.SortFunc(rows, func(x, y message.Delivery) int {
				if c := y.ExpiresAt.Compare(x.ExpiresAt); c != 0 {
					return c
				}
				return int(y.ID - x.ID)
			})
		}
		if diff := cmp.Diff(rows, b.waitsForQuota("fcm", p)); diff != "" {
			b.Errorf("class %d (-want +got):\n%s", p, diff)
		}
	}
	if rows := b.due("fcm"); len(rows) != 0 {
		b.Errorf("due all the same: %v", rows)
	}
}

func heldAlone(b *bench) {
	b.lease()
	d := b.bound("anna")
	b.accept(request(d)) // due
	for _, why := range []message.Outcome{
		{},
		{Class: message.Transient},
		{Class: message.QuotaExhausted, Code: "200006", Detail: "the vendor's own word"},
	} {
		b.hold(b.accept(request(d)).Deliveries[0], why)
	}
	want := b.hold(b.accept(request(d)).Deliveries[0], spent)
	got := b.waitsForQuota("fcm", message.PriorityMessage)
	if diff := cmp.Diff([]message.Delivery{want}, got); diff != "" {
		b.Fatalf("(-want +got):\n%s", diff)
	}
	b.settle(done(want, message.Handed, message.Outcome{Class: message.Accepted}, 1))
	if got := b.waitsForQuota("fcm", message.PriorityMessage); len(got) != 0 {
		b.Errorf("still held: %v", got)
	}
}

func heldOwned(b *bench) {
	b.lease()
	b.hold(b.accept(request(b.bound("anna"))).Deliveries[0], spent)
	b.reopen() // as after a crash
	if got := b.waitsForQuota("fcm", message.PriorityMessage); len(got) != 0 {
		b.Errorf("without a lease: %v", got)
	}
	b.lease()
	if got := b.waitsForQuota("fcm", message.PriorityMessage); len(got) != 1 {
		b.Errorf("of the former process: %v", got)
	}
}
