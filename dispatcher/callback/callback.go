package callback

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
)

const (
	// lines are how many events are on their way at a time; those of one user keep their order in one line.
	lines = 8
	// lineLength bounds the events that wait in a line.
	lineLength = 2000
	// timeout bounds one request.
	timeout = 5 * time.Second
)

// pauses are the waits before the repetitions.
func pauses() []time.Duration {
	return []time.Duration{2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 32 * time.Second}
}

// The results that are counted.
const (
	Delivered = "delivered"
	Full      = "queue_full" // too many wait
	Refused   = "refused"    // the server answered with a 4xx
	GivenUp   = "given_up"   // no repetition succeeded
	Stopped   = "stopped"    // this process ended first
)

// errRefused means that a repetition would not help.
var errRefused = errors.New("the app's server refuses it")

// Deps is what a Notifier needs.
type Deps struct {
	Live *config.Live
	// NewClient makes a client that trusts the bundle, or the system's roots without one. It follows no redirects and
	// refuses forbidden addresses.
	NewClient func(caBundle string) (*http.Client, error)
	Now       func() time.Time
	// Events counts events by result.
	Events *prometheus.CounterVec
	Log    *slog.Logger
}

// Notifier tells the app's server. It is safe for concurrent use; Run has to serve it.
type Notifier struct {
	deps  Deps
	seed  maphash.Seed
	lines [lines]chan Event

	mu     sync.Mutex // guards what follows
	client *http.Client
	trusts string // what the client was made for
}

// New makes a Notifier.
func New(d Deps) *Notifier {
	n := &Notifier{deps: d, seed: maphash.MakeSeed()}
	for i := range n.lines {
		n.lines[i] = make(chan Event, lineLength)
	}
	return n
}

// Login tells that the device's user logged in on it.
func (n *Notifier) Login(d message.Device) { n.tell(Event{Event: Login}, d) }

// Offline tells that the device's connection broke.
func (n *Notifier) Offline(d message.Device) { n.tell(Event{Event: Offline}, d) }

// Logout tells that the device, whose user is the former one, is not the user's any more.
func (n *Notifier) Logout(d message.Device, reason string) {
	n.tell(Event{Event: Logout, Reason: reason}, d)
}

// tell puts an event in its line; it never blocks.
func (n *Notifier) tell(e Event, d message.Device) {
	doc, _ := n.deps.Live.Current()
	if doc.Callback.IsZero() {
		return
	}
	e.ID, e.AppID, e.At = uuid.Must(uuid.NewV7()).String(), doc.App.AppID, n.deps.Now().UTC().Truncate(time.Millisecond)
	e.UserID, e.PushID, e.Platform = d.UserID, d.PushID, d.Platform
	select {
	case n.lines[maphash.String(n.seed, d.UserID)%lines] <- e:
	default:
		n.count(Full)
	}
}

func (n *Notifier) count(result string) { n.deps.Events.WithLabelValues(result).Inc() }

// Run sends until ctx ends. What waits then is counted and left.
func (n *Notifier) Run(ctx context.Context) {
	var all sync.WaitGroup
	for _, line := range n.lines {
		all.Go(func() {
			for ctx.Err() == nil {
				select {
				case <-ctx.Done():
				case e := <-line:
					n.count(n.deliver(ctx, e))
				}
			}
			for range len(line) {
				<-line
				n.count(Stopped)
			}
		})
	}
	all.Wait()
}

// deliver sends one event until it is taken, and says what became of it.
func (n *Notifier) deliver(ctx context.Context, e Event) string {
	for _, pause := range append(pauses(), 0) {
		err := n.send(ctx, e)
		switch {
		case err == nil:
			return Delivered
		case errors.Is(err, errRefused):
			n.deps.Log.Warn("a callback was refused", "event", e.Event, "id", e.ID, "error", err)
			return Refused
		case pause == 0:
			n.deps.Log.Warn("a callback was given up", "event", e.Event, "id", e.ID, "error", err)
			return GivenUp
		}
		select {
		case <-ctx.Done():
			return Stopped
		case <-time.After(pause):
		}
	}
	return GivenUp
}

// send makes one request, by the configuration in force.
func (n *Notifier) send(ctx context.Context, e Event) error {
	doc, _ := n.deps.Live.Current()
	if doc.Callback.IsZero() {
		return fmt.Errorf("%w: no callback is configured any more", errRefused)
	}
	body, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("%w: %w", errRefused, err)
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, doc.Callback.URL, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("%w: callback.url", errRefused)
	}
	timestamp := strconv.FormatInt(n.deps.Now().Unix(), 10)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set(TimestampHeader, timestamp)
	req.Header.Set(SignatureHeader, Sign([]byte(doc.Callback.Key.Reveal()), timestamp, body))
	client, err := n.clientFor(doc.Callback.CABundle)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 4<<10))
	switch {
	case resp.StatusCode < 300:
		return nil
	case resp.StatusCode < 500 && resp.StatusCode != http.StatusTooManyRequests && resp.StatusCode != http.StatusRequestTimeout:
		return fmt.Errorf("%w: status %d", errRefused, resp.StatusCode)
	}
	return fmt.Errorf("status %d", resp.StatusCode)
}

// clientFor is the one client, made anew when the configuration names other authorities.
func (n *Notifier) clientFor(caBundle string) (*http.Client, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.client != nil && n.trusts == caBundle {
		return n.client, nil
	}
	client, err := n.deps.NewClient(caBundle)
	if err != nil {
		return nil, fmt.Errorf("callback.caBundle: %w", err)
	}
	if n.client != nil {
		n.client.CloseIdleConnections()
	}
	n.client, n.trusts = client, caBundle
	return client, nil
}
