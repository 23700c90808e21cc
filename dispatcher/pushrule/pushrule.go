// Package pushrule keeps what users want of pushes: their rule, and the
// conversations that they muted. A change is a message to the user, which is
// stored with it and tells all of the user's devices.
package pushrule

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/offlinepush/operator/dispatcher/accept"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// Store is the part of the store that keeps the rules.
type Store interface {
	Recipients(ctx context.Context, asks []store.Ask) (map[string]store.Recipient, error)
	Mutes(ctx context.Context, userID string, after message.Conversation, limit int) ([]message.Conversation, error)
}

// Acceptor accepts the messages that tell of changes.
type Acceptor interface {
	Accept(ctx context.Context, reqs []accept.Request) []accept.Result
}

// Service reads and changes rules. It is safe for concurrent use.
type Service struct {
	store    Store
	acceptor Acceptor
}

// New makes a Service.
func New(s Store, a Acceptor) *Service { return &Service{store: s, acceptor: a} }

// Rule is the user's.
func (s *Service) Rule(ctx context.Context, userID string) (message.Rule, error) {
	found, err := s.store.Recipients(ctx, []store.Ask{{UserID: userID}})
	if rule := found[userID].Rule; rule != nil {
		return *rule, err
	}
	return message.DefaultRule(), err
}

// SetRule replaces the user's rule, and tells the user's devices.
func (s *Service) SetRule(ctx context.Context, userID string, rule message.Rule) error {
	if err := rule.Check(); err != nil {
		return err
	}
	return s.change(ctx, store.RuleChange{UserID: userID, Rule: &rule}, wire.RuleChange{PushRule: new(wire.PushRuleOf(rule))})
}

// Mutes lists the conversations that the user muted, by type and id, from behind the given one.
func (s *Service) Mutes(
	ctx context.Context, userID string, after message.Conversation, limit int,
) ([]message.Conversation, error) {
	return s.store.Mutes(ctx, userID, after, limit)
}

// Mute mutes conversations of the user, or does not any more, and tells the user's devices.
func (s *Service) Mute(ctx context.Context, userID string, conversations []message.Conversation, muted bool) error {
	if err := s.checkMutes(ctx, userID, conversations, muted); err != nil {
		return err
	}
	c := store.RuleChange{UserID: userID}
	if muted {
		c.Mute = conversations
	} else {
		c.Unmute = conversations
	}
	told := wire.SetMutes{Muted: muted}
	for _, of := range conversations {
		told.Conversations = append(told.Conversations, wire.Conversation{Type: string(of.Type), ID: of.ID})
	}
	return s.change(ctx, c, wire.RuleChange{Mutes: &told})
}

// checkMutes counts before the change: those that are made at the same moment may pass the limit by a few.
func (s *Service) checkMutes(ctx context.Context, userID string, conversations []message.Conversation, muted bool) error {
	const field = "conversations"
	for i, c := range conversations {
		if err := c.Check(fmt.Sprintf("%s[%d]", field, i)); err != nil {
			return err
		}
		if slices.Contains(conversations[:i], c) {
			return &message.FieldError{Field: fmt.Sprintf("%s[%d]", field, i), Problem: "is there twice, name every conversation once"}
		}
	}
	if !muted {
		return nil
	}
	known, err := s.store.Mutes(ctx, userID, message.Conversation{}, message.MaxMutes+1)
	if err != nil {
		return fmt.Errorf("reading the muted conversations: %w", err)
	}
	n := len(known)
	for _, c := range conversations {
		if !slices.Contains(known, c) {
			n++
		}
	}
	if n > message.MaxMutes {
		return &message.FieldError{Field: field, Problem: fmt.Sprintf(
			"would make it %d muted conversations of the user, at most %d are kept; unmute some first", n, message.MaxMutes)}
	}
	return nil
}

// change stores the change and what tells of it.
func (s *Service) change(ctx context.Context, c store.RuleChange, told wire.RuleChange) error {
	body, err := json.Marshal(told)
	if err != nil {
		return fmt.Errorf("telling of the change: %w", err)
	}
	err = s.acceptor.Accept(ctx, []accept.Request{{
		ClientID: uuid.NewString(), From: c.UserID, To: []string{c.UserID}, Kind: message.KindRule, Body: string(body),
		Also: store.Also{Rule: &c},
	}})[0].Err
	if field, ok := errors.AsType[*message.FieldError](err); ok { // The user is the one thing in it that was not checked.
		return &message.FieldError{Field: "userID", Problem: field.Problem}
	}
	return err
}
