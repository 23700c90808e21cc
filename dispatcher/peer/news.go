package peer

import (
	"maps"
	"slices"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
)

// What may wait for one dispatcher. Beyond it, hints become one hint for all
// users, rows keep the time that the store has, and a replaced session ends
// when its phone falls silent.
const (
	maxHints    = 10_000
	maxReplaced = 50_000
	maxTargets  = 20_000
)

// news is what another dispatcher has to be told.
type news struct {
	upTo map[string]int64 // by user
	all  bool
	// replaced are the numbers of sessions, by device.
	replaced map[int64]int64
}

func (n *news) empty() bool { return len(n.upTo) == 0 && !n.all && len(n.replaced) == 0 }

// hint adds a user's sequence.
func (n *news) hint(userID string, seq int64) {
	if n.all {
		return
	}
	if n.upTo == nil {
		n.upTo = map[string]int64{}
	}
	n.upTo[userID] = max(n.upTo[userID], seq)
	if len(n.upTo) > maxHints {
		n.hintAll()
	}
}

func (n *news) hintAll() { n.all, n.upTo = true, nil }

// replace adds a replaced session; of several of one device the latest counts.
func (n *news) replace(device, number int64) {
	if n.replaced == nil {
		n.replaced = map[int64]int64{}
	}
	if _, known := n.replaced[device]; known || len(n.replaced) < maxReplaced {
		n.replaced[device] = max(n.replaced[device], number)
	}
}

// add takes over other news.
func (n *news) add(other news) {
	if other.all {
		n.hintAll()
	}
	for userID, seq := range other.upTo {
		n.hint(userID, seq)
	}
	for device, number := range other.replaced {
		n.replace(device, number)
	}
}

// requests is the news as requests of bounded size.
func (n *news) requests() (out []call) {
	for part := range slices.Chunk(slices.Sorted(maps.Keys(n.upTo)), maxItems) {
		in := &hintsRequest{}
		for _, userID := range part {
			in.Hints = append(in.Hints, hint{UserID: userID, UpTo: n.upTo[userID]})
		}
		out = append(out, call{hintsPath, in})
	}
	if n.all {
		out = append(out, call{hintsPath, &hintsRequest{All: true}})
	}
	for part := range slices.Chunk(slices.Sorted(maps.Keys(n.replaced)), maxItems) {
		in := &replacedRequest{}
		for _, device := range part {
			in.Sessions = append(in.Sessions, replaced{Device: device, Number: n.replaced[device]})
		}
		out = append(out, call{replacedPath, in})
	}
	return out
}

// forget leaves what such a request did not tell.
func (n *news) forget(told call) {
	switch in := told.in.(type) {
	case *hintsRequest:
		n.all = n.all && !in.All
		for _, h := range in.Hints {
			delete(n.upTo, h.UserID)
		}
	case *replacedRequest:
		for _, s := range in.Sessions {
			delete(n.replaced, s.Device)
		}
	}
}

// call is a request with its path.
type call struct {
	path string
	in   request
}

// Notice is what an acceptance tells the other dispatchers.
type Notice struct {
	// UpTo are the users' newest sequences.
	UpTo map[string]int64
	// Incarnation is the lease under which the rows were stored.
	Incarnation int64
	// Waiting are the rows that wait for an acknowledgement, by the incarnation that holds the sessions.
	Waiting map[int64][]message.Delivery
}

// rows wait for an acknowledgement at another dispatcher. They were stored
// under this process's leases, by which they are sorted.
type rows struct {
	stored  map[int64][]message.Delivery
	targets int
}

func (r *rows) add(incarnation int64, list []message.Delivery) {
	for _, d := range list {
		if r.targets+len(d.Targets) > maxTargets {
			return
		}
		if r.stored == nil {
			r.stored = map[int64][]message.Delivery{}
		}
		r.targets += len(d.Targets)
		r.stored[incarnation] = append(r.stored[incarnation], d)
	}
}

func (r *rows) addAll(other rows) {
	for incarnation, list := range other.stored {
		r.add(incarnation, list)
	}
}

// intake is news that is not sorted by dispatcher yet, but for what names one.
type intake struct {
	news
	rows     map[int64]*rows // by holder
	replaced map[int64]*news // by incarnation
}

func (in *intake) empty() bool { return in.news.empty() && len(in.rows) == 0 && len(in.replaced) == 0 }

// notify adds a notice, but for what waits in this process itself.
func (in *intake) notify(n Notice) {
	for userID, seq := range n.UpTo {
		in.hint(userID, seq)
	}
	for holder, list := range n.Waiting {
		if holder != n.Incarnation {
			in.waiting(holder).add(n.Incarnation, list)
		}
	}
}

// waiting are the rows that wait at the holder.
func (in *intake) waiting(holder int64) *rows {
	if in.rows == nil {
		in.rows = map[int64]*rows{}
	}
	if in.rows[holder] == nil {
		in.rows[holder] = &rows{}
	}
	return in.rows[holder]
}

func (in *intake) replace(former store.Place, device int64) {
	if in.replaced == nil {
		in.replaced = map[int64]*news{}
	}
	if in.replaced[former.Incarnation] == nil {
		in.replaced[former.Incarnation] = &news{}
	}
	in.replaced[former.Incarnation].replace(device, former.Number)
}

// add takes over another intake.
func (in *intake) add(other intake) {
	in.news.add(other.news)
	for holder, r := range other.rows {
		in.waiting(holder).addAll(*r)
	}
	for incarnation, n := range other.replaced {
		for device, number := range n.replaced {
			in.replace(store.Place{Incarnation: incarnation, Number: number}, device)
		}
	}
}

// places sorts the intake by dispatcher: the news of everyone who holds a
// session of the users, or with all of everyone live.
func (in *intake) places(holders map[string][]int64, live []store.Peer) map[int64]*news {
	out := map[int64]*news{}
	at := func(incarnation int64) *news {
		if out[incarnation] == nil {
			out[incarnation] = &news{}
		}
		return out[incarnation]
	}
	for userID, incarnations := range holders {
		for _, i := range incarnations {
			at(i).hint(userID, in.upTo[userID])
		}
	}
	if in.all {
		for _, p := range live {
			at(p.Incarnation).hintAll()
		}
	}
	for incarnation, n := range in.replaced {
		at(incarnation).add(*n)
	}
	return out
}
