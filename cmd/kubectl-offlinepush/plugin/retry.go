package plugin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/offlinepush/operator/dispatcher/client"
)

const (
	maxTries   = 8
	firstPause = 500 * time.Millisecond
	maxPause   = 15 * time.Second
)

// retrier sends a request again when that may help.
type retrier struct {
	Streams
	reached bool // a request had an answer, so that the address is right
}

// retry calls f until it succeeds, or fails for good, or failed too often.
func (r *retrier) retry(ctx context.Context, f func() error) error {
	pause := firstPause
	for try := 1; ; try++ {
		err := f()
		if err == nil {
			r.reached = true
			return nil
		}
		if ctx.Err() != nil || try == maxTries || !r.mayHelp(err) {
			return err
		}
		if e, ok := errors.AsType[*client.Error](err); ok {
			pause = max(pause, e.RetryAfter)
		}
		r.say("trying again in %v: %v", pause, err)
		if err := r.Wait(ctx, pause); err != nil {
			return err
		}
		pause = min(2*pause, maxPause)
	}
}

func (r *retrier) mayHelp(err error) bool {
	if e, ok := errors.AsType[*client.Error](err); ok {
		return e.Status == http.StatusRequestTimeout || e.Status == http.StatusTooManyRequests || e.Status >= http.StatusInternalServerError
	}
	return r.reached
}

// say tells people what happens.
func (s Streams) say(format string, args ...any) {
	_, _ = fmt.Fprintf(s.Err, format+"\n", args...) // Nobody may listen.
}

// progressEvery is how often progress is shown.
const progressEvery = 5 * time.Second

// progress shows how far a command is.
type progress struct {
	streams Streams
	what    string
	next    time.Time
}

func (s Streams) progress(what string) *progress {
	return &progress{streams: s, what: what, next: time.Now().Add(progressEvery)}
}

func (p *progress) at(n int64) {
	if now := time.Now(); now.After(p.next) {
		p.next = now.Add(progressEvery)
		p.streams.say("%s %d so far", p.what, n)
	}
}
