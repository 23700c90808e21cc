// Package accept takes messages: it checks them, decides with the router what
// happens at every device, and stores message, inbox entries and deliveries in
// one commit. After that commit it starts the deliveries and tells the sessions.
package accept

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/metrics"
	"github.com/offlinepush/operator/dispatcher/peer"
	"github.com/offlinepush/operator/dispatcher/router"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/tracing"
)

// idempotentFor is how much longer than the message a client id is remembered.
const idempotentFor = 24 * time.Hour

// Store is the part of the store that accepting needs.
type Store interface {
	Recipients(ctx context.Context, asks []store.Ask) (map[string]store.Recipient, error)
	DevicesNamed(ctx context.Context, pushIDs []string) (map[string]message.Device, error)
	Accept(ctx context.Context, reqs []store.AcceptRequest) []store.AcceptResult
	Expand(ctx context.Context, r store.AcceptRequest) store.AcceptResult
	// Now is the time that messages and pushes are dated by.
	Now() time.Time
}

// Sessions are those that this process holds.
type Sessions interface {
	// Notify hints that users' inboxes have entries up to a sequence; it never blocks.
	Notify(upTo map[string]int64)
}

// Peers are the other dispatchers of the app.
type Peers interface {
	// Notify hints at inbox entries wherever else the users are connected; it never blocks.
	Notify(peer.Notice)
}

// Deliverer works off deliveries.
type Deliverer interface {
	// Incarnation is that of the lease which rows belong to that are stored now.
	Incarnation() int64
	// Submit takes rows that were just stored, after Incarnation gave the incarnation; it never blocks.
	Submit(incarnation int64, rows []message.Delivery)
}

// Deps is what an Acceptor needs.
type Deps struct {
	Store    Store
	Sessions Sessions
	// Peers is nil for a dispatcher that is alone.
	Peers     Peers
	Deliverer Deliverer
	Live      *config.Live
	Metrics   *metrics.Metrics
	// Tracer is nil where nothing is traced.
	Tracer *tracing.Tracer
}

// Acceptor accepts messages. It is safe for concurrent use.
type Acceptor struct {
	deps  Deps
	begun chan struct{}
}

// New makes an Acceptor.
func New(d Deps) *Acceptor { return &Acceptor{deps: d, begun: make(chan struct{}, 1)} }

// Request is a message to users as its sender gave it.
type Request struct {
	// ClientID and From make the request idempotent.
	ClientID string
	From     string
	// To are the receivers. One that breaks a rule is left out, unless none remains.
	To []string
	// PushIDs are the devices of a push that is for them alone, whoever is bound; then To is empty.
	PushIDs []string
	Body    string
	Push    *message.PushConfig
	// PushTTL of 0 means the app's default.
	PushTTL time.Duration
	// PushUntil is when the attempts to push end, whatever PushTTL is; zero leaves it to that.
	PushUntil time.Time
	// PushTo are those of To who are pushed; nil means all.
	PushTo []string
	// Kind is empty for a chat message; Detail is zero unless the kind has more to say.
	Kind   message.Kind
	Detail message.Detail
	// MessageID is made here unless somebody has to know it before; it must be of MessageID.
	MessageID string
	// Identity is what a repetition must have in common with the first request; nil means all of it.
	Identity any
	// Also is written in the same transaction.
	Also store.Also

	// given is the hash of the request as it was before receivers were left out.
	given [sha256.Size]byte
	// listed are To or PushIDs as they were then.
	listed []string
}

// Result is the answer to one Request.
type Result struct {
	MessageID string
	// Duplicate means that the same request was accepted before.
	Duplicate bool
	// Seqs are the message's places in the receivers' inboxes.
	Seqs map[string]int64
	// Problems are why receivers were left out, by their index in To or PushIDs.
	Problems map[int]error
	// Err is a *message.FieldError, one of store's errors, or trouble of the store.
	Err error
}

