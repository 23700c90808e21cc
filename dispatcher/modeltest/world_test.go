package modeltest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"sync"
	"testing/synctest"
	"time"

	"github.com/offlinepush/operator/dispatcher/client"
	"github.com/offlinepush/operator/dispatcher/message"
)

// unserved is a vendor that the app has no channel row for.
const unserved = "Meizu"

// phone is a phone with what its app keeps.
type phone struct {
	vendor string
	token  string // of the vendor
	tokens int    // so far
	// device is nil before the app is installed, installation its number in the model.
	device       *client.Device
	installation int
	session      *session
	// silentSince is when the session fell silent; reading is whether it read on.
	silentSince time.Time
	// seen is how many messages of the session were compared, cursor the number of the last one.
	seen   int
	cursor int64
}

// world runs a history: the dispatcher, everybody around it, and the model.
type world struct {
	ctx    context.Context
	node   *node
	ledger *ledger
	http   *http.Client
	server *client.Server
	state  state
	phones []*phone
	sent   []*sent
	byID   map[string]*sent
	calls  []*phoneCall
	// members are those of the group, nil while there is none.
	members map[string]bool
	// before is the model before the present step.
	before  state
	checked int // calls of the ledger
	// composed counts messages; beside, if set, happens during the next change.
	composed int
	beside   func()
	// restartedAt is when the present process started; drained is whether the one before had time to say so.
	restartedAt time.Time
	restarts    int
	faults      []string
}

// run runs a history in the present bubble and gives what is wrong.
func run(ctx context.Context, d *database, history []step) (faults []string) {
	w, err := newWorld(ctx, d)
	if err != nil {
		return []string{err.Error()}
	}
	defer func() { _ = os.RemoveAll(w.node.dir) }() // It is in memory.
	for i, s := range history {
		w.before = w.state.clone()
		w.step(s)
		w.settle()
		w.check()
		w.passed()
		if len(w.faults) > 0 {
			w.faults = append(w.faults, fmt.Sprintf("after step %d, %v", i, s))
			break
		}
	}
	if len(w.faults) == 0 {
		w.finish()
	}
	if err := w.close(); err != nil {
		w.fault("the end: %v", err)
	}
	return w.faults
}

// memory is a folder in memory where there is one: the store syncs at every commit.
func memory() string {
	if info, err := os.Stat("/dev/shm"); err == nil && info.IsDir() {
		return "/dev/shm"
	}
	return ""
}

func newWorld(ctx context.Context, d *database) (*world, error) {
	dir, err := os.MkdirTemp(memory(), "offlinepush-model-")
	if err != nil {
		return nil, err
	}
	l := &ledger{answers: map[string][]message.Class{}, slow: map[string]time.Duration{}, troubled: map[string]bool{}}
	n := &node{dir: dir, network: &network{ports: map[string]*port{}}, ledger: l, log: slog.New(slog.DiscardHandler)}
	w := &world{
		ctx: ctx, node: n, ledger: l, http: &http.Client{Transport: &http.Transport{DialContext: n.network.dial}},
		state: state{inboxes: map[string][]*sent{}, known: map[string]bool{}, wishes: map[string]wish{}}, byID: map[string]*sent{},
	}
	w.server = client.NewServer("http://server", key, w.http)
	for i, vendor := range []string{"FCM", "Xiaomi", "Xiaomi", unserved} {
		w.phones = append(w.phones, &phone{vendor: vendor, token: fmt.Sprintf("token-%d-0", i), installation: -1})
	}
	return w, n.prepare(ctx, d)
}

// passed makes what a step ended a matter of the past.
func (w *world) passed() {
	for _, m := range w.sent {
		m.recalled = m.gone
		for _, r := range m.rings {
			r.past = !r.over.IsZero()
		}
	}
}

func (w *world) close() error {
	for _, p := range w.phones {
		if p.session != nil {
			p.session.close(false)
		}
	}
	w.http.CloseIdleConnections()
	err := w.node.end()
	synctest.Wait()
	return err
}

func (w *world) fault(format string, args ...any) {
	w.faults = append(w.faults, fmt.Sprintf(format, args...))
}

// must notes the failure of a request that should have worked.
func (w *world) must(what string, err error) bool {
	if err != nil {
		w.fault("%s: %v", what, err)
	}
	return err == nil
}

// change does something that changes who holds the tokens, in the model as in the
// dispatcher. While it is under way both what was and what will be may be true, and
// with the answer only what is: nothing for the former user is open any more.
func (w *world) change(what string, model func(*state), do func() error) {
	next := w.state.clone()
	model(&next)
	w.ledger.set(w.state.holders(), next.holders())
	var both sync.WaitGroup
	if w.beside != nil {
		both.Go(w.beside)
		w.beside = nil
	}
	err := do()
	both.Wait()
	w.ledger.set(next.holders(), nil)
	w.state = next
	if w.must(what, err) {
		w.checkOpen(what)
	}
}

// settle lets everything come to rest, and then counts what was acknowledged.
func (w *world) settle() {
	synctest.Wait()
	w.awaitDeadlines()
	for _, p := range w.phones {
		if p.session == nil {
			continue
		}
		p.session.mu.Lock()
		d := &w.state.installations[p.installation]
		d.acked[p.session.user] = max(d.acked[p.session.user], p.session.acked)
		p.session.mu.Unlock()
	}
	w.ledger.set(w.state.holders(), nil)
	w.timeOut()
}

// online says whether the dispatcher holds a session of the installation; it may
// be about to notice that the phone fell silent, and then it is not sure.
func (w *world) online(i int) (online, sure bool) {
	p := w.phones[w.state.installations[i].phone]
	if p.installation != i || p.session == nil {
		return false, true
	}
	s := p.session
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.ended:
		return false, true
	case !s.silent:
		return true, true
	case s.deaf:
		return true, false
	}
	left := offline - time.Since(p.silentSince)
	return left > 0, left > heartbeat || left < -time.Second
}

// due is when an installation is to be pushed.
func (w *world) due(m *sent, i int) (from, by time.Time) {
	now, window := time.Now(), ackWindow
	if m.kind == message.KindCall {
		window = callAckWindow
	}
	online, sure := w.online(i)
	switch {
	case m.kind == message.KindPush || m.everyone:
	case !sure, w.justRestarted():
		return now, now.Add(window)
	case online:
		return now.Add(window), now.Add(window)
	}
	return now, now
}

// finish heals the vendors, waits until nothing is pending, and compares all that can be read.
func (w *world) finish() {
	w.doHeal(step{}, nil)
	for range 10 {
		time.Sleep(20 * time.Second) // virtual
		w.settle()
		w.check()
		w.passed()
		if len(w.faults) > 0 {
			return
		}
		if w.report().Account.Pending == 0 && len(w.ringing()) == 0 {
			break
		}
	}
	w.checkEnd()
}

// restart ends the dispatcher by f and starts the next one.
func (w *world) restart(end func() error) {
	err := errors.Join(end(), w.node.start(w.ctx))
	w.must("the restart", err)
	w.restarts++
	w.restartedAt = time.Now()
}

// justRestarted reports whether sessions of before may count as connected.
func (w *world) justRestarted() bool {
	return w.restarts > 0 && time.Since(w.restartedAt) < 15*time.Second
}

// pushID is that of an installation; empty where there is none any more.
func (w *world) pushID(installation int) string {
	if installation < 0 || w.state.installations[installation].gone {
		return ""
	}
	return w.state.installations[installation].pushID
}
