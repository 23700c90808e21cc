package callback_test

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/offlinepush/operator/dispatcher/callback"
	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/ingress/planetest"
	"github.com/offlinepush/operator/dispatcher/message"
)

const key = "key of the callbacks, 32 bytes long"

// server is the app's own, in virtual time; each answer is used once, and the last one from then on.
type server struct {
	mu      sync.Mutex
	answers []int
	got     []callback.Event
	at      []time.Time
	bad     error
}

func (s *server) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	var e callback.Event
	err = json.Unmarshal(body, &e)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bad = errors.Join(s.bad, err, callback.Verify([]byte(key),
		r.Header.Get(callback.TimestampHeader), r.Header.Get(callback.SignatureHeader), body, time.Now()))
	s.got, s.at = append(s.got, e), append(s.at, time.Now())
	status := s.answers[0]
	if len(s.answers) > 1 {
		s.answers = s.answers[1:]
	}
	if status == 0 {
		return nil, errors.New("no route")
	}
	return &http.Response{StatusCode: status, Body: http.NoBody, Header: http.Header{}}, nil
}

func configured(t *testing.T) *config.Live {
	t.Helper()
	bed := planetest.New(t)
	bed.Configure(t, func(d *config.Document) {
		d.Callback = config.Callback{URL: "https://app.example/callbacks", Key: config.NewSecret(key)}
	})
	return bed.Live
}

func newNotifier(live *config.Live, s *server) (*callback.Notifier, *prometheus.CounterVec) {
	counts := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "events_total", Help: "Events."}, []string{"result"})
	return callback.New(callback.Deps{
		Live: live, Now: time.Now, Events: counts, Log: slog.New(slog.DiscardHandler),
		NewClient: func(string) (*http.Client, error) { return &http.Client{Transport: s}, nil },
	}), counts
}

func TestEventsAreRepeated(t *testing.T) {
	t.Parallel()
	live := configured(t)
	seconds := func(n ...time.Duration) (out []time.Duration) {
		for _, s := range n {
			out = append(out, s*time.Second)
		}
		return out
	}
	for _, tt := range []struct {
		name    string
		answers []int
		after   []time.Duration
		result  string
	}{
		{"taken", []int{204}, seconds(0), callback.Delivered},
		{"taken later", []int{500, 0, 429, 200}, seconds(0, 2, 6, 14), callback.Delivered},
		{"never taken", []int{503}, seconds(0, 2, 6, 14, 30, 62), callback.GivenUp},
		{"refused", []int{400}, seconds(0), callback.Refused},
		{"a redirect is not followed", []int{307}, seconds(0), callback.Refused},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := &server{answers: tt.answers}
				n, counts := newNotifier(live, s)
				ctx, stop := context.WithCancel(t.Context())
				var running sync.WaitGroup
				running.Go(func() { n.Run(ctx) })
				began := time.Now()
				n.Logout(message.Device{UserID: "bob", PushID: "p", Platform: "Android"}, "logged_out")
				<-time.After(2 * time.Minute) // virtual
				stop()
				running.Wait()
				if s.bad != nil {
					t.Error(s.bad)
				}
				if len(s.at) != len(tt.after) {
					t.Fatalf("%d requests, want %d", len(s.at), len(tt.after))
				}
				for i, at := range s.at {
					if at.Sub(began) != tt.after[i] {
						t.Errorf("request %d after %s, want %s", i, at.Sub(began), tt.after[i])
					}
					if e := s.got[i]; e != s.got[0] || e.Event != callback.Logout || e.UserID != "bob" || e.PushID != "p" ||
						e.Platform != "Android" || e.Reason != "logged_out" || e.AppID != "app-1" || e.ID == "" {
						t.Errorf("request %d: %+v", i, e)
					}
				}
				if got := testutil.ToFloat64(counts.WithLabelValues(tt.result)); got != 1 {
					t.Errorf("%s: counted %v", tt.result, got)
				}
			})
		})
	}
}

