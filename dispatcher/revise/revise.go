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
	"github.com/offlinepush/operator/dispatcher/store"
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
	Audience(ctx context.Context, messageID string) (store.Audience, error)
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

// Revised is a message that was changed.
type Revised struct {
	accept.Result
	// To are those who receive the event; nil in a group, whose members do.
	To []string
}

// Recall takes a message back: its body and push are gone, pushes of it that wait end, and the receivers get an event.
// The error is one of this package, of accept or of the store.
func (s *Service) Recall(ctx context.Context, r Recall) (Revised, error) {
	req, err := s.find(ctx, r.MessageID, r.From)
	if err != nil {
		return Revised{}, err
	}
	req.ClientID, req.Push, req.PushTTL, req.Kind = r.ClientID, r.Push, r.PushTTL, message.KindRecall
	req.Also.Recall = r.MessageID
	if r.Push != nil {
		req.Detail.Replaces = r.MessageID
	}
	return s.accept(ctx, req)
}

// Edit gives a message another body, of which the receivers get an event. Nothing is pushed.
func (s *Service) Edit(ctx context.Context, r Edit) (Revised, error) {
	req, err := s.find(ctx, r.MessageID, r.From)
	if err != nil {
		return Revised{}, err
	}
	req.ClientID, req.Body, req.Kind = r.ClientID, r.Body, message.KindEdit
	req.Also.Edit = r.MessageID
	return s.accept(ctx, req)
}

func (s *Service) accept(ctx context.Context, r accept.Request) (Revised, error) {
	result := s.acceptor.Accept(ctx, []accept.Request{r})[0]
	return Revised{Result: result, To: r.To}, result.Err
}

// find begins a request about a message that its sender may change, to whoever received it. One that is recalled is
// found as well: the store tells a repeated request from a new one.
func (s *Service) find(ctx context.Context, id, sender string) (r accept.Request, err error) {
	m, err := s.store.Message(ctx, id)
	switch {
	case err != nil:
		return r, fmt.Errorf("reading the message: %w", err)
	case m.Sender != sender:
		return r, ErrNotSender
	case !m.Kind.Revisable():
		return r, ErrKind
	}
	r = accept.Request{From: sender, Detail: message.Detail{GroupID: m.Detail.GroupID, Of: m.ID}}
	if m.Detail.GroupID != "" {
		return r, s.toGroup(ctx, &r)
	}
	if r.To, err = s.store.Receivers(ctx, m.ID); err != nil {
		return r, fmt.Errorf("reading the receivers: %w", err)
	}
	return r, nil
}

// toGroup makes the request one to the group as it is now, or to the same members of it as the message.
func (s *Service) toGroup(ctx context.Context, r *accept.Request) error {
	audience, err := s.store.Audience(ctx, r.Detail.Of)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("reading the receivers: %w", err)
	}
	r.Also.Expansion = &store.NewExpansion{GroupID: r.Detail.GroupID, Audience: audience}
	return nil
}
