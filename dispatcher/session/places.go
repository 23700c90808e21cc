package session

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/offlinepush/operator/dispatcher/lease"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/wire"
)

const (
	// placesPage is how many sessions one commit notes or forgets.
	placesPage = 512
	// maxLeft bounds the ended sessions that wait to be forgotten. Others stay noted until the
	// device's next session, or until the lease ends: its pushes wait for an acknowledgement first.
	maxLeft = 100_000
	// placesTimeout bounds one call of the store.
	placesTimeout = 5 * time.Second
)

// PlaceStore is the part of the store that knows which process holds a session.
type PlaceStore interface {
	Connect(ctx context.Context, sessions []store.Session) ([]store.Connected, error)
	Disconnect(ctx context.Context, sessions []store.Session) error
	DevicesOf(ctx context.Context, userIDs []string) (map[string][]message.Device, error)
}

// Peers are the other dispatchers.
type Peers interface {
	// Replaced ends the device's former session at the place that this process took; it never blocks.
	Replaced(former store.Place, device int64)
}

// PlacesDeps is what Places needs.
type PlacesDeps struct {
	Hub   *Hub
	Store PlaceStore
	Lease *lease.Keeper
	// Peers is nil for a dispatcher that is alone.
	Peers Peers
	Log   *slog.Logger
}

// Places keeps the store's knowledge of which sessions this process holds. It
// is safe for concurrent use.
type Places struct {
	deps PlacesDeps
	wake chan struct{} // holds one token when somebody left

	mu   sync.Mutex
	left map[int64]int64 // the numbers of ended sessions, by device
}

// NewPlaces makes Places that Run has to serve.
func NewPlaces(d PlacesDeps) *Places {
	return &Places{deps: d, wake: make(chan struct{}, 1), left: map[int64]int64{}}
}

// take notes a session that is in the hub already: a change of the binding
// either is known to the store here, or finds the session there.
func (p *Places) take(ctx context.Context, s *session) error {
	term := p.deps.Lease.Term() // before, so that it is over if another one began meanwhile
	answers, err := p.deps.Store.Connect(ctx, []store.Session{s.place()})
	if err != nil {
		return fmt.Errorf("noting the session: %w", err)
	}
	s.term.CompareAndSwap(nil, term) // it may have been noted again by now
	return p.taken(s, answers[0])
}

func (p *Places) taken(s *session, answer store.Connected) error {
	if errors.Is(answer.Err, store.ErrNotFound) {
		return errRebound
	}
	if p.deps.Peers != nil && answer.Former != (store.Place{}) {
		p.deps.Peers.Replaced(answer.Former, s.device)
	}
	return answer.Err
}

// leave forgets a session soon. A hub that closes keeps them: their phones
// connect elsewhere at once, and the store gives them time for it (DrainSessions).
func (p *Places) leave(s *session) {
	if p.deps.Hub.closing() {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, known := p.left[s.device]; known || len(p.left) < maxLeft {
		p.left[s.device] = max(p.left[s.device], s.login)
	}
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// Run forgets sessions that ended, and notes all of them again when the process
// has another lease, until ctx ends.
func (p *Places) Run(ctx context.Context) {
	state, changed := p.deps.Lease.Current()
	for noted := state.Term.Incarnation; ; {
		err := p.forget(ctx)
		if state.Term.Incarnation != noted {
			again := p.noteAgain(ctx, state.Term)
			if again == nil {
				noted = state.Term.Incarnation
			}
			err = errors.Join(err, again)
		}
		var retry <-chan time.Time
		if err != nil {
			p.deps.Log.Warn("noting sessions in the store", "error", err)
			retry = time.After(storeRetry)
		}
		select {
		case <-ctx.Done():
			return
		case <-p.wake:
		case <-changed:
		case <-retry:
		}
		state, changed = p.deps.Lease.Current()
	}
}

// forget tells the store which sessions ended.
func (p *Places) forget(ctx context.Context) error {
	p.mu.Lock()
	left := p.left
	p.left = map[int64]int64{}
	p.mu.Unlock()
	for page := range slices.Chunk(slices.Sorted(maps.Keys(left)), placesPage) {
		sessions := make([]store.Session, len(page))
		for i, device := range page {
			sessions[i] = store.Session{Device: device, Number: left[device]}
		}
		if err := p.disconnect(ctx, sessions); err != nil {
			p.putBack(left)
			return err
		}
	}
	return nil
}

func (p *Places) disconnect(ctx context.Context, sessions []store.Session) error {
	ctx, cancel := context.WithTimeout(ctx, placesTimeout)
	defer cancel()
	return p.deps.Store.Disconnect(ctx, sessions)
}

func (p *Places) putBack(left map[int64]int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for device, number := range left {
		p.left[device] = max(p.left[device], number)
	}
}

// noteAgain notes all sessions under another lease. While there was none,
// nobody hinted at what came, so all look at their inboxes.
func (p *Places) noteAgain(ctx context.Context, term *lease.Term) error {
	for page := range slices.Chunk(p.deps.Hub.all(), placesPage) {
		if err := p.notePage(ctx, term, page); err != nil {
			return err
		}
	}
	p.deps.Hub.NotifyAll()
	return nil
}

func (p *Places) notePage(ctx context.Context, term *lease.Term, page []*session) error {
	ctx, cancel := context.WithTimeout(ctx, placesTimeout)
	defer cancel()
	mine, err := p.notMoved(ctx, term.Incarnation, page)
	if err != nil {
		return err
	}
	places := make([]store.Session, len(mine))
	for i, s := range mine {
		places[i] = s.place()
	}
	answers, err := p.deps.Store.Connect(ctx, places)
	if err != nil {
		return err
	}
	for i, s := range mine {
		if err := p.taken(s, answers[i]); err != nil {
			s.stop(wire.KickedRebound)
		} else {
			s.term.Store(term)
		}
		if !p.deps.Hub.holds(s) { // It left meanwhile, and may have been forgotten before it was noted.
			p.leave(s)
		}
	}
	return nil
}

// notMoved leaves out, and ends, the sessions of devices that connected to
// another process meanwhile.
func (p *Places) notMoved(ctx context.Context, incarnation int64, page []*session) ([]*session, error) {
	users := make([]string, len(page))
	for i, s := range page {
		users[i] = s.userID
	}
	devices, err := p.deps.Store.DevicesOf(ctx, users)
	if err != nil {
		return nil, err
	}
	moved := map[int64]bool{}
	for _, of := range devices {
		for _, d := range of {
			moved[d.Key] = d.Session != 0 && d.Session != incarnation
		}
	}
	var mine []*session
	for _, s := range page {
		if moved[s.device] {
			s.stop(wire.KickedReplaced)
			continue
		}
		mine = append(mine, s)
	}
	return mine, nil
}
