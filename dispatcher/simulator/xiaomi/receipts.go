package xiaomi

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// The kinds of receipts, bits of extra.callback.type.
const (
	deliveredReceipt = 1
	clickedReceipt   = 2
	invalidReceipt   = 16
	disabledReceipt  = 32
	quotaReceipt     = 128
)

const (
	maxReports  = 10_000
	postTimeout = 5 * time.Second
)

// Receipt is what Xiaomi tells of a message and some of its targets.
type Receipt struct {
	Param     string            `json:"param,omitempty"`
	Type      int               `json:"type"`
	Targets   string            `json:"targets"`
	JobKey    string            `json:"jobkey,omitempty"`
	BarStatus string            `json:"barStatus"`
	Timestamp int64             `json:"timestamp"`
	Extra     map[string]string `json:"extra,omitempty"`
}

// Post is how receipts leave.
type Post struct {
	Client *http.Client
	// Interval is how long receipts are collected; Xiaomi takes a second.
	Interval time.Duration
	Log      *slog.Logger
}

type report struct {
	link, messageID string
	receipt         Receipt
}

// receipts collects reports and posts them from one goroutine, which close ends.
type receipts struct {
	post   Post
	queue  chan report
	cancel context.CancelFunc
	worker sync.WaitGroup
}

func newReceipts(post Post) *receipts {
	ctx, cancel := context.WithCancel(context.Background())
	r := &receipts{post: post, queue: make(chan report, maxReports), cancel: cancel}
	r.worker.Go(func() { r.run(ctx) })
	return r
}

func (r *receipts) close() {
	r.cancel()
	r.worker.Wait()
}

// add never blocks: Xiaomi does not promise receipts either.
func (r *receipts) add(n report) {
	select {
	case r.queue <- n:
	default:
		r.post.Log.Warn("dropping a receipt, the queue is full", "messageId", n.messageID)
	}
}

func (r *receipts) run(ctx context.Context) {
	tick := time.NewTicker(r.post.Interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			r.flush(ctx)
		}
	}
}

func (r *receipts) flush(ctx context.Context) {
	due := make([]report, 0, len(r.queue))
	for range cap(due) {
		due = append(due, <-r.queue)
	}
	for _, p := range merge(due) {
		if err := r.send(ctx, p); err != nil {
			r.post.Log.Warn("posting receipts failed", "messages", len(p.messages), "error", err)
		}
	}
}

// parcel is one request: at most one receipt for each message id.
type parcel struct {
	link     string
	messages map[string]Receipt
}

// merge joins the targets of receipts that say the same of a message, and keeps
// others of the same message for another request.
func merge(due []report) (parcels []parcel) {
	for _, n := range due {
		if !join(parcels, n) {
			parcels = append(parcels, parcel{n.link, map[string]Receipt{n.messageID: n.receipt}})
		}
	}
	return parcels
}

func join(parcels []parcel, n report) bool {
	for _, p := range parcels {
		if p.link != n.link {
			continue
		}
		old, ok := p.messages[n.messageID]
		if !ok {
			p.messages[n.messageID] = n.receipt
			return true
		}
		if old.Type == n.receipt.Type && old.Param == n.receipt.Param {
			old.Targets += "," + n.receipt.Targets
			p.messages[n.messageID] = old
			return true
		}
	}
	return false
}

// send posts the form with its one field.
func (r *receipts) send(ctx context.Context, p parcel) error {
	data, err := json.Marshal(p.messages)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, postTimeout)
	defer cancel()
	form := url.Values{"data": {string(data)}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.link, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := r.post.Client.Do(req)
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err // without the URL, whose path is the callback's secret
	}
	if err != nil {
		return err
	}
	return res.Body.Close()
}
