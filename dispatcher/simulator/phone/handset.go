package phone

import (
	"context"
	"slices"
	"sync"
	"time"
)

const (
	// maxPending is how many pushes FCM keeps for an offline phone. One more discards all.
	maxPending = 100
	// maxArrivals is how many arrivals of a phone can be read.
	maxArrivals = 1000
)

// Handset is one phone with one app.
type Handset struct {
	id, vendor, app string

	mu       sync.Mutex
	names    Names
	state    State
	pending  []waiting
	arrivals []Arrival
	last     int64
	// wiped is the last arrival of a former installation.
	wiped int64
	// shown and seen hold the newest arrival of each ReplaceID and the first of each DedupID.
	shown, seen map[string]int64
	// changed is closed and replaced when a push arrives.
	changed chan struct{}
}

type waiting struct {
	push     Push
	sentAt   time.Time
	deadline time.Time
}

func newHandset(vendor, app, id string, names Names) *Handset {
	return &Handset{
		id: id, vendor: vendor, app: app, names: names,
		state: State{Installed: true, Online: true, PushEnabled: true},
		shown: map[string]int64{}, seen: map[string]int64{}, changed: make(chan struct{}),
	}
}

// App is the project or package that the phone's app belongs to.
func (h *Handset) App() string { return h.app }

// Deliver takes a push to the phone, or keeps it while the phone is offline.
func (h *Handset) Deliver(p Push) {
	now := time.Now()
	h.mu.Lock()
	if !h.state.Online {
		h.keep(waiting{push: p, sentAt: now, deadline: now.Add(p.TTL)})
		h.mu.Unlock()
		return
	}
	event := h.arrive(p, now, now)
	h.mu.Unlock()
	p.tell(event)
}

func (h *Handset) keep(w waiting) {
	if w.push.TTL <= 0 {
		return
	}
	h.pending = slices.DeleteFunc(h.pending, func(old waiting) bool {
		return !w.sentAt.Before(old.deadline) || (w.push.CollapseKey != "" && old.push.CollapseKey == w.push.CollapseKey)
	})
	if len(h.pending) == maxPending {
		h.pending = nil
		return
	}
	h.pending = append(h.pending, w)
}

// arrive shows the push. The caller holds the lock and tells the event after it.
func (h *Handset) arrive(p Push, sentAt, now time.Time) Event {
	if p.Kind == Notification && !h.state.PushEnabled {
		return Disabled
	}
	h.last++
	a := Arrival{Seq: h.last, Content: p.Content, SentAt: sentAt, ArrivedAt: now, report: p.Report}
	if first, ok := h.seen[p.DedupID]; ok && p.DedupID != "" {
		a.DuplicateOf = first
	} else {
		h.place(&a)
	}
	if len(h.arrivals) == maxArrivals {
		h.forget(h.arrivals[0])
		h.arrivals = slices.Delete(h.arrivals, 0, 1)
	}
	h.arrivals = append(h.arrivals, a)
	close(h.changed)
	h.changed = make(chan struct{})
	return Delivered
}

func (h *Handset) place(a *Arrival) {
	if a.DedupID != "" {
		h.seen[a.DedupID] = a.Seq
	}
	if a.Kind == Notification && a.ReplaceID != "" {
		a.Replaces = h.shown[a.ReplaceID]
		h.shown[a.ReplaceID] = a.Seq
	}
}

func (h *Handset) forget(a Arrival) {
	if h.seen[a.DedupID] == a.Seq {
		delete(h.seen, a.DedupID)
	}
	if h.shown[a.ReplaceID] == a.Seq {
		delete(h.shown, a.ReplaceID)
	}
}

// Arrivals returns the pushes that arrived after the given one.
func (h *Handset) Arrivals(after int64) []Arrival {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.after(after)
}

func (h *Handset) after(seq int64) []Arrival {
	i, _ := slices.BinarySearchFunc(h.arrivals, seq+1, func(a Arrival, s int64) int { return int(a.Seq - s) })
	return slices.Clone(h.arrivals[i:])
}

// Wait is Arrivals, but waits for one until the context ends.
func (h *Handset) Wait(ctx context.Context, after int64) []Arrival {
	for {
		h.mu.Lock()
		found, changed := h.after(after), h.changed
		h.mu.Unlock()
		if len(found) > 0 {
			return found
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil
		}
	}
}

// Click is the user's tap on a notification that is in the tray.
func (h *Handset) Click(seq int64) bool {
	h.mu.Lock()
	tray := h.tray()
	h.mu.Unlock()
	i := slices.IndexFunc(tray, func(a Arrival) bool { return a.Seq == seq })
	if i < 0 {
		return false
	}
	if report := tray[i].report; report != nil {
		report(Clicked)
	}
	return true
}

// tray is what the user sees: no duplicates, and the newest for each ReplaceID.
func (h *Handset) tray() []Arrival {
	seen := []Arrival{}
	for _, a := range h.arrivals {
		replaced := a.ReplaceID != "" && h.shown[a.ReplaceID] != a.Seq
		if a.Kind == Notification && a.Seq > h.wiped && a.DuplicateOf == 0 && !replaced {
			seen = append(seen, a)
		}
	}
	return seen
}

// wipe is an uninstallation or a new installation: nothing is left of the former one but the list of arrivals.
func (h *Handset) wipe(installed bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.state.Installed = installed
	h.pending, h.wiped = nil, h.last
	clear(h.shown)
	clear(h.seen)
}

// SetState applies the change, and lets waiting pushes in when the phone comes online.
func (h *Handset) SetState(c Change) {
	now := time.Now()
	h.mu.Lock()
	h.state.Online = or(c.Online, h.state.Online)
	h.state.PushEnabled = or(c.PushEnabled, h.state.PushEnabled)
	var told []func()
	if h.state.Online {
		for _, w := range h.pending {
			if now.Before(w.deadline) {
				event := h.arrive(w.push, w.sentAt, now)
				told = append(told, func() { w.push.tell(event) })
			}
		}
		h.pending = nil
	}
	h.mu.Unlock()
	for _, tell := range told {
		tell()
	}
}

func or(v *bool, otherwise bool) bool {
	if v == nil {
		return otherwise
	}
	return *v
}
