package delivery

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/message"
)

// anyClass lets every class have its turn.
func anyClass(message.Priority) bool { return true }

func takeAll(q *queue) (ids []int64) {
	for d, ok := q.take(anyClass, true); ok; d, ok = q.take(anyClass, true) {
		ids = append(ids, d.ID)
	}
	return ids
}

func large(id int64, p message.Priority, due time.Time) message.Delivery {
	return message.Delivery{ID: id, Priority: p, DueAt: due, Targets: make([]message.Target, message.MaxTargets)}
}

func TestQueueKeepsItsBoundAndItsPromise(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	for p, share := range map[message.Priority]int{
		message.PriorityCall: queueBytes, message.PriorityMessage: messageBytes, message.PriorityBulk: bulkBytes,
	} {
		q := newQueue()
		const rows = 1000
		for id := range int64(rows) {
			q.put(large(id, p, now), now)
		}
		if n := q.waiting(); q.bytes > share || n != share/sizeOf(large(0, p, now)) {
			t.Fatalf("class %d: holds %d rows in %d bytes", p, n, q.bytes)
		}
		taken := takeAll(q)
		if p == message.PriorityCall {
			slices.Reverse(taken)
		}
		if !slices.IsSorted(taken) {
			t.Errorf("class %d: got %v", p, taken)
		}
		if q.bytes != 0 || len(q.wantsRefill(now)) != 1 {
			t.Errorf("class %d: %d bytes left, refill wanted: %v", p, q.bytes, q.wantsRefill(now))
		}
	}
}

// A call finds room in memory though the queue is full, and what it displaces is read again.
func TestQueueTakesCallsAlways(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	q := newQueue()
	id := int64(0)
	for range 400 {
		for _, p := range []message.Priority{message.PriorityMessage, message.PriorityBulk} {
			id++
			q.put(large(id, p, now), now)
		}
	}
	bulk, messages := q.classes[message.PriorityBulk].waiting(), q.classes[message.PriorityMessage].waiting()
	q.askAt(now)
	for range 2 { // of which one at most fits between the shares of the others
		id++
		q.submit(large(id, message.PriorityCall, now), now)
	}
	if n := q.classes[message.PriorityBulk].waiting(); q.bytes > queueBytes || n != bulk-1 || q.classes[message.PriorityMessage].waiting() != messages {
		t.Errorf("%d bytes, %d bulk rows after %d", q.bytes, n, bulk)
	}
	if d, _ := q.take(anyClass, true); d.ID != id {
		t.Errorf("row %d has the first turn, want the call", d.ID)
	}
	for range 400 {
		id++
		q.submit(large(id, message.PriorityCall, now), now)
	}
	if n := q.classes[message.PriorityMessage].waiting() + q.classes[message.PriorityBulk].waiting(); n > 0 || q.bytes > queueBytes {
		t.Errorf("calls left %d others, %d bytes", n, q.bytes)
	}
	takeAll(q)
	if got := len(q.wantsRefill(now)); got != 3 {
		t.Errorf("%d classes are read again, want all", got)
	}
}

// Whatever waits in front of them, every class has its share of the turns.
func TestQueueStarvesNoClass(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	q := newQueue()
	got := map[message.Priority]int{}
	const turns = 160
	for id := range int64(turns) {
		for i, p := range message.Priorities() {
			q.put(message.Delivery{ID: 3*id + int64(i), Priority: p, DueAt: now}, now)
		}
		d, _ := q.take(anyClass, true)
		got[d.Priority]++
	}
	want := map[message.Priority]int{message.PriorityCall: 120, message.PriorityMessage: 30, message.PriorityBulk: 10}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("turns (-want +got):\n%s", diff)
	}
}

// Where retries have to wait, others overtake them, and calls do not wait.
func TestQueueKeepsRetriesBack(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	q := newQueue()
	for id, d := range map[int64]message.Delivery{1: {Attempt: 1}, 2: {}, 3: {Attempt: 1, Priority: message.PriorityCall}} {
		d.ID, d.DueAt = id, now
		q.put(d, now)
	}
	var got []int64
	for _, retries := range []bool{false, false, false, true} {
		d, _ := q.take(anyClass, retries)
		got = append(got, d.ID)
	}
	if diff := cmp.Diff([]int64{3, 2, 0, 1}, got); diff != "" || q.bytes != 0 {
		t.Errorf("%d bytes left, turns (-want +got):\n%s", q.bytes, diff)
	}
}

