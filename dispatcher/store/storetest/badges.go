package storetest

import (
	"errors"
	"slices"
	"sync"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
)

func badgeCases() []testCase {
	return []testCase{
		{"pushes count from the number that the device told", badgesCount},
		{"a device that told no number has none", badgesUntold},
		{"the pushes of one batch count on", badgesInBatch},
		{"a retry shows the number of its decision", badgesOfARetry},
		{"the count of a user is no other user's", badgesOfUsers},
		{"a badge has an end", badgesEnd},
		{"the badge of a device that is gone is gone", badgesGone},
		{"pushes that are accepted at the same time show different numbers", badgesRace},
	}
}

// raising is a push to the devices that raises their badges.
func raising(by int32, devices ...message.Device) store.AcceptRequest {
	r := request(devices...)
	r.Message.Push = &message.PushConfig{Title: "title", BadgeIncrement: by}
	return r
}

// shown are the badges that a result's targets carry, in their order.
func shown(r store.AcceptResult) (badges []int32) {
	for _, d := range r.Deliveries {
		for _, t := range d.Targets {
			badges = append(badges, t.Badge)
		}
	}
	return badges
}

// shows accepts a push and checks the numbers that it shows; what is stored is what is answered.
func (b *bench) shows(r store.AcceptRequest, want ...int32) {
	b.Helper()
	got := b.accept(r)
	if diff := cmp.Diff(want, shown(got)); diff != "" {
		b.Errorf("badges (-want +got):\n%s", diff)
	}
	for _, d := range got.Deliveries {
		if !slices.ContainsFunc(b.due(d.Channel), func(stored message.Delivery) bool { return cmp.Equal(stored, d) }) {
			b.Errorf("%+v is not stored so", d)
		}
	}
}

func (b *bench) setBadge(d message.Device, badge int32) {
	b.Helper()
	b.must(b.SetBadge(b.Context(), d.Key, badge))
}

func badgesCount(b *bench) {
	b.lease()
	anna, bert := b.bound("anna"), b.bound("bert")
	b.setBadge(anna, 5)
	b.setBadge(bert, 0)
	b.shows(raising(2, anna, bert), 7, 2)
	b.shows(raising(1, bert), 3)
	b.shows(request(anna), 0)
	b.setBadge(anna, 0)
	b.shows(raising(1, anna, bert), 1, 4)
	again := raising(1, anna)
	b.shows(again, 2)
	again.Message.ID = toUsers().Message.ID
	if got := b.accept(again); !got.Duplicate {
		b.Errorf("a repetition got %+v", got)
	}
	b.reopen()
	b.lease()
	b.shows(raising(1, anna), 3)
}

func badgesUntold(b *bench) {
	b.lease()
	anna := b.bound("anna")
	other := b.bound("anna")
	b.shows(raising(3, anna), 0)
	b.setBadge(anna, 0)
	b.shows(raising(3, anna, other), 3, 0)
	b.must(b.SetUserBadge(b.Context(), "anna", 10))
	b.shows(raising(1, anna, other), 11, 11)
	b.must(b.SetUserBadge(b.Context(), "nobody", 10))
}

func badgesInBatch(b *bench) {
	b.lease()
	anna, bert := b.bound("anna"), b.bound("bert")
	b.setBadge(anna, 1)
	full := raising(50, anna)
	full.MaxBacklog = 1
	full.Deliveries[0].Targets = append(full.Deliveries[0].Targets, request(bert).Deliveries[0].Targets...)
	full.Recipients = append(full.Recipients, "bert")
	first := raising(1, anna)
	results := b.Accept(b.Context(), []store.AcceptRequest{first, full, request(anna), raising(2, anna, bert), first, raising(1, anna)})
	var got [][]int32
	for _, r := range results {
		got = append(got, shown(r))
	}
	if diff := cmp.Diff([][]int32{{2}, nil, {0}, {4, 0}, nil, {5}}, got); diff != "" {
		b.Errorf("badges (-want +got):\n%s", diff)
	}
	if !errors.Is(results[1].Err, store.ErrBacklogFull) || !results[4].Duplicate {
		b.Errorf("the refused one %+v, the repeated one %+v", results[1], results[4])
	}
	b.shows(raising(1, anna), 6)
}

