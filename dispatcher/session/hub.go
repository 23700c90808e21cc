// Package session holds the WebSocket sessions of devices: login, the inbox by
// its sequence, acknowledgements and presence. A session reads the store at the
// pace of its phone; a new message only moves the mark up to which it reads.
package session

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// notifyAllWithin is the time in which all sessions look at their inboxes.
const notifyAllWithin = 3 * time.Second

// Hub knows every session of this process. It is safe for concurrent use.
type Hub struct {
	open prometheus.Gauge
	max  int

	mu       sync.Mutex
	guests   map[*guest]struct{} // every connection, logged in or not
	byDevice map[int64]*session
	byUser   map[string]map[*session]struct{}
	draining bool

	served sync.WaitGroup // one for every guest
	logins atomic.Int64   // their number so far
}

// guest is a connection. Until its login nothing but its cancel function can end it.
type guest struct {
	cancel context.CancelFunc
	in     bool
}

// NewHub makes a Hub for up to limit connections that keeps the gauge at the number of sessions.
func NewHub(limit int, open prometheus.Gauge) *Hub {
	return &Hub{
		open: open, max: limit, guests: map[*guest]struct{}{},
		byDevice: map[int64]*session{}, byUser: map[string]map[*session]struct{}{},
	}
}

// Notify hints that users' inboxes have entries up to a sequence.
func (h *Hub) Notify(upTo map[string]int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for userID, seq := range upTo {
		for s := range h.byUser[userID] {
			s.inbox.hint(seq)
		}
	}
}

// NotifyAll makes every session look at its inbox, spread over some seconds so
// that the store does not meet them all at once.
func (h *Hub) NotifyAll() {
	for _, s := range h.all() {
		time.AfterFunc(rand.N(notifyAllWithin), s.inbox.look) //nolint:gosec // it spreads load and keeps no secret
	}
}

// Kick ends the devices' sessions that logged in before the changes, and
// returns once they send nothing more.
func (h *Hub) Kick(changes []store.EpochChange, reason string) {
	var ends sync.WaitGroup
	defer ends.Wait()
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range changes {
		if s := h.byDevice[c.Device]; s != nil && s.epoch < c.Epoch {
			ends.Go(func() { s.end(reason) })
		}
	}
}

// Replace ends the device's session, whose place was taken at another
// dispatcher, unless it logged in after that number.
func (h *Hub) Replace(device, number int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if s := h.byDevice[device]; s != nil && s.login <= number {
		s.stop(wire.KickedReplaced)
	}
}

// all are the sessions at this moment.
func (h *Hub) all() []*session {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Collect(maps.Values(h.byDevice))
}

func (h *Hub) holds(s *session) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.byDevice[s.device] == s
}

func (h *Hub) closing() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.draining
}

// Close refuses new sessions, tells all to end, and waits until their
// connections are closed; when ctx ends it cuts them off.
func (h *Hub) Close(ctx context.Context) error {
	h.drain()
	done := make(chan struct{})
	go func() {
		defer close(done)
		h.served.Wait()
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		h.cutOff(func(*guest) bool { return true })
		<-done
		return fmt.Errorf("closing the sessions: %w", ctx.Err())
	}
}

func (h *Hub) drain() {
	h.mu.Lock()
	h.draining = true
	for _, s := range h.byDevice {
		s.stop(wire.KickedDraining)
	}
	h.mu.Unlock()
	h.cutOff(func(g *guest) bool { return !g.in })
}

func (h *Hub) cutOff(which func(*guest) bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for g := range h.guests {
		if which(g) {
			g.cancel()
		}
	}
}

// enter lets a connection in; nil means that there are too many or that the hub is closed.
func (h *Hub) enter(cancel context.CancelFunc) *guest {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.draining || len(h.guests) >= h.max {
		return nil
	}
	g := &guest{cancel: cancel}
	h.guests[g] = struct{}{}
	h.served.Add(1)
	return g
}

func (h *Hub) leave(g *guest) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.guests, g)
	h.served.Done()
}

// add makes the session the one of its device, and ends the one that was. It
// refuses a session that a later login has overtaken, and all while the hub is closing.
func (h *Hub) add(g *guest, s *session) error {
	former, err := h.put(g, s)
	if err == nil && former != nil {
		former.end(wire.KickedReplaced)
	}
	return err
}

func (h *Hub) put(g *guest, s *session) (former *session, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	former = h.byDevice[s.device]
	switch {
	case h.draining:
		return nil, errDraining
	case former != nil && former.laterThan(s):
		return nil, errOvertaken
	}
	g.in = true
	h.byDevice[s.device] = s
	if h.byUser[s.userID] == nil {
		h.byUser[s.userID] = map[*session]struct{}{}
	}
	h.byUser[s.userID][s] = struct{}{}
	h.open.Inc()
	return former, nil
}

func (h *Hub) remove(s *session) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.byDevice[s.device] == s {
		delete(h.byDevice, s.device)
	}
	delete(h.byUser[s.userID], s)
	if len(h.byUser[s.userID]) == 0 {
		delete(h.byUser, s.userID)
	}
	h.open.Dec()
}
