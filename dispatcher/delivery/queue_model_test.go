package delivery

import (
	"cmp"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/offlinepush/operator/dispatcher/message"
)

// stored is a queue with the store behind it: rows are committed, then submitted in any order, read, taken and settled.
type stored struct {
	*rapid.T
	queue  *queue
	now    time.Time
	last   int64
	rows   map[int64]message.Delivery
	unsaid []message.Delivery // committed and not yet submitted
	flight map[int64]message.Delivery
	ended  map[int64]bool
	// reading are the rows of an open refill.
	reading map[message.Priority][]message.Delivery
}

func (s *stored) commit() {
	p := rapid.SampledFrom(message.Priorities()).Draw(s.T, "class")
	for range rapid.SampledFrom([]int{1, 3, 100}).Draw(s.T, "rows") {
		s.last++
		d := large(s.last, p, s.now)
		d.Attempt = rapid.IntRange(0, 1).Draw(s.T, "attempt")
		d.ExpiresAt = s.now.Add(time.Duration(rapid.IntRange(1, 3).Draw(s.T, "hours")) * time.Hour)
		s.rows[d.ID] = d
		s.unsaid = append(s.unsaid, d)
	}
}

func (s *stored) submit() {
	for n := min(len(s.unsaid), rapid.SampledFrom([]int{1, 2, 100}).Draw(s.T, "submitted")); n > 0; n-- {
		i := rapid.IntRange(0, len(s.unsaid)-1).Draw(s.T, "row")
		s.queue.submit(s.unsaid[i], s.now)
		s.unsaid = slices.Delete(s.unsaid, i, i+1)
	}
}

// beginRefill reads a page of every class that lacks rows, as the store gives them.
func (s *stored) beginRefill() {
	for _, c := range s.queue.wantsRefill(s.now) {
		if _, open := s.reading[c.priority]; open {
			continue
		}
		limit := c.beginRefill() + 50
		rows := slices.DeleteFunc(slices.Collect(maps.Values(s.rows)), func(d message.Delivery) bool { return d.Priority != c.priority })
		slices.SortFunc(rows, func(a, b message.Delivery) int {
			return cmp.Or(a.ExpiresAt.Compare(b.ExpiresAt), cmp.Compare(a.ID, b.ID))
		})
		if c.priority == message.PriorityCall {
			slices.Reverse(rows)
		}
		s.reading[c.priority] = rows[:min(len(rows), limit)]
		if len(rows) > limit {
			c.askAt(s.now)
		}
	}
}

func (s *stored) endRefill() {
	for p, rows := range s.reading {
		s.queue.endRefill(s.queue.classes[p], rows, s.now)
		delete(s.reading, p)
	}
}

func (s *stored) take() {
	for range rapid.SampledFrom([]int{1, 30}).Draw(s.T, "taken") {
		d, ok := s.queue.take(anyClass, true)
		if !ok {
			return
		}
		if _, twice := s.flight[d.ID]; twice || s.ended[d.ID] {
			s.Fatalf("row %d is taken again", d.ID)
		}
		for _, w := range slices.Concat(s.queue.classes[d.Priority].fresh.rows, s.queue.classes[d.Priority].again.rows) {
			early := w.ExpiresAt.Before(d.ExpiresAt)
			if d.Priority == message.PriorityCall {
				early = w.ExpiresAt.After(d.ExpiresAt)
			}
			if early {
				s.Fatalf("row %d is taken before row %d", d.ID, w.ID)
			}
		}
		s.flight[d.ID] = d
	}
}

// settle ends what is in flight; some of it is left as it was, as after trouble of the store.
func (s *stored) settle() {
	for _, id := range slices.Sorted(maps.Keys(s.flight)) {
		d := s.flight[id]
		if rapid.Bool().Draw(s.T, "waits") {
			continue
		}
		delete(s.flight, id)
		s.queue.forget(d)
		if rapid.IntRange(0, 9).Draw(s.T, "fails") == 0 {
			s.queue.classes[d.Priority].askAt(s.now)
			continue
		}
		delete(s.rows, id)
		s.ended[id] = true
	}
}

func (s *stored) drop() { s.queue.drop(s.now) }

func (s *stored) check() {
	bytes := 0
	for p, c := range s.queue.classes {
		for _, d := range slices.Concat(c.fresh.rows, c.again.rows) {
			bytes += sizeOf(*d)
		}
		if share := map[message.Priority]int{message.PriorityMessage: messageBytes, message.PriorityBulk: bulkBytes}[p]; share > 0 && c.bytes > share {
			s.Fatalf("class %d has %d bytes", p, c.bytes)
		}
	}
	if bytes != s.queue.bytes || bytes > queueBytes {
		s.Fatalf("%d bytes are waiting, counted as %d", bytes, s.queue.bytes)
	}
}

// TestNothingIsLostBetweenMemoryAndStore tries random histories: no row is taken twice, memory keeps its bound, turns
// keep their order, and in the end every row has had its turn.
func TestNothingIsLostBetweenMemoryAndStore(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := &stored{
			T: t, queue: newQueue(), now: time.Unix(1000, 0), rows: map[int64]message.Delivery{}, flight: map[int64]message.Delivery{},
			ended: map[int64]bool{}, reading: map[message.Priority][]message.Delivery{},
		}
		step := func(f func()) func(*rapid.T) {
			return func(t *rapid.T) {
				s.T = t
				f()
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"commit": step(s.commit), "submit": step(s.submit), "begin a refill": step(s.beginRefill), "end a refill": step(s.endRefill),
			"take": step(s.take), "settle": step(s.settle), "drop": step(s.drop), "": step(s.check),
		})
		s.T = t
		for range 10_000 {
			if len(s.rows) == 0 {
				return
			}
			for len(s.unsaid) > 0 {
				s.submit()
			}
			s.beginRefill()
			s.endRefill()
			s.take()
			s.settle()
		}
		t.Fatalf("%d rows never had their turn", len(s.rows))
	})
}