func badgesOfARetry(b *bench) {
	b.lease()
	anna := b.bound("anna")
	b.setBadge(anna, 1)
	row := b.accept(raising(1, anna)).Deliveries[0]
	b.shows(raising(1, anna), 3)
	retry := store.Retry{Targets: row.Targets, DueAt: row.DueAt, Attempt: 1}
	b.settle(store.Settlement{DeliveryID: row.ID, Retry: []store.Retry{retry}})
	kept := b.due("fcm")
	if len(kept) != 2 || kept[0].Targets[0].Badge != 2 {
		b.Fatalf("kept %+v", kept)
	}
	b.settle(done(kept[0], message.Handed, message.Outcome{}, 0))
	b.balanced()
}

func badgesOfUsers(b *bench) {
	b.lease()
	phone := b.bound("anna")
	b.setBadge(phone, 40)
	b.bind(phone, "anna")
	b.shows(raising(1, phone), 41)
	former := phone
	phone = b.bind(phone, "bert").Device
	b.shows(raising(1, former), 0) // It was decided before, and is fenced.
	b.shows(raising(1, phone), 1)
	out, err := b.Unbind(b.Context(), phone.Key)
	b.must(err)
	phone = b.bind(out.Device, "bert").Device
	b.shows(raising(1, phone), 1)
	b.must(b.SetUserBadge(b.Context(), "anna", 9))
	b.shows(raising(1, phone), 2)
	retired := b.bind(b.phone("same"), "carl").Device
	b.setBadge(retired, 7)
	b.phone("same")
	retired = b.bind(retired, "dora").Device
	b.shows(raising(1, retired), 1)
}

func badgesEnd(b *bench) {
	b.lease()
	anna := b.bound("anna")
	b.setBadge(anna, message.MaxBadge-1)
	results := b.Accept(b.Context(), []store.AcceptRequest{raising(99, anna), raising(99, anna)})
	for _, r := range results {
		if got := shown(r); !slices.Equal(got, []int32{message.MaxBadge}) {
			b.Errorf("got %v, %v", got, r.Err)
		}
	}
	b.shows(raising(1, anna), message.MaxBadge)
}

func badgesGone(b *bench) {
	b.lease()
	unregistered, pruned := b.bound("anna"), b.bound("bert")
	b.setBadge(unregistered, 1)
	b.setBadge(pruned, 1)
	_, err := b.Unregister(b.Context(), unregistered.Key)
	b.must(err)
	b.prune(store.Cutoffs{Devices: b.Now().Add(3 * day)})
	for _, d := range []message.Device{unregistered, pruned} {
		if err := b.SetBadge(b.Context(), d.Key, 1); !errors.Is(err, store.ErrNotFound) {
			b.Errorf("setting it: %v", err)
		}
		b.shows(raising(1, d), 0)
	}
}

func badgesRace(b *bench) {
	b.lease()
	anna, bert := b.bound("anna"), b.bound("bert")
	b.setBadge(anna, 0)
	b.setBadge(bert, 0)
	const pushes = 40
	var mu sync.Mutex
	var got [2][]int32
	var wg sync.WaitGroup
	for i := range pushes {
		wg.Go(func() {
			r := raising(1, anna, bert)
			if i%2 == 0 { // in the other order
				r = raising(1, bert, anna)
			}
			badges := shown(b.Accept(b.Context(), []store.AcceptRequest{r})[0])
			mu.Lock()
			defer mu.Unlock()
			for n, badge := range badges {
				got[(n+1+i)%2] = append(got[(n+1+i)%2], badge)
			}
		})
	}
	wg.Wait()
	var want []int32
	for i := range int32(pushes) {
		want = append(want, i+1)
	}
	for _, badges := range got {
		slices.Sort(badges)
		if diff := cmp.Diff(want, badges); diff != "" {
			b.Errorf("(-want +got):\n%s", diff)
		}
	}
}
