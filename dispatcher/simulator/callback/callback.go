// Package callback posts the receipts of simulated vendors to whoever asked for
// them. It knows no vendor.
package callback

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"sync"
	"time"
)

const (
	maxReports  = 10_000
	postTimeout = 5 * time.Second
)

// Options are how receipts leave.
type Options struct {
	Client *http.Client
	// Interval is how long receipts are collected; most vendors take a second.
	Interval time.Duration
	Log      *slog.Logger
}

// Call is one request with receipts.
type Call struct {
	URL, ContentType string
	// Header may be nil.
	Header http.Header
	Body   []byte
}

// Poster collects reports and posts them from one goroutine, which Close ends.
type Poster[R any] struct {
	options Options
	merge   func([]R) []Call
	queue   chan R
	cancel  context.CancelFunc
	worker  sync.WaitGroup
}

// New starts a Poster. merge makes requests of the reports of an interval, in their order.
func New[R any](o Options, merge func([]R) []Call) *Poster[R] {
	ctx, cancel := context.WithCancel(context.Background()) //nolint:gosec // Close calls it.
	p := &Poster[R]{options: o, merge: merge, queue: make(chan R, maxReports), cancel: cancel}
	p.worker.Go(func() { p.run(ctx) })
	return p
}

// Close ends the posting.
func (p *Poster[R]) Close() {
	p.cancel()
	p.worker.Wait()
}

// Add never blocks: vendors do not promise receipts either.
func (p *Poster[R]) Add(report R) {
	select {
	case p.queue <- report:
	default:
		p.options.Log.Warn("dropping a receipt, the queue is full")
	}
}

func (p *Poster[R]) run(ctx context.Context) {
	tick := time.NewTicker(p.options.Interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			p.flush(ctx)
		}
	}
}

func (p *Poster[R]) flush(ctx context.Context) {
	due := make([]R, 0, len(p.queue))
	for range cap(due) {
		due = append(due, <-p.queue)
	}
	for _, call := range p.merge(due) {
		if err := p.post(ctx, call); err != nil {
			p.options.Log.Warn("posting receipts failed", "error", err)
		}
	}
}

func (p *Poster[R]) post(ctx context.Context, c Call) error {
	ctx, cancel := context.WithTimeout(ctx, postTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.URL, bytes.NewReader(c.Body))
	if err != nil {
		return errors.New("the callback's URL is malformed") // it is a secret
	}
	maps.Copy(req.Header, c.Header)
	req.Header.Set("Content-Type", c.ContentType)
	res, err := p.options.Client.Do(req)
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err // without the URL, whose path is the callback's secret
	}
	if err != nil {
		return err
	}
	return res.Body.Close()
}
