package http_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/offlinepush/operator/dispatcher/client"
	"github.com/offlinepush/operator/dispatcher/simulator/phone"
)

// pace is the pause of a sender after an answer.
const pace = 8 * time.Millisecond

// load are senders, one for each receiver, who repeat every message until it is acknowledged.
type load struct {
	server  atomic.Pointer[client.Server]
	senders sync.WaitGroup
	quit    chan struct{}

	mu    sync.Mutex
	acked map[string]string // receiver by payload
}

// startLoad begins to send. The payload of every message names its receiver.
func (w *world) startLoad(t *testing.T, users ...string) *load {
	t.Helper()
	l := &load{quit: make(chan struct{}), acked: map[string]string{}}
	l.server.Store(w.server())
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(func() { cancel(); l.senders.Wait() })
	for _, user := range users {
		l.senders.Go(func() {
			for n := 0; ctx.Err() == nil && !l.quitting(); n++ {
				m := w.newMessage("sender-of-"+user, user)
				m.Push.Payload = addressed(user, n)
				l.post(ctx, t, func(s *client.Server) error { _, err := s.Send(ctx, m); return err })
				if ctx.Err() == nil {
					l.acknowledge(m.Push.Payload, user)
				}
			}
		})
	}
	return l
}

// addressed is a payload that names its receiver.
func addressed(user string, n int) string { return unique(fmt.Sprintf("to=%s n=%d", user, n)) }

// receiver is who an addressed payload names.
func receiver(payload string) string {
	to, _, _ := strings.Cut(strings.TrimPrefix(payload, "to="), " ")
	return to
}

// post repeats a request until it is answered well; a refusal that repetition cannot cure fails the test.
func (l *load) post(ctx context.Context, t *testing.T, request func(*client.Server) error) {
	t.Helper()
	again := time.NewTicker(pace)
	defer again.Stop()
	for ctx.Err() == nil {
		err := request(l.server.Load())
		if e, ok := err.(*client.Error); ok && e.Status < http.StatusInternalServerError { //nolint:errorlint // the client gives it bare
			t.Errorf("a message was refused: %v", err)
			return
		}
		<-again.C
		if err == nil {
			return
		}
	}
}

func (l *load) quitting() bool {
	select {
	case <-l.quit:
		return true
	default:
		return false
	}
}

func (l *load) acknowledge(payload, user string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.acked[payload] = user
}

func (l *load) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.acked)
}

// awaitMore waits until n more messages are acknowledged.
func (l *load) awaitMore(t *testing.T, n int) {
	t.Helper()
	enough := l.count() + n
	until(t, fmt.Sprintf("%d messages are acknowledged", enough), func() error {
		if got := l.count(); got < enough {
			return fmt.Errorf("%d are", got)
		}
		return nil
	})
}

// redirect leads the senders to the dispatcher that runs now.
func (l *load) redirect(w *world) { l.server.Store(w.server()) }

// stop lets every sender finish its message, and returns what was acknowledged.
func (l *load) stop() map[string]string {
	close(l.quit)
	l.senders.Wait()
	return l.acked
}

// delivered waits until every acknowledged message has arrived at its receiver's phone, and checks that
// no phone showed another user's, and that every repetition bears the mark by which a phone hides it.
// It returns the number of repetitions.
func delivered(t *testing.T, acked map[string]string, phones map[string]*handset) (repeated int) {
	t.Helper()
	want := map[string]int{}
	for _, user := range acked {
		want[user]++
	}
	for user, h := range phones {
		var first map[string]phone.Arrival
		again := 0
		for n := want[user]; len(first) < want[user]; n++ {
			first, again = map[string]phone.Arrival{}, 0
			for _, a := range h.arrivals(t, n) {
				again += h.sameOrNew(t, user, first, a)
			}
		}
		repeated += again
		for payload, addressee := range acked {
			if _, ok := first[payload]; addressee == user && !ok {
				t.Errorf("%s's phone never showed the acknowledged %q", user, payload)
			}
		}
	}
	return repeated
}

// sameOrNew notes an arrival, and returns 1 if it repeats one.
func (h *handset) sameOrNew(t *testing.T, user string, first map[string]phone.Arrival, a phone.Arrival) int {
	t.Helper()
	if receiver(a.Payload) != user {
		t.Errorf("%s's phone showed what is for %s: %+v", user, receiver(a.Payload), a)
	}
	former, ok := first[a.Payload]
	if !ok {
		first[a.Payload] = a
		return 0
	}
	if a.ReplaceID != former.ReplaceID || a.DedupID != former.DedupID || a.ReplaceID == "" || (a.Replaces == 0 && a.DuplicateOf == 0) {
		t.Errorf("%s: the user sees a message twice: %+v and %+v", h.row, former, a)
	}
	return 1
}

// snapshot is what is acknowledged so far.
func (l *load) snapshot() map[string]string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.acked)
}
