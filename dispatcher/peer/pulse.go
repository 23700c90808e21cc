package peer

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/offlinepush/operator/dispatcher/store"
)

const (
	// pulseEvery is how often every other dispatcher is asked whether it is there, and pulseTimeout how long it may take.
	pulseEvery, pulseTimeout = time.Second, 2 * time.Second
	// steadyFor is how long one must have answered for its next silence to matter, so that one that answers now and then
	// does not make all sessions read their inboxes all the time.
	steadyFor = 10 * time.Second
)

// pulse is what one other dispatcher answered.
type pulse struct {
	// since is when it began to answer; zero while it does not, and before it did.
	since time.Time
	// heeded means that its silence was acted upon, and does not matter until it has answered for a while.
	heeded bool
}

// feel notes an answer or a silence, and reports whether the dispatcher has just fallen silent.
func (p *pulse) feel(answered bool, now time.Time) (silent bool) {
	switch {
	case answered && p.since.IsZero():
		p.since = now
	case answered:
		p.heeded = p.heeded && now.Sub(p.since) < steadyFor
	default:
		silent = !p.since.IsZero() && !p.heeded
		p.since, p.heeded = time.Time{}, p.heeded || silent
	}
	return silent
}

// pulses notices dispatchers that fall silent long before their leases run out. One that was killed may have committed
// messages that it never told anybody of: all sessions look for them.
func (p *Peers) pulses(ctx context.Context) {
	known := map[int64]*pulse{}
	tick := time.NewTicker(pulseEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		answers := p.ask(ctx, p.others())
		if ctx.Err() != nil {
			return
		}
		if silent := felt(known, answers); len(silent) > 0 && p.anyLives(ctx, silent) {
			p.deps.Sessions.NotifyAll()
		}
	}
}

// felt notes the answers, and gives who has just fallen silent.
func felt(known map[int64]*pulse, answers map[int64]bool) (silent []int64) {
	maps.DeleteFunc(known, func(incarnation int64, _ *pulse) bool { _, asked := answers[incarnation]; return !asked })
	for incarnation, answered := range answers {
		if known[incarnation] == nil {
			known[incarnation] = &pulse{}
		}
		if known[incarnation].feel(answered, time.Now()) {
			silent = append(silent, incarnation)
		}
	}
	return silent
}

// anyLives reports whether the lease of any of them may live. For one that gave its lease back, look does what is to be done.
func (p *Peers) anyLives(ctx context.Context, incarnations []int64) bool {
	live, err := p.roster.live(ctx)
	return err != nil || slices.ContainsFunc(live, func(o store.Peer) bool { return slices.Contains(incarnations, o.Incarnation) })
}

// others are the dispatchers that lived when they were looked up last.
func (p *Peers) others() []store.Peer {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.seen)
}

// ask asks all of them at the same time, and gives who answered by incarnation.
func (p *Peers) ask(ctx context.Context, others []store.Peer) map[int64]bool {
	ctx, cancel := context.WithTimeout(ctx, pulseTimeout)
	defer cancel()
	var asking sync.WaitGroup
	answered := make([]bool, len(others))
	for i, o := range others {
		asking.Go(func() {
			err := p.client.ask(ctx, o, hintsPath, &hintsRequest{})
			answered[i] = err == nil || errors.Is(err, errRefused)
		})
	}
	asking.Wait()
	out := make(map[int64]bool, len(others))
	for i, o := range others {
		out[o.Incarnation] = answered[i]
	}
	return out
}
