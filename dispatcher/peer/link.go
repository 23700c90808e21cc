package peer

import (
	"context"
	"slices"
	"time"

	"github.com/offlinepush/operator/dispatcher/store"
)

// hintTimeout is how long a dispatcher may take to answer before its sessions
// count as not connected.
const hintTimeout = 500 * time.Millisecond

// link is the way to one other dispatcher. Peers.mu guards it.
type link struct {
	incarnation int64
	wake        chan struct{} // holds one token when there is something to do
	peer        *store.Peer   // nil until it is looked up, and after it has not answered
	news        news
	rows        rows
	// silent means that it did not answer the last time.
	silent bool
}

// link finds or makes the link; the lock is held.
func (p *Peers) link(incarnation int64, start func(*link)) *link {
	l := p.links[incarnation]
	if l == nil {
		l = &link{incarnation: incarnation, wake: make(chan struct{}, 1)}
		p.links[incarnation] = l
		start(l)
	}
	return l
}

// talk serves a link until its dispatcher is gone, ctx ends, or everything is
// told after closing.
func (p *Peers) talk(ctx context.Context, closing <-chan struct{}, l *link) {
	for open := true; open; {
		select {
		case <-ctx.Done():
			return
		case <-closing:
			open = false
		case <-l.wake:
		}
		if p.tellAll(ctx, l) {
			p.unlink(l)
			return
		}
	}
}

// tellAll tells until there is no more news, however often it takes. It
// reports whether the dispatcher is gone.
func (p *Peers) tellAll(ctx context.Context, l *link) (gone bool) {
	wait := fencePause
	for ctx.Err() == nil {
		n, asked := p.take(l)
		nothing := n.empty()
		gone, err := p.try(ctx, l, &n)
		switch {
		case gone:
			p.push(asked)
			return true
		case err != nil:
			p.deps.Log.Debug("a dispatcher does not answer", "incarnation", l.incarnation, "error", err)
			p.push(asked)
			p.push(p.unheard(l, n))
			_ = pause(ctx, wait)
			wait = min(2*wait, maxPause)
		case nothing:
			return false
		default:
			p.heard(l)
		}
	}
	return false
}

// try looks up the dispatcher, if need be, and sends it the news. What it does not answer is left.
func (p *Peers) try(ctx context.Context, l *link, n *news) (gone bool, err error) {
	peer, err := p.find(ctx, l)
	if peer == nil || err != nil {
		return err == nil, err
	}
	for _, c := range n.requests() {
		asking, cancel := context.WithTimeout(ctx, hintTimeout)
		err := p.client.ask(asking, *peer, c.path, c.in)
		cancel()
		if err != nil {
			return false, err
		}
		n.forget(c)
	}
	return false, nil
}

// find gives nil when the dispatcher's lease does not live.
func (p *Peers) find(ctx context.Context, l *link) (*store.Peer, error) {
	p.mu.Lock()
	known := l.peer
	p.mu.Unlock()
	if known != nil {
		return known, nil
	}
	live, err := p.roster.live(ctx)
	i := slices.IndexFunc(live, func(o store.Peer) bool { return o.Incarnation == l.incarnation })
	if err != nil || i < 0 {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	l.peer = &live[i]
	return l.peer, nil
}

func (p *Peers) take(l *link) (news, rows) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n, asked := l.news, l.rows
	l.news, l.rows = news{}, rows{}
	return n, asked
}

func (p *Peers) heard(l *link) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l.silent = false
}

// unheard keeps the news for the next time, and gives the rows that came meanwhile.
func (p *Peers) unheard(l *link, n news) rows {
	p.mu.Lock()
	defer p.mu.Unlock()
	l.news.add(n)
	asked := l.rows
	l.rows, l.peer, l.silent = rows{}, nil, true
	return asked
}

// unlink forgets a link whose dispatcher is gone.
func (p *Peers) unlink(l *link) {
	p.mu.Lock()
	asked := l.rows
	delete(p.links, l.incarnation)
	p.mu.Unlock()
	p.push(asked)
}
