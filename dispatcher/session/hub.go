// Package session holds the WebSocket sessions of devices: login, the inbox by
// its sequence, acknowledgements and presence. A session reads the store at the
// pace of its phone; a new message only moves the mark up to which it reads.
package session

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/offlinepush/operator/dispatcher/wire"
)

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

// Connected gives those of the devices that have a session.
func (h *Hub) Connected(devices []int64) map[int64]bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := map[int64]bool{}
	for _, d := range devices {
		if h.byDevice[d] != nil {
			out[d] = true
		}
	}
	return out
}

// Online reports whether any device of the user has a session.
func (h *Hub) Online(userID string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.byUser[userID]) > 0
}

// Notify hints that the user's inbox has entries up to a sequence.
func (h *Hub) Notify(userID string, upTo int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for s := range h.byUser[userID] {
		s.inbox.hint(upTo)
	}
}

// Kick ends the device's session if it logged in before the epoch, and returns
// once it sends nothing more.
func (h *Hub) Kick(device, epoch int64, reason string) {
	h.mu.Lock()
	s := h.byDevice[device]
	h.mu.Unlock()
	if s != nil && s.epoch < epoch {
		s.end(reason)
	}
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
