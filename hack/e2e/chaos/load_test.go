package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/offlinepush/operator/dispatcher/client"
	"github.com/offlinepush/operator/dispatcher/wire"
)

const (
	// tick is how often messages are due; those of one tick are one batch.
	tick = 100 * time.Millisecond
	// senders bounds the batches that are under way, waiting the ones that are not; more are an error of the run.
	senders, waiting = 16, 10_000
	// callTimeout bounds a request: one that hangs at a frozen dispatcher is repeated at another.
	callTimeout = 5 * time.Second
	// again is the wait before a refused or lost batch is repeated.
	again = 100 * time.Millisecond
)

// ack is a message that the API acknowledged.
type ack struct {
	to string
	// due is when it was sent for the first time, at when the answer came.
	due, at time.Time
}

// batch is what one request sends.
type batch struct {
	due      time.Time
	messages []wire.SendMessage
}

// load sends messages at a fixed rate, each until it is acknowledged.
type load struct {
	world   *world
	running sync.WaitGroup
	quit    chan struct{}
	batches chan batch

	mu       sync.Mutex
	acked    map[string]ack // by payload
	problems []string
}

func startLoad(t *testing.T, w *world, p *people, dice *rand.Rand) *load {
	t.Helper()
	l := &load{world: w, quit: make(chan struct{}), batches: make(chan batch, waiting), acked: map[string]ack{}}
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(func() { cancel(); l.running.Wait() })
	for range senders {
		own := rand.New(rand.NewPCG(dice.Uint64(), 2))
		l.running.Go(func() { l.send(ctx, own) })
	}
	l.running.Go(func() { l.produce(p, dice) })
	return l
}

// produce makes what is due in each tick.
func (l *load) produce(p *people, dice *rand.Rand) {
	defer close(l.batches)
	clock := time.NewTicker(tick)
	defer clock.Stop()
	start, made := time.Now(), 0
	for {
		select {
		case <-l.quit:
			return
		case now := <-clock.C:
			due := int(now.Sub(start).Seconds()*float64(*rateFlag)) - made
			if due < 1 {
				continue
			}
			b := batch{now, make([]wire.SendMessage, min(due, wire.MaxBatch))}
			for i := range b.messages {
				to := p.anyone(dice)
				payload := fmt.Sprintf("to=%s n=%d", to, made)
				b.messages[i] = wire.SendMessage{
					ClientID: fmt.Sprint(made), From: "alice", To: []string{to}, Body: payload,
					Push: &wire.Push{Title: "title", Content: "content", Payload: payload, ResourcesID: profile},
				}
				made++
			}
			select {
			case l.batches <- b:
			default:
				l.problem("the senders fall behind: the rate is too high for this machine")
				return
			}
		}
	}
}

// send sends batches, what is not acknowledged of each again and again.
func (l *load) send(ctx context.Context, dice *rand.Rand) {
	for b := range l.batches {
		for len(b.messages) > 0 && ctx.Err() == nil {
			b.messages = l.try(ctx, l.world.server(l.world.any(dice)), b)
			if len(b.messages) > 0 {
				rest(ctx, again)
			}
		}
	}
}

// try sends a batch and returns what has to be sent again.
func (l *load) try(ctx context.Context, s *client.Server, b batch) (left []wire.SendMessage) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	results, err := s.SendBatch(ctx, b.messages)
	if err != nil {
		if e, ok := err.(*client.Error); ok && e.Status < http.StatusInternalServerError && e.Status != http.StatusTooManyRequests { //nolint:errorlint // the client gives it bare
			l.problem("a batch was refused: " + err.Error())
			return nil
		}
		return b.messages
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, r := range results {
		switch {
		case r.Sent != nil:
			l.acked[b.messages[i].Body] = ack{to: b.messages[i].To[0], due: b.due, at: time.Now()}
		case r.Problem.Status >= http.StatusInternalServerError || r.Problem.Status == http.StatusTooManyRequests:
			left = append(left, b.messages[i])
		default:
			l.problems = append(l.problems, "a message was refused: "+r.Problem.Detail)
		}
	}
	return left
}

func (l *load) problem(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.problems = append(l.problems, text)
}

// stop ends the load once everything is acknowledged, and returns that.
func (l *load) stop(t *testing.T) map[string]ack {
	t.Helper()
	close(l.quit)
	l.running.Wait()
	for _, p := range l.problems {
		t.Error(p)
	}
	return l.acked
}

// callers is the HTTP client of servers and phones, whose connections go to many ports.
var callers = sync.OnceValue(func() *http.Client {
	return &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: senders, IdleConnTimeout: time.Minute}}
})

// rest lets time pass unless ctx ends.
func rest(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
