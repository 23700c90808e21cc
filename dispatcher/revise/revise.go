// Package revise lets senders take their messages back and edit them. Both are
// messages of their own to the same receivers, which change the first one in
// the transaction that stores them.
package revise

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/offlinepush/operator/dispatcher/accept"
	"github.com/offlinepush/operator/dispatcher/message"
)

var (
	// ErrNotSender says that somebody else sent the message.
	ErrNotSender = errors.New("the message is somebody else's")
	// ErrKind says that messages of the kind stay as they are.
	ErrKind = errors.New("messages of this kind cannot be recalled or edited")
)

// Store is the part of the store that is read.
type Store interface {
	Message(ctx context.Context, id string) (message.Message, error)
	Receivers(ctx context.Context, messageID string) ([]string, error)
}

// Acceptor accepts messages.
type Acceptor interface {
	Accept(ctx context.Context, reqs []accept.Request) []accept.Result
}

// Service changes messages. It is safe for concurrent use.
type Service struct {
	store    Store
	acceptor Acceptor
}

// New makes a Service.
func New(s Store, a Acceptor) *Service { return &Service{store: s, acceptor: a} }

// Recall is the wish to take a message back.
type Recall struct {
	MessageID string
	// ClientID and From make the request idempotent; From must be the message's sender.
	ClientID, From string
	// Push takes the place of the message's notification; nil leaves what is shown to the app.
	Push    *message.PushConfig
	PushTTL time.Duration
}

// Edit is the wish to give a message another body.
type Edit struct {
	MessageID, ClientID, From, Body string
}

// Recall takes a message back: its body and push are gone, pushes of it that wait end, and the receivers get an event.
// The error is one of this package, of accept or of the store.
func (s *Service) Recall(ctx context.Context, r Recall) (accept.Result, error) {
	of, to, err := s.find(ctx, r.MessageID, r.From)
	if err != nil {
		return accept.Result{}, err
	}
	req := accept.Request{
		ClientID: r.ClientID, From: r.From, To: to, Push: r.Push, PushTTL: r.PushTTL, Kind: message.KindRecall,
		Detail: message.Detail{GroupID: of.Detail.GroupID, Of: of.ID},
	}
	req.Also.Recall = of.ID
	if r.Push != nil {
		req.Detail.Replaces = of.ID
	}
	return s.accept(ctx, req)
}

// Edit gives a message another body, of which the receivers get an event. Nothing is pushed.
func (s *Service) Edit(ctx context.Context, r Edit) (accept.Result, error) {
	of, to, err := s.find(ctx, r.MessageID, r.From)
	if err != nil {
		return accept.Result{}, err
	}
	req := accept.Request{
		ClientID: r.ClientID, From: r.From, To: to, Body: r.Body, Kind: message.KindEdit,
		Detail: message.Detail{GroupID: of.Detail.GroupID, Of: of.ID},
	}
	req.Also.Edit = of.ID
	return s.accept(ctx, req)
}

func (s *Service) accept(ctx context.Context, r accept.Request) (accept.Result, error) {
	result := s.acceptor.Accept(ctx, []accept.Request{r})[0]
	return result, result.Err
}

// find reads a message that its sender may change, and who received it. One that is recalled is found as well: the
// store tells a repeated request from a new one.
func (s *Service) find(ctx context.Context, id, sender string) (message.Message, []string, error) {
	m, err := s.store.Message(ctx, id)
	switch {
	case err != nil:
		return m, nil, fmt.Errorf("reading the message: %w", err)
	case m.Sender != sender:
		return m, nil, ErrNotSender
	case !m.Kind.Revisable():
		return m, nil, ErrKind
	}
	to, err := s.store.Receivers(ctx, m.ID)
	if err != nil {
		return m, nil, fmt.Errorf("reading the receivers: %w", err)
	}
	return m, to, nil
}
