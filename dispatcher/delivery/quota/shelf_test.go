package quota

import (
	"context"
	"sync"
	"time"

	"github.com/offlinepush/operator/dispatcher/store"
)

// shelf is a store that several ledgers share, and its clock.
type shelf struct {
	mu     sync.Mutex
	now    time.Time
	counts map[string]store.QuotaCount
	asked  int
	err    error
	// after is what happens when the store has what it was given, before the answer.
	after error
}

func newShelf(now time.Time) *shelf { return &shelf{now: now, counts: map[string]store.QuotaCount{}} }

func (s *shelf) Now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

func (s *shelf) pass(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(d)
}

func (s *shelf) CountQuotas(_ context.Context, more []store.QuotaCount) (known []store.QuotaCount, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	if s.err != nil {
		return nil, s.err
	}
	for _, m := range more {
		name := m.Channel + m.Class + m.EndsAt.String()
		c := s.counts[name]
		m.Used += c.Used
		if m.SpentUntil.IsZero() && !m.Opened {
			m.SpentUntil = c.SpentUntil
		}
		if m.Opened {
			m.SpentUntil, m.Opened = time.Time{}, false
		}
		s.counts[name] = m
	}
	if s.after != nil {
		return nil, s.after
	}
	for _, c := range s.counts {
		if c.EndsAt.After(s.now) {
			known = append(known, c)
		}
	}
	return known, nil
}
