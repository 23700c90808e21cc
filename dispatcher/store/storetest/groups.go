package storetest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/store"
)

func groupCases() []testCase {
	return []testCase{
		{"members join and leave, each time once", membership},
		{"a group that is deleted is another one afterwards", deletedGroup},
		{"members and groups are listed in pages", groupPages},
		{"a full group is left as it is", fullGroup},
		{"changes of members at the same time count right", concurrentMembers},
	}
}

// put makes a group of the users.
func (b *bench) put(groupID string, users ...string) store.GroupChange {
	b.Helper()
	c, err := b.PutGroup(b.Context(), groupID, users)
	b.must(err)
	return c
}

func (b *bench) join(groupID string, users ...string) {
	b.Helper()
	_, err := b.AddMembers(b.Context(), groupID, users)
	b.must(err)
}

func (b *bench) leave(groupID string, users ...string) {
	b.Helper()
	_, err := b.RemoveMembers(b.Context(), groupID, users)
	b.must(err)
}

// membersOf lists a group, in order of the ids.
func (b *bench) membersOf(groupID string) []string {
	b.Helper()
	ids := []string{}
	for after := int64(0); ; {
		page, err := b.Members(b.Context(), groupID, after, 3)
		b.must(err)
		if len(page) == 0 {
			break
		}
		for _, u := range page {
			if u.Key <= after {
				b.Fatalf("member %+v behind key %d", u, after)
			}
			after = u.Key
			ids = append(ids, u.ID)
		}
	}
	slices.Sort(ids)
	return ids
}

func (b *bench) changes(what string, want store.GroupChange, change func() (store.GroupChange, error)) {
	b.Helper()
	got, err := change()
	b.must(err)
	if got != want {
		b.Errorf("%s: %+v, want %+v", what, got, want)
	}
}

func membership(b *bench) {
	ctx := b.Context()
	put := func(users ...string) func() (store.GroupChange, error) {
		return func() (store.GroupChange, error) { return b.PutGroup(ctx, "g", users) }
	}
	add := func(users ...string) func() (store.GroupChange, error) {
		return func() (store.GroupChange, error) { return b.AddMembers(ctx, "g", users) }
	}
	remove := func(users ...string) func() (store.GroupChange, error) {
		return func() (store.GroupChange, error) { return b.RemoveMembers(ctx, "g", users) }
	}
	b.changes("the first put", store.GroupChange{Created: true, Changed: 2, Members: 2}, put("anna", "bert"))
	b.changes("the second put", store.GroupChange{Changed: 1, Members: 3}, put("bert", "carl"))
	b.changes("an empty put", store.GroupChange{Members: 3}, put())
	b.changes("adding one of two", store.GroupChange{Changed: 1, Members: 4}, add("anna", "dora", "dora"))
	b.changes("adding again", store.GroupChange{Members: 4}, add("anna", "dora"))
	b.changes("removing", store.GroupChange{Changed: 2, Members: 2}, remove("anna", "bert", "nobody"))
	b.changes("removing again", store.GroupChange{Members: 2}, remove("anna", "bert"))
	b.changes("coming back", store.GroupChange{Changed: 1, Members: 3}, add("anna"))
	if diff := cmp.Diff([]string{"anna", "carl", "dora"}, b.membersOf("g")); diff != "" {
		b.Errorf("members (-want +got):\n%s", diff)
	}
}

func deletedGroup(b *bench) {
	ctx := b.Context()
	b.put("g", "anna", "bert")
	b.must(b.DeleteGroup(ctx, "g"))
	_, added := b.AddMembers(ctx, "g", []string{"carl"})
	_, removed := b.RemoveMembers(ctx, "g", []string{"anna"})
	_, listed := b.Members(ctx, "g", 0, 10)
	for what, err := range map[string]error{
		"adding": added, "removing": removed, "listing": listed, "deleting": b.DeleteGroup(ctx, "g"), "sending": b.send("g", "anna").Err,
	} {
		if !errors.Is(err, store.ErrNotFound) {
			b.Errorf("%s in a deleted group: %v, want ErrNotFound", what, err)
		}
	}
	if groups, err := b.GroupsOf(ctx, "anna", 0, 10); err != nil || len(groups) != 0 {
		b.Errorf("anna is in %v, %v", groups, err)
	}
	if c := b.put("g", "carl"); !c.Created || c.Members != 1 {
		b.Errorf("made again: %+v", c)
	}
	if diff := cmp.Diff([]string{"carl"}, b.membersOf("g")); diff != "" {
		b.Errorf("members of the new one (-want +got):\n%s", diff)
	}
}

func groupPages(b *bench) {
	var want []string
	for i := range 7 {
		id := fmt.Sprintf("group-%d", i)
		b.put(id, "anna", "bert")
		want = append(want, id)
	}
	b.leave("group-3", "anna")
	want = slices.Delete(want, 3, 4)
	var got []string
	for after := int64(0); ; {
		page, err := b.GroupsOf(b.Context(), "anna", after, 2)
		b.must(err)
		if len(page) == 0 {
			break
		}
		for _, g := range page {
			if g.Members != 2 {
				b.Errorf("%+v, want 2 members", g)
			}
			got, after = append(got, g.ID), g.Key
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		b.Errorf("anna's groups (-want +got):\n%s", diff)
	}
	var users []string
	for i := range 10 {
		users = append(users, fmt.Sprintf("user-%d", i))
	}
	b.put("crowd", users...)
	if diff := cmp.Diff(users, b.membersOf("crowd")); diff != "" {
		b.Errorf("members (-want +got):\n%s", diff)
	}
}

func fullGroup(b *bench) {
	const step = 5000
	b.put("g")
	for first := 0; first < store.MaxGroupMembers; first += step {
		users := make([]string, step)
		for i := range users {
			users[i] = fmt.Sprintf("user-%06d", first+i)
		}
		b.join("g", users...)
	}
	if _, err := b.AddMembers(b.Context(), "g", []string{"one more", "user-000000"}); !errors.Is(err, store.ErrGroupFull) {
		b.Errorf("one too many: %v, want ErrGroupFull", err)
	}
	c, err := b.AddMembers(b.Context(), "g", []string{"user-000000"})
	if b.must(err); c != (store.GroupChange{Members: store.MaxGroupMembers}) {
		b.Errorf("after the refusal: %+v", c)
	}
	b.leave("g", "user-000001")
	b.join("g", "one more")
}

// concurrentMembers has several callers add and remove overlapping users.
func concurrentMembers(b *bench) {
	b.put("g")
	var wg sync.WaitGroup
	var sum atomic.Int64
	for w := range 4 {
		wg.Go(func() {
			for i := range 15 {
				var users []string
				for n := range 6 {
					users = append(users, fmt.Sprintf("user-%d", (w+i+n)%12))
				}
				change, sign := b.AddMembers, int64(1)
				if (w+i)%2 == 1 {
					change, sign = b.RemoveMembers, -1
				}
				c, err := change(b.Context(), "g", users)
				if err != nil {
					b.Error(err)
					return
				}
				sum.Add(sign * c.Changed)
			}
		})
	}
	wg.Wait()
	c, err := b.AddMembers(b.Context(), "g", nil)
	b.must(err)
	if n := int64(len(b.membersOf("g"))); n != sum.Load() || n != c.Members {
		b.Errorf("%d members are listed, %d counted, %d joined and stayed", n, c.Members, sum.Load())
	}
}
