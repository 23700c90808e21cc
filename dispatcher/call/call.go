// Package call keeps calls: who is invited, who has answered, and when it stops
// to ring. Step is the whole life of a call as one pure function; a Service
// makes its steps, each in one commit with the message that tells of it, and
// fires what happens by itself. Any process of the app may make any step.
package call

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/offlinepush/operator/dispatcher/accept"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
)

// The bounds of how long an invitation rings (ZIM, CallInvite).
const (
	DefaultRing = 90 * time.Second
	MaxRing     = 600 * time.Second
)

// maxTries bounds how often a step is tried that others come before.
const maxTries = 20

// Store is the part of the store that calls need.
type Store interface {
	store.Calls
	// Message reads a message, with store.ErrNotFound.
	Message(ctx context.Context, id string) (message.Message, error)
	// Now is the time by which calls ring.
	Now() time.Time
}

// Acceptor accepts messages.
type Acceptor interface {
	// CheckPush gives the first field of a push that breaks its rule now, as a *message.FieldError.
	CheckPush(p *message.PushConfig) error
	Accept(ctx context.Context, reqs []accept.Request) []accept.Result
}

// Deps is what a Service needs.
type Deps struct {
	Store    Store
	Acceptor Acceptor
	Log      *slog.Logger
}

// Service makes the steps of calls. It is safe for concurrent use.
type Service struct {
	deps Deps

	wake chan struct{} // holds one token when something is due earlier than Run knows
	mu   sync.Mutex
	next time.Time // when Run looks again
}

// New makes a Service.
func New(d Deps) *Service { return &Service{deps: d, wake: make(chan struct{}, 1)} }

// Beginning is a call that shall begin.
type Beginning struct {
	// ClientID and From make the request idempotent.
	ClientID, From string
	// CallID is made when it is empty.
	CallID string
	To     []string
	// Ring of 0 means DefaultRing.
	Ring time.Duration
	Body string
	Push *message.PushConfig
}

// Begin invites to a new call. The same request again gives the call as it is now.
func (s *Service) Begin(ctx context.Context, b Beginning) (c message.Call, duplicate bool, err error) {
	now := s.now()
	e := Event{
		Action: message.CallInvite, CallID: b.CallID, By: b.From, To: b.To, Ring: b.Ring, Body: b.Body, Push: b.Push,
	}
	if e.CallID == "" {
		e.CallID = accept.MessageID(now)
	}
	if err := s.check(e); err != nil {
		return c, false, err
	}
	if i := slices.Index(b.To, b.From); i >= 0 {
		return c, false, &message.FieldError{Field: fmt.Sprintf("to[%d]", i), Problem: "must not be the caller"}
	}
	c, n, err := stepped(message.Call{}, e, now)
	if err != nil {
		return c, false, err
	}
	r := request(c, n, now)
	r.ClientID, r.Identity = b.ClientID, []any{"call", b}
	switch result := s.accept(ctx, r); {
	case errors.Is(result.Err, store.ErrStale):
		return c, false, ErrExists
	case result.Err != nil:
		return c, false, result.Err
	case result.Duplicate:
		c, err = s.first(ctx, result.MessageID)
		return c, true, err
	}
	s.note(c)
	return c, false, nil
}

// first is the call that a message began.
func (s *Service) first(ctx context.Context, messageID string) (message.Call, error) {
	m, err := s.deps.Store.Message(ctx, messageID)
	switch {
	case errors.Is(err, store.ErrNotFound): // The message is forgotten sooner than the request.
		return message.Call{}, ErrOver
	case err != nil:
		return message.Call{}, err
	case m.Detail.Call == nil:
		return message.Call{}, store.ErrConflict
	}
	return s.Call(ctx, m.Detail.Call.CallID)
}

// Call finds a call, with store.ErrNotFound.
func (s *Service) Call(ctx context.Context, id string) (message.Call, error) {
	return s.deps.Store.Call(ctx, id)
}

// Do makes a step of a call and gives the call behind it. A step that was made before changes nothing.
func (s *Service) Do(ctx context.Context, id string, e Event) (message.Call, error) {
	if err := s.check(e); err != nil {
		return message.Call{}, err
	}
	for range maxTries {
		c, err := s.deps.Store.Call(ctx, id)
		if err != nil {
			return c, err
		}
		do := e
		if len(c.Outbox) > 0 {
			do = Event{Action: message.CallTimeout} // What others have to be told comes first.
		}
		c, made, err := s.try(ctx, c, do)
		switch {
		case errors.Is(err, store.ErrStale):
		case err != nil || !made:
			return c, err
		case do.Action == e.Action:
			s.flush(ctx, c)
			return c, nil
		}
	}
	return message.Call{}, ErrBusy
}

// try makes one step and reports whether it changed anything.
func (s *Service) try(ctx context.Context, c message.Call, e Event) (next message.Call, made bool, err error) {
	now := s.now()
	next, n, err := stepped(c, e, now)
	if errors.Is(err, ErrNothing) {
		return c, false, nil
	}
	if err != nil {
		return c, false, err
	}
	r := request(next, s.presentable(n), now)
	result := s.accept(ctx, r)
	if errors.Is(result.Err, store.ErrBacklogFull) && n.Event.Action != message.CallInvite {
		r.Push = nil // It is over all the same.
		result = s.accept(ctx, r)
	}
	if result.Err != nil {
		return c, false, result.Err
	}
	s.note(next)
	return next, true, nil
}

// flush tells what is left to tell. What fails is due and left to Run.
func (s *Service) flush(ctx context.Context, c message.Call) {
	for made := true; made && len(c.Outbox) > 0; {
		var err error
		if c, made, err = s.try(ctx, c, Event{Action: message.CallTimeout}); err != nil {
			s.deps.Log.Warn("telling the rest of a call's step", "call", c.ID, "error", err)
			return
		}
	}
}

func stepped(c message.Call, e Event, now time.Time) (message.Call, message.CallNotice, error) {
	if e.Action == message.CallInvite {
		e.MessageID, e.Ring = accept.MessageID(now), cmp.Or(e.Ring, DefaultRing)
	}
	return Step(c, e, now)
}

func (s *Service) accept(ctx context.Context, r accept.Request) accept.Result {
	return s.deps.Acceptor.Accept(ctx, []accept.Request{r})[0]
}

// presentable leaves out of a replacing push what the app's configuration does not have any more since the invitation:
// it must not hold back the end of a call.
func (s *Service) presentable(n message.CallNotice) message.CallNotice {
	if n.Replaces == "" {
		return n
	}
	if push := *n.Push; s.deps.Acceptor.CheckPush(&push) != nil {
		push.ResourcesID = ""
		n.Push = &push
	}
	return n
}

// request is the message that tells of a step, and changes the call with it.
func request(c message.Call, n message.CallNotice, now time.Time) accept.Request {
	id := n.MessageID
	if id == "" {
		id = accept.MessageID(now)
	}
	return accept.Request{
		MessageID: id, ClientID: id, From: n.From, To: n.To, Body: n.Body,
		Push: n.Push, PushTo: n.PushTo, PushUntil: n.PushUntil,
		Kind: message.KindCall, Detail: message.Detail{Call: &n.Event, Replaces: n.Replaces},
		Also: store.Also{Call: &c},
	}
}

func (s *Service) now() time.Time { return s.deps.Store.Now().UTC().Truncate(time.Millisecond) }
