package peer_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/offlinepush/operator/dispatcher/peer"
)

// TestWhatWasAnsweredIsNotToldAgain has a pod that answers every second request with hints: who began anew each time
// would not come to the end.
func TestWhatWasAnsweredIsNotToldAgain(t *testing.T) {
	t.Parallel()
	const users = 3500
	l, b := newLeases(), newTold()
	a := newPod(t, l, 1, "k")
	handler := peer.Handler(peer.HandlerDeps{Sessions: b, Calls: b, Incarnation: func() int64 { return 2 }, Log: slog.New(slog.DiscardHandler)})
	var asked atomic.Int64
	l.begin(2, listen(t, credential("k"), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || bytes.Contains(body, []byte("user-")) && asked.Add(1)%2 == 0 {
			http.Error(w, "later", http.StatusServiceUnavailable)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		handler.ServeHTTP(w, r)
	})))
	hints := map[string]int64{}
	for i := range users {
		user := fmt.Sprint("user-", i)
		hints[user] = 1
		l.connect(user, 2)
	}
	a.peers.Notify(peer.Notice{Incarnation: 1, UpTo: hints})
	b.sees(t, "all hints", func(h *told) bool { return len(h.upTo) == users })
}
