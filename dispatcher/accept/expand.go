package accept

import (
	"context"
	"slices"
	"time"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/peer"
	"github.com/offlinepush/operator/dispatcher/router"
	"github.com/offlinepush/operator/dispatcher/store"
)

// roomForMany is what messages for many may use of a backlog's cap; the rest is for those that name their receivers.
func roomForMany(maxBacklog int64) int64 { return max(maxBacklog*4/5, 1) }

// roomFor is what a message that names its receivers may use of a backlog's cap. Calls have a small reserve beyond it,
// because they are over soon whatever becomes of them.
func roomFor(m message.Message, maxBacklog int64) int64 {
	if priorityOf(m) == message.PriorityCall {
		return maxBacklog + maxBacklog/20
	}
	return maxBacklog
}

// Begun gets a token whenever a message for many was stored here.
func (a *Acceptor) Begun() <-chan struct{} { return a.begun }

// begin tells whoever expands messages.
func (a *Acceptor) begin() {
	select {
	case a.begun <- struct{}{}:
	default: // It is told already and has not looked yet.
	}
}

// Chunk is a part of the receivers of a message for many.
type Chunk struct {
	Message   message.Message
	Expansion store.Expansion
	// Users follow the expansion's cursor. Last means that there are no more.
	Users []store.User
	Last  bool
}

// Expand decides for a part of the receivers, stores the decisions and starts what they say, as Accept does for the
// receivers that a message names. With store.ErrMoved and store.ErrBacklogFull it has done nothing.
func (a *Acceptor) Expand(ctx context.Context, c Chunk) error {
	began := time.Now()
	doc, _ := a.deps.Live.Current()
	asks := make([]store.Ask, len(c.Users))
	for i, u := range c.Users {
		asks[i] = store.Ask{UserID: u.ID, In: c.Message.Conversation()}
	}
	p, err := a.planFor(ctx, doc.Document, asks)
	if err != nil {
		return err
	}
	notice := peer.Notice{Incarnation: a.deps.Deliverer.Incarnation(), UpTo: map[string]int64{}}
	chunk := p.chunk(c)
	result := a.deps.Store.Expand(ctx, chunk)
	if result.Err != nil {
		return result.Err
	}
	a.deps.Tracer.Expand(ctx, Stored(chunk, began, time.Now()))
	a.announce(p, notice, []store.AcceptResult{result})
	return nil
}

// chunk is what the store keeps of a part of the receivers.
func (p plan) chunk(c Chunk) store.AcceptRequest {
	step := &store.Step{
		From: c.Expansion.After, To: c.Expansion.After, Last: c.Last, Users: int64(len(c.Users)), Outside: map[string]int64{},
	}
	out := store.AcceptRequest{Message: c.Message, Step: step, MaxBacklog: roomForMany(int64(p.doc.Routing.MaxBacklog))}
	in := p.input(c.Message)
	for _, u := range c.Users {
		step.To = u.Key
		r, entry, ok := receiver(c.Expansion, Recipient(u.ID, p.recipients[u.ID], c.Message.Conversation()))
		if !ok {
			continue
		}
		if entry {
			out.Recipients = append(out.Recipients, u.ID)
		} else {
			step.Outside[u.ID] = u.Key
		}
		in.Recipients = append(in.Recipients, r)
	}
	if c.Expansion.Mode == store.OnlineOnly { // which nobody is pushed for
		return out
	}
	out.Deliveries, out.Suppressed = group(router.Decide(in), message.PriorityBulk)
	return out
}

// receiver says what a message for many is to a user: nothing, an inbox entry besides what is decided, or no entry.
func receiver(x store.Expansion, r router.Recipient) (_ router.Recipient, entry, ok bool) {
	if slices.Contains(x.Except, r.UserID) {
		return r, false, false
	}
	if x.Group != 0 {
		return r, true, true
	}
	r.Devices = slices.DeleteFunc(slices.Clone(r.Devices), func(d message.Device) bool { return d.Key > x.DevicesUpTo })
	online := slices.ContainsFunc(r.Devices, func(d message.Device) bool { return d.Session != 0 })
	switch x.Mode {
	case store.OnlineOnly:
		return r, true, online
	case store.Everyone:
		r.OnlineUntil = time.Time{}
		for i := range r.Devices {
			r.Devices[i].Session, r.Devices[i].GraceUntil = 0, time.Time{} // It is pushed at once, and has nothing to acknowledge.
		}
		return r, false, len(r.Devices) > 0
	case store.OnlineAndOffline:
	}
	return r, online, len(r.Devices) > 0
}
