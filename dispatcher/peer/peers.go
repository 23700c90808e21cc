package peer

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
)

const (
	// lookEvery is how often the live dispatchers are looked up, to notice that one is gone.
	lookEvery = 3 * time.Second
	// troublePause is the wait after the store failed.
	troublePause = 500 * time.Millisecond
	// lastWords bounds how long Run tells what is left after its context has ended.
	lastWords = time.Second
)

// Store is the part of the store that knows the other dispatchers.
type Store interface {
	Peers(ctx context.Context) ([]store.Peer, error)
	Holders(ctx context.Context, userIDs []string) (map[string][]int64, error)
	Now() time.Time
}

// Deliverer works off deliveries.
type Deliverer interface {
	// Submit takes rows that were stored under the incarnation's lease; it never blocks.
	Submit(incarnation int64, rows []message.Delivery)
}

// Deps is what Peers needs.
type Deps struct {
	Store      Store
	Sessions   Sessions
	Deliverer  Deliverer
	Credential Credential
	// Incarnation is the number of this process's lease.
	Incarnation func() int64
	Log         *slog.Logger
}

// Peers are the other dispatchers of the app. It is safe for concurrent use.
type Peers struct {
	deps   Deps
	client client
	roster roster
	wake   chan struct{} // holds one token when there is an intake

	mu     sync.Mutex // guards what is below, and what the links hold
	intake intake
	links  map[int64]*link // by incarnation
	seen   []store.Peer
}

// New makes Peers that Run has to serve.
func New(d Deps) *Peers {
	return &Peers{
		deps: d, client: newClient(d.Credential), roster: newRoster(d.Store), wake: make(chan struct{}, 1), links: map[int64]*link{},
	}
}

// Notify hints at inbox entries wherever else the users are connected; it never
// blocks. Rows that wait at a dispatcher which does not answer are due at once.
func (p *Peers) Notify(n Notice) {
	p.mu.Lock()
	p.intake.notify(n)
	p.mu.Unlock()
	poke(p.wake)
}

// Replaced ends the device's former session at the place that this process
// took; it never blocks.
func (p *Peers) Replaced(former store.Place, device int64) {
	p.mu.Lock()
	p.intake.replace(former, device)
	p.mu.Unlock()
	poke(p.wake)
}

// Run tells the others until ctx ends, and then what is left.
func (p *Peers) Run(ctx context.Context) {
	defer p.roster.close()
	defer p.client.http.CloseIdleConnections()
	talking, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	closing := make(chan struct{})
	var talks sync.WaitGroup
	start := func(l *link) { talks.Go(func() { p.talk(talking, closing, l) }) }
	talks.Go(func() { p.pulses(ctx) })
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-tick.C:
			p.look(ctx)
		case <-p.wake:
			p.sort(ctx, start)
		}
	}
	last, cancel := context.WithTimeout(talking, lastWords)
	defer cancel()
	p.sort(last, start)
	close(closing)
	context.AfterFunc(last, stop)
	talks.Wait()
}

// sort gives the intake to the links of those whom it concerns.
func (p *Peers) sort(ctx context.Context, start func(*link)) {
	p.mu.Lock()
	in := p.intake
	p.intake = intake{}
	p.mu.Unlock()
	if in.empty() {
		return
	}
	places, err := p.places(ctx, in)
	if err != nil {
		p.deps.Log.Warn("looking up where users are connected", "error", err)
		p.mu.Lock()
		p.intake.add(in)
		p.mu.Unlock()
		_ = pause(ctx, troublePause)
		poke(p.wake)
		return
	}
	delete(places, p.deps.Incarnation())
	p.mu.Lock()
	for incarnation, n := range places {
		l := p.link(incarnation, start)
		l.news.add(*n)
		if r := in.rows[incarnation]; r != nil && !l.silent {
			l.rows.addAll(*r)
			delete(in.rows, incarnation)
		}
		poke(l.wake)
	}
	p.mu.Unlock()
	for _, r := range in.rows { // nobody is there any more, or does not answer
		p.push(*r)
	}
}

func (p *Peers) places(ctx context.Context, in intake) (map[int64]*news, error) {
	ctx, cancel := context.WithTimeout(ctx, rosterTimeout)
	defer cancel()
	var holders map[string][]int64
	var live []store.Peer
	var err error
	switch {
	case in.all:
		live, err = p.roster.live(ctx)
	case len(in.upTo) > 0:
		holders, err = p.deps.Store.Holders(ctx, slices.Collect(maps.Keys(in.upTo)))
	}
	return in.places(holders, live), err
}

// look notices dispatchers that are gone: what they accepted last may not have
// been told to the sessions of this process.
func (p *Peers) look(ctx context.Context) {
	live, err := p.roster.live(ctx)
	if err != nil {
		p.deps.Log.Debug("looking for dispatchers that are gone", "error", err)
		return
	}
	lives := func(incarnation int64) bool {
		return slices.ContainsFunc(live, func(o store.Peer) bool { return o.Incarnation == incarnation })
	}
	p.mu.Lock()
	gone := slices.ContainsFunc(p.seen, func(o store.Peer) bool { return !lives(o.Incarnation) })
	p.seen = live
	for incarnation, l := range p.links {
		if !lives(incarnation) {
			l.peer = nil
			poke(l.wake)
		}
	}
	p.mu.Unlock()
	if gone {
		p.deps.Sessions.NotifyAll()
	}
}

// push makes rows due at once, in memory; the store keeps their time.
func (p *Peers) push(late rows) {
	now := p.deps.Store.Now()
	for incarnation, list := range late.stored {
		due := slices.Clone(list)
		for i := range due {
			due[i].DueAt = now
		}
		p.deps.Deliverer.Submit(incarnation, due)
	}
}

// poke wakes whoever waits for the channel.
func poke(wake chan<- struct{}) {
	select {
	case wake <- struct{}{}:
	default: // It is awake and has not looked yet.
	}
}
