package delivery

import (
	"slices"
	"time"

	"github.com/offlinepush/operator/dispatcher/message"
)

// queueBytes bounds the memory of one channel row's queue; what does not fit
// stays in the store and is read when there is room. Calls may use all of it, and displace the others.
const (
	queueBytes   = 8 << 20
	messageBytes = queueBytes * 3 / 4
	bulkBytes    = queueBytes - messageBytes
)

// The turns that go to the lower classes first, so that they do not starve: every fourth is a message's, and every
// sixteenth is a bulk row's.
const (
	messageTurn = 4
	bulkTurn    = 16
)

// queue holds deliveries that are due, by their class and in its order. It remembers which rows
// are in memory, waiting or in flight, so that a refill skips them.
type queue struct {
	classes map[message.Priority]*class
	bytes   int
	turn    int
}

// class is the part of a queue that holds the rows of one class.
type class struct {
	priority message.Priority
	// fresh were not tried yet; again were.
	fresh, again turns
	bytes        int
	known        map[int64]struct{}
	// nextDue is when the store has to be asked again; zero means not before something is put.
	nextDue time.Time
	// forgotten collects what was forgotten during a refill, whose rows were read before.
	forgotten map[int64]struct{}
	// newest is the highest id that a refill gave.
	newest int64
	// looked is the last one of those that wait for the vendor's day and were given before they are due.
	looked message.Delivery
}

func newQueue() *queue {
	q := &queue{classes: map[message.Priority]*class{}}
	for _, p := range message.Priorities() {
		calls := p == message.PriorityCall
		q.classes[p] = &class{priority: p, fresh: turns{calls: calls}, again: turns{calls: calls}, known: map[int64]struct{}{}}
	}
	return q
}

// submit is put for a row that was just stored. The row is left to a refill
// while the store holds others of its class that are due, unless it is a call, and when a
// refill may have had it before: then it is in memory or settled already.
func (q *queue) submit(d message.Delivery, now time.Time) {
	c := q.classes[d.Priority]
	spills := c.wants(now) && d.Priority != message.PriorityCall
	if spills || d.ID <= c.newest {
		c.askAt(d.DueAt)
		return
	}
	q.put(d, now)
}

// put adds a delivery if it is due and fits, and otherwise remembers to ask the store.
func (q *queue) put(d message.Delivery, now time.Time) {
	c := q.classes[d.Priority]
	if _, ok := c.known[d.ID]; ok {
		return
	}
	if d.DueAt.After(now) || !q.makeRoom(d, now) {
		c.askAt(d.DueAt)
		return
	}
	c.known[d.ID] = struct{}{}
	c.bytes += sizeOf(d)
	q.bytes += sizeOf(d)
	c.rows(d).push(d)
}

// rows are those among which a delivery waits.
func (c *class) rows(d message.Delivery) *turns {
	if d.Attempt > 0 {
		return &c.again
	}
	return &c.fresh
}

// waiting counts the rows that wait in memory.
func (c *class) waiting() int { return c.fresh.len() + c.again.len() }

// popLast removes a row whose turn comes late, one that was tried rather than another.
func (c *class) popLast() message.Delivery {
	if c.again.len() > 0 {
		return c.again.popLast()
	}
	return c.fresh.popLast()
}

// next are the rows among which the next one is; nil when none may have its turn.
func (c *class) next(retries bool) *turns {
	switch {
	case c.again.len() == 0 || !retries:
		if c.fresh.len() == 0 {
			return nil
		}
		return &c.fresh
	case c.fresh.len() == 0 || c.again.before(&c.fresh):
		return &c.again
	}
	return &c.fresh
}

// makeRoom reports whether a delivery fits, for a call by leaving others to the store.
func (q *queue) makeRoom(d message.Delivery, now time.Time) bool {
	size := sizeOf(d)
	switch d.Priority {
	case message.PriorityBulk:
		return q.bytes+size <= queueBytes && q.classes[d.Priority].bytes+size <= bulkBytes
	case message.PriorityMessage:
		return q.bytes+size <= queueBytes && q.classes[d.Priority].bytes+size <= messageBytes
	case message.PriorityCall:
	}
	for _, p := range []message.Priority{message.PriorityBulk, message.PriorityMessage} {
		for c := q.classes[p]; q.bytes+size > queueBytes && c.waiting() > 0; {
			left := c.popLast()
			delete(c.known, left.ID)
			q.shrink(c, left)
			c.askAt(now)
		}
	}
	return q.bytes+size <= queueBytes
}

