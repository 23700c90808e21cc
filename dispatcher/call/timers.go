package call

import (
	"context"
	"errors"
	"time"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
)

// The pace of Run.
const (
	// lookEvery is how late a deadline fires at most that another process stored and did not live to fire.
	lookEvery = 5 * time.Second
	// pause is the wait after a deadline that could not be fired.
	pause = time.Second
	// page is how many deadlines are read at once.
	page = 256
)

// Run fires what happens to calls by itself, until ctx ends. The deadlines are rows of the store: every process
// fires those that are due, and of those who try one succeeds.
func (s *Service) Run(ctx context.Context) {
	for ctx.Err() == nil {
		s.lookIn(lookEvery) // What falls due before it looks again, and is stored while it fires, wakes it.
		wait := s.fire(ctx)
		s.lookIn(wait)
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-s.wake:
		case <-t.C:
		}
		t.Stop()
	}
}

// lookIn says when Run looks again.
func (s *Service) lookIn(wait time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next = s.deps.Store.Now().Add(wait)
}

// note wakes Run when the call is due before it would look.
func (s *Service) note(c message.Call) {
	at := c.Deadline()
	s.mu.Lock()
	defer s.mu.Unlock()
	if at.IsZero() || !at.Before(s.next) {
		return
	}
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// fire fires what is due and says how long nothing is.
func (s *Service) fire(ctx context.Context) time.Duration {
	now := s.now()
	due, err := s.deps.Store.DueCalls(ctx, now.Add(lookEvery), page)
	if err != nil {
		s.deps.Log.Warn("reading the deadlines of calls", "error", err)
		return pause
	}
	wait := lookEvery
	failed := false
	for _, d := range due {
		if d.At.After(now) {
			wait = min(wait, d.At.Sub(now))
			break // They are in their order.
		}
		_, err := s.Do(ctx, d.ID, Event{Action: message.CallTimeout})
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			s.deps.Log.Warn("firing a deadline of a call", "call", d.ID, "error", err)
			failed = true
		}
	}
	switch full := len(due) == page && !due[page-1].At.After(now); {
	case failed:
		return pause
	case full:
		return time.Millisecond
	}
	return max(wait-s.now().Sub(now), time.Millisecond)
}
