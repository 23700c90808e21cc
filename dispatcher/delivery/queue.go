package delivery

import (
	"time"

	"github.com/offlinepush/operator/dispatcher/message"
)

// queueBytes bounds the memory of one channel row's queue; what does not fit
// stays in the store and is read when there is room.
const queueBytes = 8 << 20

// queue holds deliveries that are due, in their order. It remembers which rows
// are in memory, waiting or in flight, so that a refill skips them.
type queue struct {
	ready []message.Delivery
	bytes int
	known map[int64]struct{}
	// nextDue is when the store has to be asked again; zero means not before something is put.
	nextDue time.Time
	// forgotten collects what was forgotten during a refill, whose rows were read before.
	forgotten map[int64]struct{}
	// newest is the highest id that a refill gave.
	newest int64
}

func newQueue() *queue { return &queue{known: map[int64]struct{}{}} }

// submit is put for a row that was just stored. The row is left to a refill
// while the store holds older ones that are due, which go first, and when a
// refill may have had it before: then it is in memory or settled already.
func (q *queue) submit(d message.Delivery, now time.Time) {
	older := !q.nextDue.IsZero() && !q.nextDue.After(now)
	if older || d.ID <= q.newest {
		q.askAt(d.DueAt)
		return
	}
	q.put(d, now)
}

// put adds a delivery if it is due and fits, and otherwise remembers to ask the store.
func (q *queue) put(d message.Delivery, now time.Time) {
	if _, ok := q.known[d.ID]; ok {
		return
	}
	if d.DueAt.After(now) || q.bytes+sizeOf(d) > queueBytes {
		q.askAt(d.DueAt)
		return
	}
	q.known[d.ID] = struct{}{}
	q.bytes += sizeOf(d)
	q.ready = append(q.ready, d)
}

// take removes the first delivery; it stays known until forget.
func (q *queue) take() (message.Delivery, bool) {
	if len(q.ready) == 0 {
		return message.Delivery{}, false
	}
	d := q.ready[0]
	q.ready = q.ready[1:]
	q.bytes -= sizeOf(d)
	return d, true
}

func (q *queue) forget(id int64) {
	delete(q.known, id)
	if q.forgotten != nil {
		q.forgotten[id] = struct{}{}
	}
}

// drop leaves what waits in memory, and what a refill is about to bring, to the store.
func (q *queue) drop(now time.Time) {
	for _, d := range q.ready {
		delete(q.known, d.ID)
	}
	q.ready, q.bytes = nil, 0
	q.forgotten = nil
	q.askAt(now)
}

// beginRefill is called before the store is asked for due rows.
func (q *queue) beginRefill() {
	q.nextDue = time.Time{}
	q.forgotten = map[int64]struct{}{}
}

// endRefill puts the rows that the store had, but for those that ended
// meanwhile. After a drop it puts none.
func (q *queue) endRefill(rows []message.Delivery, now time.Time) {
	if q.forgotten == nil {
		return
	}
	for _, d := range rows {
		q.newest = max(q.newest, d.ID)
		if _, gone := q.forgotten[d.ID]; !gone {
			q.put(d, now)
		}
	}
	q.forgotten = nil
}

// askAt moves the time of the next refill forward, never back.
func (q *queue) askAt(t time.Time) {
	if q.nextDue.IsZero() || t.Before(q.nextDue) {
		q.nextDue = t
	}
}

// wantsRefill reports whether the store may hold due rows that are not here.
func (q *queue) wantsRefill(now time.Time) bool {
	return len(q.ready) == 0 && !q.nextDue.IsZero() && !q.nextDue.After(now)
}

// sizeOf estimates the memory of a delivery in bytes.
func sizeOf(d message.Delivery) int { return 160 + 24*len(d.Targets) }
