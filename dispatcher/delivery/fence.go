package delivery

import (
	"context"
	"fmt"
	"sync"

	"github.com/offlinepush/operator/dispatcher/store"
)

// fence knows which devices have a vendor call open. A call enters before it
// reads the epochs; a change of epoch commits before it asks. So a call that
// a change does not find here has read, or will read, the new epoch.
type fence struct {
	mu   sync.Mutex
	open map[int64]map[*call]struct{} // by device key
}

// call is one vendor call from before its fence read until after its answer.
type call struct {
	fence   *fence
	devices []int64
	epochs  map[int64]int64 // what it read, by device; empty before
	done    chan struct{}
}

func newFence() *fence {
	return &fence{open: map[int64]map[*call]struct{}{}}
}

func (f *fence) enter(devices []int64) *call {
	c := &call{fence: f, devices: devices, done: make(chan struct{})}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, d := range devices {
		if f.open[d] == nil {
			f.open[d] = map[*call]struct{}{}
		}
		f.open[d][c] = struct{}{}
	}
	return c
}

// read notes the epochs that the call goes by, so that nobody waits for it who
// made no newer one.
func (c *call) read(states map[int64]store.FenceState) {
	epochs := make(map[int64]int64, len(states))
	for device, s := range states {
		epochs[device] = s.Epoch
	}
	c.fence.mu.Lock()
	defer c.fence.mu.Unlock()
	c.epochs = epochs
}

// before reports whether the call may go by an older epoch than that of the change.
func (c *call) before(ch store.EpochChange) bool {
	epoch, ok := c.epochs[ch.Device]
	return !ok || epoch < ch.Epoch
}

func (c *call) leave() {
	c.fence.mu.Lock()
	defer c.fence.mu.Unlock()
	for _, d := range c.devices {
		delete(c.fence.open[d], c)
		if len(c.fence.open[d]) == 0 {
			delete(c.fence.open, d)
		}
	}
	close(c.done)
}

// Quiesce returns once no vendor call is open that may have read an epoch older
// than the changes, which must be committed. A call lasts callTimeout at most.
func (f *fence) Quiesce(ctx context.Context, changes []store.EpochChange) error {
	for _, c := range f.callsFor(changes) {
		select {
		case <-c.done:
		case <-ctx.Done():
			return fmt.Errorf("waiting for open vendor calls: %w", ctx.Err())
		}
	}
	return nil
}

func (f *fence) callsFor(changes []store.EpochChange) []*call {
	f.mu.Lock()
	defer f.mu.Unlock()
	var calls []*call
	for _, ch := range changes {
		for c := range f.open[ch.Device] {
			if c.before(ch) {
				calls = append(calls, c)
			}
		}
	}
	return calls
}
