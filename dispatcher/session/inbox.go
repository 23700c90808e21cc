package session

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// page is how many entries a session reads at once. It keeps no more of them than pageBytes and one, which
// is 32 KiB at most and its push, while its phone takes them at its own pace.
const (
	page      = 32
	pageBytes = 64 << 10
)

// reader is a session's way through the inbox of its user.
type reader struct {
	store  Store
	userID string
	// sent is the last sequence on its way to the device; the pump alone moves it.
	sent atomic.Int64
	// gapAt is where a gap was told last, so that it is told once.
	gapAt int64
	// limit is how many entries may fit, by those that did last.
	limit int
	upTo  atomic.Int64
	// again means to read whatever the mark says.
	again atomic.Bool
	wake  chan struct{}
}

func newReader(store Store, userID string, after int64) *reader {
	r := &reader{store: store, userID: userID, gapAt: -1, limit: page, wake: make(chan struct{}, 1)}
	r.sent.Store(after)
	return r
}

// hint moves the mark and wakes the pump; it never blocks.
func (r *reader) hint(upTo int64) {
	for {
		old := r.upTo.Load()
		if upTo <= old || r.upTo.CompareAndSwap(old, upTo) {
			break
		}
	}
	r.poke()
}

// look wakes the pump to read whatever the mark says; it never blocks.
func (r *reader) look() {
	r.again.Store(true)
	r.poke()
}

func (r *reader) poke() {
	select {
	case r.wake <- struct{}{}:
	default: // It is awake and has not looked at the mark yet.
	}
}

// behind reports whether there may be entries that are not sent.
func (r *reader) behind() bool { return r.again.Load() || r.upTo.Load() > r.sent.Load() }

// next reads the frames that follow. The entries end at a hole, so only none at
// all mean that there are no more.
func (r *reader) next(ctx context.Context) (frames []wire.ServerFrame, more bool, err error) {
	r.again.Store(false)
	after := r.sent.Load()
	entries, gap, err := r.store.Inbox(ctx, r.userID, after, r.limit)
	if err != nil {
		return nil, false, err
	}
	if gap && r.gapAt != after {
		r.gapAt = after
		frames = append(frames, wire.ServerFrame{Type: wire.FrameGap, Cursor: after})
	}
	for _, e := range r.fitting(entries) {
		over, err := r.over(ctx, e.Message)
		if err != nil {
			return frames, false, err
		}
		frames = append(frames, frameOf(e, over))
	}
	return frames, len(entries) > 0, nil
}

// fitting are the first entries, as many as fit.
func (r *reader) fitting(entries []message.InboxEntry) []message.InboxEntry {
	bytes := 0
	for i, e := range entries {
		bytes += len(e.Message.Body)
		if p := e.Message.Push; p != nil {
			bytes += len(p.Title) + len(p.Content) + len(p.Payload)
		}
		if bytes > pageBytes && i > 0 {
			r.limit = i
			return entries[:i]
		}
	}
	r.limit = min(2*r.limit, page)
	return entries
}

// over reports whether a message is an invitation to a call that does not ring for the user, or not any more: who logs
// in later is not called, nor are the caller's own devices. Other messages cost nothing.
func (r *reader) over(ctx context.Context, m message.Message) (bool, error) {
	event := m.Detail.Call
	if event == nil || event.Action != message.CallInvite {
		return false, nil
	}
	now := r.store.Now()
	if !slices.Contains(event.Members, r.userID) || now.UnixMilli() >= event.ExpiresAt {
		return true, nil
	}
	c, err := r.store.Call(ctx, event.CallID)
	if errors.Is(err, store.ErrNotFound) {
		return true, nil
	}
	return !c.Rings(r.userID, m.ID, now), err
}

func frameOf(e message.InboxEntry, over bool) wire.ServerFrame {
	m := wire.MessageOf(e)
	if over {
		m.Call.Over, m.Body, m.Push = true, "", nil
	}
	return wire.ServerFrame{Type: wire.FrameMessage, Message: &m}
}
