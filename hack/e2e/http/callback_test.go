package http_test

import (
	"crypto/rand"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/offlinepush/operator/dispatcher/callback"
	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// eventServer is the app's own server, which is told of users. Only its own certificate vouches for it.
type eventServer struct {
	*httptest.Server

	mu   sync.Mutex
	keys []string
	// failures is how many requests it still answers with 500.
	failures int
	// heard is every request, as "answer event"; events are those that it took.
	heard  []string
	events []callback.Event
	wrong  []error
}

func newEventServer(t *testing.T, keys ...string) *eventServer {
	t.Helper()
	s := &eventServer{keys: keys}
	s.Server = httptest.NewTLSServer(s)
	t.Cleanup(s.Close)
	return s
}

// ServeHTTP takes an event that one of the keys signed.
func (s *eventServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	s.mu.Lock()
	defer s.mu.Unlock()
	signed := slices.IndexFunc(s.keys, func(key string) bool {
		return callback.Verify([]byte(key), r.Header.Get(callback.TimestampHeader), r.Header.Get(callback.SignatureHeader), body, time.Now()) == nil
	})
	var e callback.Event
	err = errors.Join(err, json.Unmarshal(body, &e))
	if err != nil || signed < 0 || r.Method != http.MethodPost || r.URL.Path != "/events" {
		s.wrong = append(s.wrong, fmt.Errorf("%s %s, signed with key %d: %w", r.Method, r.URL, signed, err))
	}
	status := http.StatusNoContent
	if s.failures > 0 {
		s.failures--
		status = http.StatusInternalServerError
	} else {
		s.events = append(s.events, e)
	}
	s.heard = append(s.heard, fmt.Sprintf("%d %s %s key %d", status, e.Event, e.Reason, signed))
	w.WriteHeader(status)
}

// callback is how a dispatcher is told of the server.
func (s *eventServer) callback(key string) config.Callback {
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	return config.Callback{URL: s.URL + "/events", Key: config.NewSecret(key), CABundle: string(ca)}
}

// hears waits until the server has heard all of these, and nothing else.
func (s *eventServer) hears(t *testing.T, want ...string) {
	t.Helper()
	until(t, "the app's server has heard everything", func() error {
		s.mu.Lock()
		defer s.mu.Unlock()
		if !slices.Equal(s.heard, want) {
			return fmt.Errorf("it heard %q, want %q", s.heard, want)
		}
		return nil
	})
}

// TestAppServerIsTold: logins, a lost connection and a logout reach the app's server in order and signed, again after a
// failure, and with the new key from the moment it is configured.
func TestAppServerIsTold(t *testing.T) {
	t.Parallel()
	for _, store := range eachStore() {
		t.Run(store.name, func(t *testing.T) {
			t.Parallel()
			w := prepare(t, store)
			first, second := strings.ToLower(rand.Text()+rand.Text()), strings.ToLower(rand.Text()+rand.Text())
			w.secrets.add("a callback's key", first)
			w.secrets.add("a callback's key", second)
			app := newEventServer(t, first, second)
			app.failures = 1
			w.doc.Callback = app.callback(first)
			w.disp.Configure(t, w.doc)
			w.disp.Start(t)

			phone := w.newPhone(t, vendors()[0])
			s, _ := phone.open(t, "bob")
			app.hears(t, "500 login  key 0", "204 login  key 0")
			s.Close()
			app.hears(t, "500 login  key 0", "204 login  key 0", "204 offline  key 0")

			w.doc.Callback = app.callback(second)
			hash := w.disp.Configure(t, w.doc)
			until(t, "the new key is in force", func() error {
				if c := w.disp.Report(t).Config; c.Hash != hash {
					return fmt.Errorf("the dispatcher runs on %+v", c)
				}
				return nil
			})
			s, _ = phone.open(t, "bob")
			must(t, phone.device().Logout(t.Context()))
			kicked(t, s, wire.KickedLoggedOut)
			app.hears(t, "500 login  key 0", "204 login  key 0", "204 offline  key 0", "204 login  key 1", "204 logout logged_out key 1")
			app.check(t, phone)
			until(t, "each event is counted", func() error {
				if line := `offlinepush_callbacks_total{result="delivered"} 4`; !strings.Contains(w.disp.Metrics(t), line) {
					return fmt.Errorf("no %s", line)
				}
				return nil
			})
		})
	}
}

// check holds what the server took against the phone of bob.
func (s *eventServer) check(t *testing.T, phone *handset) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := errors.Join(s.wrong...); err != nil {
		t.Error(err)
	}
	ids := map[string]bool{}
	for _, e := range s.events {
		ids[e.ID] = true
		if e.AppID != appID || e.UserID != "bob" || e.PushID != phone.credentials.PushID || time.Since(e.At).Abs() > 2*patience {
			t.Errorf("the app's server was told %+v", e)
		}
	}
	if len(ids) != len(s.events) {
		t.Errorf("%d events have %d ids", len(s.events), len(ids))
	}
}