func TestQueueGivesTurnsInTheOrderOfDeadlines(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	for p, want := range map[message.Priority][]int64{
		message.PriorityMessage: {4, 1, 3, 2, 5}, message.PriorityBulk: {4, 1, 3, 2, 5}, message.PriorityCall: {5, 2, 3, 1, 4},
	} {
		q := newQueue()
		for id, ttl := range map[int64]time.Duration{1: 2, 2: 3, 3: 2, 4: 1, 5: 3} {
			q.submit(message.Delivery{ID: id, Priority: p, DueAt: now, ExpiresAt: now.Add(ttl * time.Hour)}, now)
		}
		if diff := cmp.Diff(want, takeAll(q)); diff != "" {
			t.Errorf("class %d (-want +got):\n%s", p, diff)
		}
	}
}

func TestQueueRefillSkipsWhatEndedMeanwhile(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	q := newQueue()
	c := q.classes[message.PriorityMessage]
	first := message.Delivery{ID: 1, DueAt: now}
	q.put(first, now)
	q.take(anyClass, true)
	c.beginRefill()
	q.forget(first) // settled after the store was read
	q.endRefill(c, []message.Delivery{first, {ID: 2, DueAt: now}}, now)
	if d, _ := q.take(anyClass, true); d.ID != 2 {
		t.Errorf("got row %d, which would be sent twice; want 2", d.ID)
	}
	q.put(message.Delivery{ID: 2, DueAt: now}, now)
	if _, ok := q.take(anyClass, true); ok {
		t.Error("a row in flight was queued again")
	}
}

func TestQueueTakesNothingOfARefillThatItWasDroppedUnder(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	q := newQueue()
	c := q.classes[message.PriorityMessage]
	c.beginRefill()
	q.drop(now)
	q.endRefill(c, []message.Delivery{{ID: 1, DueAt: now}}, now)
	if _, ok := q.take(anyClass, true); ok {
		t.Error("holds a row that was read before the drop")
	}
	if len(q.wantsRefill(now)) != len(q.classes) {
		t.Error("does not ask the store again")
	}
}

func TestQueueLeavesNewRowsToTheStoreWhileItHoldsOlderOnes(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	q := newQueue()
	c := q.classes[message.PriorityMessage]
	c.askAt(now)
	q.submit(message.Delivery{ID: 2, DueAt: now}, now)
	if _, ok := q.take(anyClass, true); ok {
		t.Error("a new row overtakes those that wait in the store")
	}
	q.submit(message.Delivery{ID: 9, DueAt: now, Priority: message.PriorityBulk}, now)
	if d, _ := q.take(anyClass, true); d.ID != 9 {
		t.Error("a row waits for those of another class")
	}
	c.beginRefill()
	q.endRefill(c, []message.Delivery{{ID: 1, DueAt: now}, {ID: 2, DueAt: now}}, now)
	q.submit(message.Delivery{ID: 3, DueAt: now}, now)
	if diff := cmp.Diff([]int64{1, 2, 3}, takeAll(q)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestQueueDoesNotTakeARowThatARefillTookBefore(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	for _, p := range message.Priorities() {
		q := newQueue()
		c := q.classes[p]
		row := message.Delivery{ID: 1, Priority: p, DueAt: now}
		c.beginRefill()
		q.endRefill(c, []message.Delivery{row}, now) // committed, not yet submitted
		q.take(anyClass, true)
		q.forget(row) // sent and settled
		q.submit(row, now)
		if _, ok := q.take(anyClass, true); ok || len(q.wantsRefill(now)) != 1 {
			t.Errorf("class %d: sent twice: %v, refill wanted: %v", p, ok, q.wantsRefill(now))
		}
	}
}

func TestCallsKeepPlaces(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ places, messages, bulk int }{{16, 14, 8}, {8, 7, 4}, {3, 3, 1}, {2, 2, 1}, {1, 1, 1}} {
		fill := func(f *flying, p message.Priority) (n int) {
			for f.room(p, tt.places) {
				f.add(p, 1)
				n++
			}
			return n
		}
		var f flying
		bulk := fill(&f, message.PriorityBulk)
		messages := fill(&f, message.PriorityMessage)
		calls := fill(&f, message.PriorityCall)
		if bulk != tt.bulk || bulk+messages != tt.messages || f.total != tt.places {
			t.Errorf("%d places: %d bulk, %d messages, %d calls", tt.places, bulk, messages, calls)
		}
	}
}
