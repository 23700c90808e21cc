package peer_test

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/peer"
	"github.com/offlinepush/operator/dispatcher/store"
)

// patience is far above what anything here takes.
const patience = 2 * time.Minute

// leases stand for the store that all pods share.
type leases struct {
	mu      sync.Mutex
	live    map[int64]store.Peer
	holders map[string][]int64
	err     error
	looks   int
}

func newLeases() *leases {
	return &leases{live: map[int64]store.Peer{}, holders: map[string][]int64{}}
}

func (l *leases) begin(incarnation int64, addr string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.live[incarnation] = store.Peer{Incarnation: incarnation, Holder: store.Holder{Pod: "pod", Addr: addr}}
}

func (l *leases) end(incarnation int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.live, incarnation)
}

func (l *leases) connect(userID string, incarnations ...int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.holders[userID] = incarnations
}

func (l *leases) breakDown(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err = err
}

// looked is how often the store was asked.
func (l *leases) looked() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.looks
}

// view is the store as one pod sees it.
type view struct {
	*leases
	own int64
}

func (v view) Peers(context.Context) ([]store.Peer, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.looks++
	var out []store.Peer
	for _, i := range slices.Sorted(maps.Keys(v.live)) {
		if i != v.own {
			out = append(out, v.live[i])
		}
	}
	return out, v.err
}

func (v view) Holders(_ context.Context, userIDs []string) (map[string][]int64, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.looks++
	out := map[string][]int64{}
	for _, u := range userIDs {
		for _, i := range v.holders[u] {
			if _, lives := v.live[i]; lives {
				out[u] = append(out[u], i)
			}
		}
	}
	return out, v.err
}

func (v view) Now() time.Time { return time.Now() }

// told records what a pod was told by the others, and what became due.
type told struct {
	mu       sync.Mutex
	kicked   map[int64]string // the reasons, by device
	upTo     map[string]int64
	all      int
	hints    int
	replaced map[int64]int64
	due      map[int64][]message.Delivery
	dueAt    time.Time
	open     chan struct{} // a vendor call
	quiesced int
}

func newTold() *told {
	return &told{kicked: map[int64]string{}, upTo: map[string]int64{}, replaced: map[int64]int64{}, due: map[int64][]message.Delivery{}}
}

func (h *told) Kick(changes []store.EpochChange, reason string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range changes {
		h.kicked[c.Device] = reason
	}
}

func (h *told) Notify(upTo map[string]int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	maps.Copy(h.upTo, upTo)
	h.hints++
}

func (h *told) NotifyAll() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all++
}

func (h *told) Replace(device, number int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.replaced[device] = number
}

func (h *told) Submit(incarnation int64, rows []message.Delivery) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.due[incarnation] = append(h.due[incarnation], rows...)
	h.dueAt = time.Now()
}

// hold makes a vendor call open until the release.
func (h *told) hold() (release func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.open = make(chan struct{})
	return sync.OnceFunc(func() { close(h.open) })
}

func (h *told) Quiesce(ctx context.Context, _ []store.EpochChange) error {
	h.mu.Lock()
	h.quiesced++
	open := h.open
	h.mu.Unlock()
	if open == nil {
		return nil
	}
	select {
	case <-open:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// sees waits until the condition holds for what was told.
func (h *told) sees(t *testing.T, what string, ok func(h *told) bool) {
	t.Helper()
	eventually(t, what, func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		return ok(h)
	})
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	limit := time.After(patience)
	for !ok() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatal("it never happened: ", what)
		}
	}
}

// pod is a dispatcher as far as its peers know it.
type pod struct {
	*told
	peers       *peer.Peers
	incarnation int64
	stop        func() // ends Run and waits for it
	kill        func() // leaves nobody at its address
}

func secretOf(letter string) config.Secret {
	return config.NewSecret(base64.StdEncoding.EncodeToString([]byte(strings.Repeat(letter, 32))))
}

func credential(letter string) peer.Credential {
	return peer.Credential{Key: func() config.Secret { return secretOf(letter) }}
}

// newPod starts a pod that the others find by its lease.
func newPod(t *testing.T, l *leases, incarnation int64, key string) *pod {
	t.Helper()
	p := &pod{told: newTold(), incarnation: incarnation}
	own := func() int64 { return incarnation }
	log := slog.New(slog.DiscardHandler)
	server := serve(t, credential(key).Server(), peer.Handler(peer.HandlerDeps{Sessions: p.told, Calls: p.told, Incarnation: own, Log: log}))
	p.kill = func() {
		_ = server.Listener.Close()
		server.CloseClientConnections()
	}
	p.peers = peer.New(peer.Deps{
		Store: view{l, incarnation}, Sessions: p.told, Deliverer: p.told, Credential: credential(key), Incarnation: own, Log: log,
	})
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var run sync.WaitGroup
	run.Go(func() { p.peers.Run(ctx) })
	p.stop = func() {
		cancel()
		run.Wait()
	}
	t.Cleanup(p.stop)
	l.begin(incarnation, server.Listener.Addr().String())
	return p
}

// listen serves the handler behind the credential and gives its address.
func listen(t *testing.T, c peer.Credential, h http.Handler) string {
	t.Helper()
	return listenWith(t, c.Server(), h)
}

func listenWith(t *testing.T, c *tls.Config, h http.Handler) string {
	t.Helper()
	return serve(t, c, h).Listener.Addr().String()
}

func serve(t *testing.T, c *tls.Config, h http.Handler) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)
	s.Listener = tls.NewListener(s.Listener, c)
	s.Start()
	t.Cleanup(s.Close)
	return s
}

// freeze is a pod that lives by its lease but never answers.
func freeze(t *testing.T, l *leases, incarnation int64) {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var accepting sync.WaitGroup
	accepting.Go(func() {
		var conns []net.Conn
		for {
			c, err := listener.Accept()
			if errors.Is(err, net.ErrClosed) {
				break
			}
			conns = append(conns, c)
		}
		for _, c := range conns {
			_ = c.Close()
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		accepting.Wait()
	})
	l.begin(incarnation, listener.Addr().String())
}
