package delivery

import "github.com/offlinepush/operator/dispatcher/message"

// flying counts the attempts of a lane that are open.
type flying struct{ total, bulk int }

func (f *flying) add(p message.Priority, n int) {
	f.total += n
	if p == message.PriorityBulk {
		f.bulk += n
	}
}

// room reports whether one more of a class may be open where there are so many places: an eighth of them is for calls,
// and no more than half for bulk rows, whose many phones take long.
func (f *flying) room(p message.Priority, places int) bool {
	rest := max(1, places-places/8)
	switch p {
	case message.PriorityBulk:
		return f.total < rest && f.bulk < max(1, places/2)
	case message.PriorityMessage:
		return f.total < rest
	case message.PriorityCall:
	}
	return f.total < places
}
