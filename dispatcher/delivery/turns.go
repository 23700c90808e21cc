package delivery

import (
	"container/heap"

	"github.com/offlinepush/operator/dispatcher/message"
)

// turns is a heap of the rows of one class, in the order of their turns: those first that expire first, and then
// the older ones. Of calls the one that rings the longest still is the first, as the store gives them.
type turns struct {
	calls bool
	rows  []*message.Delivery
}

func (t *turns) len() int { return len(t.rows) }

// before reports whether the first of these comes before the first of the others; both have one.
func (t *turns) before(o *turns) bool { return earlierTurn(t.rows[0], o.rows[0], t.calls) }

func (t *turns) push(d message.Delivery) { heap.Push((*ordered)(t), &d) }

func (t *turns) pop() message.Delivery { return *heap.Pop((*ordered)(t)).(*message.Delivery) }

// popLast removes one of those whose turn comes late.
func (t *turns) popLast() message.Delivery {
	return *heap.Remove((*ordered)(t), len(t.rows)-1).(*message.Delivery)
}

// ordered is what a heap needs of turns.
type ordered turns

func (o *ordered) Len() int { return len(o.rows) }

func (o *ordered) Less(i, j int) bool { return earlierTurn(o.rows[i], o.rows[j], o.calls) }

func earlierTurn(a, b *message.Delivery, calls bool) bool {
	if calls {
		a, b = b, a
	}
	if !a.ExpiresAt.Equal(b.ExpiresAt) {
		return a.ExpiresAt.Before(b.ExpiresAt)
	}
	return a.ID < b.ID
}

func (o *ordered) Swap(i, j int) { o.rows[i], o.rows[j] = o.rows[j], o.rows[i] }

func (o *ordered) Push(x any) { o.rows = append(o.rows, x.(*message.Delivery)) }

func (o *ordered) Pop() any {
	last := len(o.rows) - 1
	d := o.rows[last]
	o.rows[last] = nil
	o.rows = o.rows[:last]
	return d
}