func TestEventsOfAUserKeepTheirOrder(t *testing.T) {
	t.Parallel()
	live := configured(t)
	synctest.Test(t, func(t *testing.T) {
		s := &server{answers: []int{503, 200}}
		n, _ := newNotifier(live, s)
		d := message.Device{UserID: "bob", PushID: "p"}
		n.Login(d)
		n.Offline(d)
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { n.Run(ctx) })
		<-time.After(time.Minute) // virtual
		stop()
		running.Wait()
		var kinds []string
		for _, e := range s.got {
			kinds = append(kinds, string(e.Event))
		}
		if got := strings.Join(kinds, " "); got != "login login offline" {
			t.Errorf("got %s", got)
		}
	})
}

func TestQueueIsBounded(t *testing.T) {
	t.Parallel()
	n, counts := newNotifier(configured(t), &server{answers: []int{200}})
	const sent = 3000
	for range sent {
		n.Login(message.Device{UserID: "bob"})
	}
	full := testutil.ToFloat64(counts.WithLabelValues(callback.Full))
	ctx, stop := context.WithCancel(t.Context())
	stop()
	n.Run(ctx)
	if stopped := testutil.ToFloat64(counts.WithLabelValues(callback.Stopped)); full == 0 || full+stopped != sent {
		t.Errorf("%v were too many and %v were left, of %d", full, stopped, sent)
	}
}

func TestNothingIsToldWithoutACallback(t *testing.T) {
	t.Parallel()
	n, counts := newNotifier(planetest.New(t).Live, &server{})
	for range 3000 {
		n.Login(message.Device{UserID: "bob"})
	}
	if n := testutil.CollectAndCount(counts); n != 0 {
		t.Errorf("%d results", n)
	}
}

func TestVerify(t *testing.T) {
	t.Parallel()
	now, body := time.Unix(1_800_000_000, 0), []byte(`{"id":"1"}`)
	good := callback.Sign([]byte(key), "1800000000", body)
	for name, err := range map[string]error{
		"another body":      callback.Verify([]byte(key), "1800000000", good, []byte(`{"id":"2"}`), now),
		"another key":       callback.Verify([]byte("other"), "1800000000", good, body, now),
		"another timestamp": callback.Verify([]byte(key), "1800000001", good, body, now),
		"no timestamp":      callback.Verify([]byte(key), "", good, body, now),
		"too old":           callback.Verify([]byte(key), "1800000000", good, body, now.Add(6*time.Minute)),
		"from the future":   callback.Verify([]byte(key), "1800000000", good, body, now.Add(-6*time.Minute)),
	} {
		if !errors.Is(err, callback.ErrSignature) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := callback.Verify([]byte(key), "1800000000", good, body, now); err != nil {
		t.Error(err)
	}
}

// answering takes every request, and says so.
type answering func()

func (a answering) RoundTrip(*http.Request) (*http.Response, error) {
	a()
	return &http.Response{StatusCode: http.StatusNoContent, Body: http.NoBody, Header: http.Header{}}, nil
}

// TestAuthorities: other authorities make another client, and the same ones do not.
func TestAuthorities(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	counts := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "events_total", Help: "Events."}, []string{"result"})
	made, told := make(chan string, 10), make(chan struct{})
	n := callback.New(callback.Deps{
		Live: bed.Live, Now: time.Now, Events: counts, Log: slog.New(slog.DiscardHandler),
		NewClient: func(caBundle string) (*http.Client, error) {
			made <- caBundle
			return &http.Client{Transport: answering(func() { told <- struct{}{} })}, nil
		},
	})
	var running sync.WaitGroup
	defer running.Wait()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	running.Go(func() { n.Run(ctx) })
	apps := httptest.NewTLSServer(nil)
	defer apps.Close()
	own := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: apps.Certificate().Raw}))
	for _, caBundle := range []string{"", own, own, ""} {
		bed.Configure(t, func(d *config.Document) {
			d.Callback = config.Callback{URL: "https://app.example/callbacks", Key: config.NewSecret(key), CABundle: caBundle}
		})
		n.Login(message.Device{UserID: "bob"})
		<-told
	}
	close(made)
	var got []string
	for caBundle := range made {
		got = append(got, caBundle)
	}
	if want := []string{"", own, ""}; !slices.Equal(got, want) {
		t.Errorf("clients were made for %q", got)
	}
}
