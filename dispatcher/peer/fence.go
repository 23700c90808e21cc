package peer

import (
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/offlinepush/operator/dispatcher/store"
)

// The pace of asking a dispatcher that does not answer: between two questions
// the store is asked whether its lease lives.
const (
	fenceTimeout = time.Second
	fencePause   = 50 * time.Millisecond
	maxPause     = 500 * time.Millisecond
)

// Fence returns once no other dispatcher sends to the former users of the
// committed changes any more: each has answered so, or its lease has run out.
// For the devices' sessions the reason is why they end.
func (p *Peers) Fence(ctx context.Context, changes []store.EpochChange, reason string) error {
	var live []store.Peer
	err := retry(ctx, func() (err error) {
		live, err = p.roster.live(ctx) // after the commit, or a dispatcher that has read the old epoch may be missed
		return err
	})
	if err != nil {
		return fmt.Errorf("fencing the other dispatchers: %w", err)
	}
	var group errgroup.Group
	for _, peer := range live {
		for part := range slices.Chunk(changes, maxItems) {
			group.Go(func() error { return p.fenceOne(ctx, peer, fenceOf(part, reason)) })
		}
	}
	return group.Wait()
}

func (p *Peers) fenceOne(ctx context.Context, peer store.Peer, in *fenceRequest) error {
	var warned bool
	err := retry(ctx, func() error {
		asking, cancel := context.WithTimeout(ctx, fenceTimeout)
		defer cancel()
		err := p.client.ask(asking, peer, fencePath, in)
		if err == nil {
			return nil
		}
		if !warned {
			warned = true
			p.deps.Log.Info("a dispatcher holds up a change of bindings", "pod", peer.Pod, "incarnation", peer.Incarnation, "error", err)
		}
		if lives, unknown := p.roster.lives(ctx, peer.Incarnation); lives || unknown != nil {
			return err
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("fencing dispatcher %s: %w", peer.Pod, err)
	}
	return nil
}

func fenceOf(changes []store.EpochChange, reason string) *fenceRequest {
	out := &fenceRequest{Changes: make([]change, len(changes)), Reason: reason}
	for i, c := range changes {
		out.Changes[i] = change{Device: c.Device, Epoch: c.Epoch}
	}
	return out
}

// retry calls f until it succeeds, or until ctx ends; then it returns the last error from before the end, which says why.
func retry(ctx context.Context, f func() error) (last error) {
	for wait := fencePause; ; wait = min(2*wait, maxPause) {
		err := f()
		if err == nil {
			return nil
		}
		if last == nil || ctx.Err() == nil {
			last = err
		}
		if pause(ctx, wait) != nil {
			return last
		}
	}
}
