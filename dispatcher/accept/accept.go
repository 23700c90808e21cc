// Package accept takes messages: it checks them, decides with the router what
// happens at every device, and stores message, inbox entries and deliveries in
// one commit. After that commit it starts the deliveries and tells the sessions.
package accept

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/metrics"
	"github.com/offlinepush/operator/dispatcher/router"
	"github.com/offlinepush/operator/dispatcher/store"
)

// idempotentFor is how much longer than the message a client id is remembered.
const idempotentFor = 24 * time.Hour

// Store is the part of the store that accepting needs.
type Store interface {
	DevicesOf(ctx context.Context, userIDs []string) (map[string][]message.Device, error)
	Accept(ctx context.Context, reqs []store.AcceptRequest) []store.AcceptResult
	// Now is the time that messages and pushes are dated by.
	Now() time.Time
}

// Sessions knows who is connected.
type Sessions interface {
	// Connected gives those of the devices that have a session.
	Connected(devices []int64) map[int64]bool
	// Notify hints that the user's inbox has entries up to a sequence.
	Notify(userID string, upTo int64)
}

// Deliverer works off deliveries.
type Deliverer interface {
	// Submit takes rows that were just stored; it never blocks.
	Submit(rows []message.Delivery)
}

// Deps is what an Acceptor needs.
type Deps struct {
	Store     Store
	Sessions  Sessions
	Deliverer Deliverer
	Live      *config.Live
	Metrics   *metrics.Metrics
}

// Acceptor accepts messages. It is safe for concurrent use.
type Acceptor struct{ deps Deps }

// New makes an Acceptor.
func New(d Deps) *Acceptor { return &Acceptor{deps: d} }

// Request is a peer message as its sender gave it.
type Request struct {
	// ClientID and From make the request idempotent.
	ClientID string
	From     string
	To       []string
	Body     string
	Push     *message.PushConfig
	// PushTTL of 0 means the app's default.
	PushTTL time.Duration
}

// Result is the answer to one Request.
type Result struct {
	MessageID string
	// Duplicate means that the same request was accepted before.
	Duplicate bool
	// Seqs are the message's places in the receivers' inboxes.
	Seqs map[string]int64
	// Err is a *message.FieldError, one of store's errors, or trouble of the store.
	Err error
}

// Accept answers every request, in order. One refused request does not hinder the others.
func (a *Acceptor) Accept(ctx context.Context, reqs []Request) []Result {
	doc, _ := a.deps.Live.Current()
	results := make([]Result, len(reqs))
	var good []int
	for i, r := range reqs {
		results[i].Err = r.check(doc.Document)
		if results[i].Err == nil {
			good = append(good, i)
		}
	}
	a.acceptGood(ctx, doc.Document, reqs, good, results)
	for _, r := range results {
		a.deps.Metrics.Accepted.WithLabelValues(label(r)).Inc()
	}
	return results
}

// acceptGood stores the requests at the indexes and fills in their results.
func (a *Acceptor) acceptGood(ctx context.Context, doc *config.Document, reqs []Request, good []int, results []Result) {
	if len(good) == 0 {
		return
	}
	stored, err := a.decide(ctx, doc, reqs, good)
	if err != nil {
		for _, i := range good {
			results[i].Err = err
		}
		return
	}
	var rows []message.Delivery
	newest := map[string]int64{}
	for n, r := range a.deps.Store.Accept(ctx, stored) {
		results[good[n]] = Result{MessageID: r.MessageID, Duplicate: r.Duplicate, Seqs: r.Seqs, Err: r.Err}
		if r.Err != nil || r.Duplicate {
			continue
		}
		rows = append(rows, r.Deliveries...)
		for userID, seq := range r.Seqs {
			newest[userID] = max(newest[userID], seq)
		}
	}
	a.deps.Deliverer.Submit(rows)
	for userID, seq := range newest {
		a.deps.Sessions.Notify(userID, seq)
	}
}

// decide turns requests into what the store keeps of them.
func (a *Acceptor) decide(ctx context.Context, doc *config.Document, reqs []Request, good []int) ([]store.AcceptRequest, error) {
	var userIDs []string
	seen := map[string]bool{}
	for _, i := range good {
		for _, u := range reqs[i].To {
			if !seen[u] {
				seen[u] = true
				userIDs = append(userIDs, u)
			}
		}
	}
	devices, err := a.deps.Store.DevicesOf(ctx, userIDs)
	if err != nil {
		return nil, fmt.Errorf("reading the receivers' devices: %w", err)
	}
	var keys []int64
	for _, ds := range devices {
		for _, d := range ds {
			keys = append(keys, d.Key)
		}
	}
	p := plan{
		doc: doc, now: a.deps.Store.Now().UTC().Truncate(time.Millisecond), channels: channels(doc.Channels),
		devices: devices, connected: a.deps.Sessions.Connected(keys),
	}
	out := make([]store.AcceptRequest, len(good))
	for n, i := range good {
		out[n] = p.request(reqs[i])
	}
	return out, nil
}

// plan holds what the requests of one call have in common.
type plan struct {
	doc       *config.Document
	now       time.Time
	channels  []router.Channel
	devices   map[string][]message.Device
	connected map[int64]bool
}

func (p plan) request(r Request) store.AcceptRequest {
	ttl := r.PushTTL
	if ttl == 0 {
		ttl = seconds(p.doc.Routing.PushTTLSeconds)
	}
	msg := message.Message{
		ID: messageID(p.now), Sender: r.From, Body: r.Body, Push: r.Push,
		CreatedAt: p.now, PushExpiresAt: p.now.Add(ttl),
	}
	in := router.Input{
		Message: msg, Channels: p.channels, Now: p.now,
		AckTimeout: seconds(p.doc.Routing.AckTimeoutSeconds),
	}
	for _, u := range r.To {
		to := router.Recipient{UserID: u}
		for _, d := range p.devices[u] {
			to.Devices = append(to.Devices, router.Device{Device: d, Connected: p.connected[d.Key]})
		}
		in.Recipients = append(in.Recipients, to)
	}
	out := store.AcceptRequest{
		Message: msg, ClientID: r.ClientID, Hash: r.hash(), Recipients: r.To,
		MaxBacklog:      int64(p.doc.Routing.MaxBacklog),
		IdempotentUntil: p.now.Add(time.Duration(p.doc.Retention.MessagesSeconds)*time.Second + idempotentFor),
	}
	out.Deliveries, out.Suppressed = group(router.Decide(in))
	return out
}

// messageID is a UUIDv7 of the store's time, which says in what part of it the message is kept.
func messageID(now time.Time) string {
	id := uuid.Must(uuid.NewV7())
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(now.UnixMilli())) //nolint:gosec // after 1970
	copy(id[:6], ms[2:])
	return id.String()
}

func seconds[T int32 | int64](n T) time.Duration { return time.Duration(n) * time.Second }

func label(r Result) string {
	switch {
	case r.Err == nil && r.Duplicate:
		return "duplicate"
	case r.Err == nil:
		return "stored"
	case Refused(r.Err):
		return "refused"
	}
	return "failed"
}