func (q *queue) shrink(c *class, d message.Delivery) {
	c.bytes -= sizeOf(d)
	q.bytes -= sizeOf(d)
}

// take removes the delivery whose turn it is among the classes that may have one; it stays known until forget. Calls
// may be repeated always, because they are over soon.
func (q *queue) take(may func(message.Priority) bool, retries bool) (message.Delivery, bool) {
	for _, p := range q.order() {
		c := q.classes[p]
		rows := c.next(retries || p == message.PriorityCall)
		if rows == nil || !may(p) {
			continue
		}
		q.turn++
		d := rows.pop()
		q.shrink(c, d)
		return d, true
	}
	return message.Delivery{}, false
}

// order is that of the classes at this turn.
func (q *queue) order() []message.Priority {
	switch n := q.turn + 1; {
	case n%bulkTurn == 0:
		return []message.Priority{message.PriorityBulk, message.PriorityMessage, message.PriorityCall}
	case n%messageTurn == 0:
		return []message.Priority{message.PriorityMessage, message.PriorityCall, message.PriorityBulk}
	}
	return message.Priorities()
}

func (q *queue) forget(d message.Delivery) {
	c := q.classes[d.Priority]
	delete(c.known, d.ID)
	if c.forgotten != nil {
		c.forgotten[d.ID] = struct{}{}
	}
}

// knows reports whether a row is in memory, waiting or in flight.
func (q *queue) knows(d message.Delivery) bool {
	_, ok := q.classes[d.Priority].known[d.ID]
	return ok
}

// waiting counts the rows that wait in memory.
func (q *queue) waiting() (n int) {
	for _, c := range q.classes {
		n += c.waiting()
	}
	return n
}

// drop leaves what waits in memory, and what a refill is about to bring, to the store.
func (q *queue) drop(now time.Time) {
	for _, c := range q.classes {
		for _, d := range slices.Concat(c.fresh.rows, c.again.rows) {
			delete(c.known, d.ID)
			q.shrink(c, *d)
		}
		c.fresh.rows, c.again.rows, c.forgotten, c.looked = nil, nil, nil, message.Delivery{}
		c.askAt(now)
	}
}

// beginRefill is called before the store is asked for due rows; it says how many there may be in memory already.
func (c *class) beginRefill() (known int) {
	c.nextDue = time.Time{}
	c.forgotten = map[int64]struct{}{}
	return len(c.known)
}

// endRefill puts the rows that the store had, but for those that ended
// meanwhile. After a drop it puts none.
func (q *queue) endRefill(c *class, rows []message.Delivery, now time.Time) {
	if c.forgotten == nil {
		return
	}
	for _, d := range rows {
		c.newest = max(c.newest, d.ID)
		if _, gone := c.forgotten[d.ID]; !gone {
			q.put(d, now)
		}
	}
	c.forgotten = nil
}

// askAt moves the time of the next refill of every class forward, never back.
func (q *queue) askAt(t time.Time) {
	for _, c := range q.classes {
		c.askAt(t)
	}
}

func (c *class) askAt(t time.Time) {
	if c.nextDue.IsZero() || t.Before(c.nextDue) {
		c.nextDue = t
	}
}

// wants reports whether the store may hold due rows that are not here.
func (c *class) wants(now time.Time) bool { return !c.nextDue.IsZero() && !c.nextDue.After(now) }

// wantsRefill gives the classes of which nothing is here and the store may hold due rows.
func (q *queue) wantsRefill(now time.Time) (out []*class) {
	for _, p := range message.Priorities() {
		if c := q.classes[p]; c.waiting() == 0 && c.wants(now) {
			out = append(out, c)
		}
	}
	return out
}

// nextDue is when the store has to be asked again for a class of which nothing is here; zero means not before
// something is put.
func (q *queue) nextDue() (next time.Time) {
	for _, c := range q.classes {
		if c.waiting() == 0 && !c.nextDue.IsZero() && (next.IsZero() || c.nextDue.Before(next)) {
			next = c.nextDue
		}
	}
	return next
}

// sizeOf estimates the memory of a delivery in bytes.
func sizeOf(d message.Delivery) int { return 320 + 32*len(d.Targets) }
