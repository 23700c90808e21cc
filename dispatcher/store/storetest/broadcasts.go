package storetest

import (
	"errors"
	"slices"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/offlinepush/operator/dispatcher/store"
)

func (b *bench) broadcast(l store.BroadcastLimit) string {
	b.Helper()
	return b.accept(toMany("operator", store.NewExpansion{Audience: store.Audience{Mode: store.Everyone}, Limit: l})).MessageID
}

func broadcastSnapshot(b *bench) {
	b.lease()
	b.bound("anna")
	b.bound("anna")
	bert := b.bound("bert")
	b.put("g", "carl") // a user without a device
	b.phone("nobody's")
	id := b.broadcast(store.BroadcastLimit{})
	b.bound("dora")
	b.bind(b.phone("late token of carl"), "carl")
	e := b.expansion(id)
	if e.Mode != store.Everyone || e.Sender != "operator" || e.DevicesUpTo < bert.Key {
		b.Errorf("the expansion is %+v", e)
	}
	var got []string
	for {
		users, err := b.ReceiversBehind(b.Context(), e, 1)
		b.must(err)
		if len(users) == 0 {
			break
		}
		got, e.After = append(got, users[0].ID), users[0].Key
	}
	if diff := cmp.Diff([]string{"anna", "bert"}, got); diff != "" {
		b.Errorf("receivers (-want +got):\n%s", diff)
	}
}

func broadcastStates(b *bench) {
	b.lease()
	for range 3 {
		b.bound("user-" + uuid.NewString())
	}
	id := b.broadcast(store.BroadcastLimit{})
	first := b.stepOf(b.expansion(id), 1)
	b.must(b.Expand(b.Context(), first).Err)
	second := b.stepOf(b.expansion(id), 1)
	set := func(to, want store.ExpansionState, wantErr error) {
		b.Helper()
		got, err := b.SetBroadcast(b.Context(), id, to)
		if !errors.Is(err, wantErr) || err == nil && got.State != want {
			b.Fatalf("set %s: %s, %v, want %s, %v", to, got.State, err, want, wantErr)
		}
	}
	set(store.Paused, store.Paused, nil)
	set(store.Paused, store.Paused, nil)
	if err := b.Expand(b.Context(), second).Err; !errors.Is(err, store.ErrMoved) {
		b.Errorf("a step while it is paused: %v, want ErrMoved", err)
	}
	b.reopen()
	b.lease()
	if left := b.running(); len(left) != 0 {
		b.Errorf("the restart resumed %+v", left)
	}
	set(store.Running, store.Running, nil)
	b.must(b.Expand(b.Context(), second).Err)
	set(store.Cancelled, store.Cancelled, nil)
	set(store.Cancelled, store.Cancelled, nil)
	set(store.Running, "", store.ErrEnded)
	x, err := b.Broadcast(b.Context(), id)
	b.must(err)
	if x.Users != 2 || x.FinishedAt.IsZero() || x.StartedAt.IsZero() {
		b.Errorf("cancelled after two users: %+v", x)
	}
	if _, err := b.SetBroadcast(b.Context(), id, store.Done); err == nil {
		b.Error("somebody set it done")
	}
	b.balanced()
}

func broadcastPages(b *bench) {
	b.lease()
	b.put("g", "anna")
	var want []string
	for range 5 {
		want = append(want, b.broadcast(store.BroadcastLimit{}))
	}
	group := b.sent("g", "anna")
	slices.Sort(want)
	slices.Reverse(want)
	var got []string
	for after := ""; ; after = got[len(got)-1] {
		page, err := b.Broadcasts(b.Context(), after, 2)
		b.must(err)
		if len(page) == 0 {
			break
		}
		for _, x := range page {
			got = append(got, x.MessageID)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		b.Errorf("(-want +got):\n%s", diff)
	}
	for _, id := range []string{group, "no id", uuid.NewString()} {
		_, found := b.Broadcast(b.Context(), id)
		_, set := b.SetBroadcast(b.Context(), id, store.Paused)
		if !errors.Is(found, store.ErrNotFound) || !errors.Is(set, store.ErrNotFound) {
			b.Errorf("%s: %v and %v, want ErrNotFound", id, found, set)
		}
	}
	if _, err := b.Broadcasts(b.Context(), "no id", 2); !errors.Is(err, store.ErrNotFound) {
		b.Errorf("behind no id: %v, want ErrNotFound", err)
	}
}

func broadcastLimits(b *bench) {
	b.lease()
	refused := func(l store.BroadcastLimit, atMost time.Duration) {
		b.Helper()
		r := toMany("operator", store.NewExpansion{Limit: l})
		e, ok := errors.AsType[*store.LimitedError](b.Accept(b.Context(), []store.AcceptRequest{r})[0].Err)
		if !ok || e.Wait <= 0 || e.Wait > atMost {
			b.Errorf("%+v: got %v, want a wait of at most %v", l, e, atMost)
		}
	}
	hourly := store.BroadcastLimit{Pause: time.Hour}
	b.broadcast(hourly)
	refused(hourly, time.Hour)
	two := store.BroadcastLimit{PerDay: 2}
	b.broadcast(two)
	refused(two, day)
	b.broadcast(store.BroadcastLimit{PerDay: 3})
	refused(store.BroadcastLimit{PerDay: 3}, day)
	all, err := b.Broadcasts(b.Context(), "", 10)
	b.must(err)
	if len(all) != 3 {
		b.Errorf("%d broadcasts, want the 3 that were let through", len(all))
	}
}

func pruneExpansions(b *bench) {
	b.lease()
	b.put("g", "anna", "bert")
	b.put("gone", "anna", "bert", "carl")
	old := age(toMany("anna", store.NewExpansion{GroupID: "g"}))
	b.accept(old)
	b.leave("g", "bert")
	b.must(b.DeleteGroup(b.Context(), "gone"))
	later := b.Now().Add(3 * day)
	b.prune(store.Cutoffs{Messages: later, Idempotency: later})
	if !b.stored(old.Message.ID) {
		b.Fatal("a message that is not expanded was pruned")
	}
	b.expand(old.Message.ID, 1)
	b.received(old.Message.ID, []string{"anna", "bert"}, "anna", "bert")
	e := store.Expansion{Group: 1, Seq: 1 << 40}
	b.prune(store.Cutoffs{Messages: later, Idempotency: later})
	if b.stored(old.Message.ID) {
		b.Error("an expanded message was not pruned")
	}
	if diff := cmp.Diff([]string{"anna"}, b.membersOf("g")); diff != "" {
		b.Errorf("members of g afterwards (-want +got):\n%s", diff)
	}
	for group, want := range map[int64]int{1: 1, 2: 0} {
		e.Group = group
		e.Seq = 2 // when bert was there
		if users, err := b.ReceiversBehind(b.Context(), e, 10); err != nil || len(users) != want {
			b.Errorf("group %d: its memberships of before are %v, %v, want %d", group, users, err, want)
		}
	}
}