// Accept answers every request, in order. One refused request does not hinder the others.
func (a *Acceptor) Accept(ctx context.Context, reqs []Request) []Result {
	defer func(start time.Time) {
		a.deps.Metrics.AcceptSeconds.Observe(time.Since(start).Seconds())
	}(time.Now())
	doc, _ := a.deps.Live.Current()
	results := make([]Result, len(reqs))
	reqs = slices.Clone(reqs) // without the receivers that are left out
	var good []int
	for i := range reqs {
		results[i] = reqs[i].check(doc.Document)
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

// CheckPush gives the first field of a push that breaks its rule by the configuration in force, as a *message.FieldError.
func (a *Acceptor) CheckPush(p *message.PushConfig) error {
	doc, _ := a.deps.Live.Current()
	return CheckPush(p, doc.Document)
}

// acceptGood stores the requests at the indexes and fills in their results.
func (a *Acceptor) acceptGood(ctx context.Context, doc *config.Document, reqs []Request, good []int, results []Result) {
	if len(good) == 0 {
		return
	}
	began := time.Now()
	p, err := a.plan(ctx, doc, reqs, good)
	if err != nil {
		for _, i := range good {
			results[i].Err = err
		}
		return
	}
	good = p.found(reqs, good, results)
	notice := peer.Notice{Incarnation: a.deps.Deliverer.Incarnation(), UpTo: map[string]int64{}}
	asked := p.requests(reqs, good)
	stored := a.deps.Store.Accept(ctx, asked)
	a.trace(ctx, asked, stored, began)
	for n, r := range stored {
		results[good[n]] = Result{MessageID: r.MessageID, Duplicate: r.Duplicate, Seqs: r.Seqs, Problems: results[good[n]].Problems, Err: named(r.Err)}
		if r.Err == nil && reqs[good[n]].Also.Expansion != nil {
			a.begin()
		}
	}
	a.announce(p, notice, stored)
}

// named puts an error of the store that is about a field in words of the request.
func named(err error) error {
	if errors.Is(err, store.ErrNotMember) {
		return &message.FieldError{Field: "from", Problem: "must be a member of the group; add the user first"}
	}
	return err
}

// announce starts what was stored: the deliveries, and the way of the inbox entries to the sessions. A repetition hints at
// the entries again, because nobody did when the first answer of the store was lost.
func (a *Acceptor) announce(p plan, notice peer.Notice, stored []store.AcceptResult) {
	var rows []message.Delivery
	for _, r := range stored {
		if r.Err != nil {
			continue
		}
		rows = append(rows, r.Deliveries...) // A repetition has none.
		for userID, seq := range r.Seqs {
			notice.UpTo[userID] = max(notice.UpTo[userID], seq)
		}
	}
	a.deps.Deliverer.Submit(notice.Incarnation, rows)
	a.deps.Sessions.Notify(notice.UpTo)
	if a.deps.Peers != nil {
		notice.Waiting = p.waiting(rows)
		a.deps.Peers.Notify(notice)
	}
}

// plan reads what the decisions depend on.
func (a *Acceptor) plan(ctx context.Context, doc *config.Document, reqs []Request, good []int) (plan, error) {
	var asks []store.Ask
	for _, i := range good {
		in := reqs[i].conversation()
		for _, u := range reqs[i].To {
			asks = append(asks, store.Ask{UserID: u, In: in})
		}
	}
	p, err := a.planFor(ctx, doc, asks)
	if err != nil {
		return plan{}, err
	}
	p.wanted = tracing.Wanted(ctx)
	p.named, err = a.named(ctx, reqs, good)
	return p, err
}

// planFor reads what the decisions for the users depend on.
func (a *Acceptor) planFor(ctx context.Context, doc *config.Document, asks []store.Ask) (plan, error) {
	recipients, err := a.deps.Store.Recipients(ctx, asks)
	if err != nil {
		return plan{}, fmt.Errorf("reading the receivers' devices and rules: %w", err)
	}
	return plan{
		doc: doc, now: a.deps.Store.Now().UTC().Truncate(time.Millisecond), channels: Channels(doc.Channels), recipients: recipients,
	}, nil
}

// plan holds what the requests of one call have in common.
type plan struct {
	doc        *config.Document
	now        time.Time
	channels   []router.Channel
	recipients map[string]store.Recipient
	// named are devices by their push ids.
	named map[string]message.Device
	// wanted says that the messages are to be traced.
	wanted bool
}

// requests is what the store keeps of those at the indexes.
func (p plan) requests(reqs []Request, good []int) []store.AcceptRequest {
	out := make([]store.AcceptRequest, len(good))
	for n, i := range good {
		out[n] = p.request(reqs[i])
	}
	return out
}

// waiting sorts the rows that wait for an acknowledgement by who holds the sessions.
func (p plan) waiting(rows []message.Delivery) map[int64][]message.Delivery {
	holders := map[int64]int64{}
	for _, r := range p.recipients {
		for _, d := range r.Devices {
			holders[d.Key] = d.Session
		}
	}
	out := map[int64][]message.Delivery{}
	for _, row := range rows {
		if holder := holders[row.Targets[0].Device]; holder != 0 { // group has put those of one holder together
			out[holder] = append(out[holder], row)
		}
	}
	return out
}

func (p plan) request(r Request) store.AcceptRequest {
	ttl := r.PushTTL
	if ttl == 0 {
		ttl = seconds(p.doc.Routing.PushTTLSeconds)
	}
	msg := message.Message{
		ID: cmp.Or(r.MessageID, p.newID()), Kind: r.Kind, Detail: r.Detail, Sender: r.From, Body: r.Body, Push: r.Push,
		CreatedAt: p.now, PushExpiresAt: p.now.Add(ttl),
	}
	if !r.PushUntil.IsZero() {
		msg.PushExpiresAt = r.PushUntil
	}
	in := p.input(msg)
	for _, u := range r.To {
		to := Recipient(u, p.recipients[u], msg.Conversation())
		to.Quiet = r.PushTo != nil && !slices.Contains(r.PushTo, u)
		in.Recipients = append(in.Recipients, to)
	}
	for _, id := range r.PushIDs {
		in.Recipients = append(in.Recipients, router.Recipient{Devices: []message.Device{p.named[id]}})
	}
	out := store.AcceptRequest{
		Message: msg, ClientID: r.ClientID, Hash: r.given, Recipients: r.To, Also: r.also(),
		MaxBacklog:      roomFor(msg, int64(p.doc.Routing.MaxBacklog)),
		IdempotentUntil: p.now.Add(max(seconds(p.doc.Retention.MessagesSeconds), ttl) + idempotentFor),
	}
	out.Deliveries, out.Suppressed = group(router.Decide(in), priorityOf(msg))
	return out
}

// input is what decisions about a message depend on, but for its receivers.
func (p plan) input(m message.Message) router.Input {
	return router.Input{
		Message: m, Channels: p.channels, Now: p.now,
		AckTimeout: seconds(p.doc.Routing.AckTimeoutSeconds), CallAckTimeout: seconds(p.doc.Routing.CallAckTimeout()),
	}
}

// newID is the id of a new message.
func (p plan) newID() string {
	if p.wanted {
		return tracing.Mark(MessageID(p.now))
	}
	return MessageID(p.now)
}

// MessageID is a UUIDv7 of the store's time, which says in what part of it the message is kept.
func MessageID(now time.Time) string {
	id := uuid.Must(uuid.NewV7())
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(now.UnixMilli()))
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
