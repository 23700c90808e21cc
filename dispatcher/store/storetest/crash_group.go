package storetest

import (
	"context"
	"errors"
	"fmt"

	"github.com/offlinepush/operator/dispatcher/store"
)

const crashGroup = "crash"

// crashMembers are those of the group that all processes send to.
func crashMembers() (users []string) {
	for i := range 10 {
		users = append(users, fmt.Sprintf("member-%d", i))
	}
	return users
}

// expandForever sends to a group and brings the messages to its members, some at a time.
func expandForever(ctx context.Context, s store.Store, lines *writer) error {
	members := crashMembers()
	if _, err := s.PutGroup(ctx, crashGroup, members); err != nil {
		return err
	}
	for {
		got := s.Accept(ctx, []store.AcceptRequest{toMany(members[0], store.NewExpansion{GroupID: crashGroup})})[0]
		if got.Err != nil {
			return got.Err
		}
		if err := lines.say("sent %s", got.MessageID); err != nil {
			return err
		}
		all, err := s.RunningExpansions(ctx, 100)
		if err != nil {
			return err
		}
		for _, e := range all {
			if err := expandSome(ctx, s, e); err != nil {
				return err
			}
		}
	}
}

// expandSome takes a step of an expansion that does not wait for another one.
func expandSome(ctx context.Context, s store.Store, e store.Expansion) error {
	const size = 3
	if e.Blocked {
		return nil
	}
	m, err := s.Message(ctx, e.MessageID)
	if err != nil {
		return err
	}
	users, err := s.ReceiversBehind(ctx, e, size)
	if err != nil {
		return err
	}
	r := store.AcceptRequest{Message: m, Step: &store.Step{From: e.After, To: e.After, Last: len(users) < size}}
	for _, u := range users {
		r.Recipients, r.Step.To = append(r.Recipients, u.ID), u.Key
	}
	if err := s.Expand(ctx, r).Err; !errors.Is(err, store.ErrMoved) {
		return err
	}
	return nil
}

// checkGroup expands what the killed processes left, and looks for every message once in every inbox.
func (l *ledger) checkGroup(b *bench) {
	b.Helper()
	b.expandAll(100)
	for _, u := range crashMembers() {
		entries := b.inbox(u, 0)
		b.contiguous(u, len(entries))
		times := map[string]int{}
		for _, e := range entries {
			times[e.Message.ID]++
		}
		for id, n := range times {
			if n != 1 {
				b.Errorf("%s has message %s %d times", u, id, n)
			}
		}
		for _, id := range l.sent {
			if times[id] == 0 {
				b.Errorf("%s does not have message %s", u, id)
			}
		}
	}
}
