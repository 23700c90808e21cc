package delivery

import (
	"context"
	"testing"
	"time"

	"github.com/offlinepush/operator/dispatcher/delivery/fuse"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
)

// counted is a store that counts how often it counted the tokens.
type counted struct {
	store.Store
	valid, invalid int64
	counts         int
}

func (c *counted) TokenHealth(context.Context, string, time.Time, time.Time) (valid, invalid int64, err error) {
	c.counts++
	return c.valid, c.invalid, nil
}

func TestTokensAreCountedSeldomWhileTheFuseIsCalm(t *testing.T) {
	t.Parallel()
	start := time.Unix(1000, 0)
	one := []message.Outcome{{Class: message.InvalidToken}}
	known := []live{{state: store.FenceState{AcceptedAt: start}}}
	for _, tt := range []struct {
		name           string
		valid, invalid int64
		answers        int
		counts         int
	}{
		{"the first is counted", 1000, 0, 1, 1},
		{"far below", 1000, 0, 90, 1},
		{"again at a tenth", 1000, 0, 105, 2},
		{"above a tenth always", 1000, 150, 5, 5},
		{"few tokens always", 15, 0, 2, 2},
	} {
		s := &counted{valid: tt.valid, invalid: tt.invalid}
		l := &lane{store: s}
		for range tt.answers {
			a := &attempt{lane: l}
			if blown, err := a.fused(t.Context(), known, one, start); blown || err != nil {
				t.Errorf("%s: blown %v, %v", tt.name, blown, err)
			}
		}
		if s.counts != tt.counts {
			t.Errorf("%s: counted %d times, want %d", tt.name, s.counts, tt.counts)
		}
		if _, err := (&attempt{lane: l}).fused(t.Context(), known, one, start.Add(tallyFor)); err != nil || s.counts != tt.counts+1 {
			t.Errorf("%s: counted %d times after a while, want %d: %v", tt.name, s.counts, tt.counts+1, err)
		}
	}
}

// An answer that comes while the store counts belongs to the next count.
func TestTallyKeepsWhatCameMeanwhile(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	var y tally
	seen, _ := y.calm(1, now)
	y.calm(5, now)
	y.set(94, 1, seen, now)
	if _, calm := y.calm(3, now); !calm {
		t.Errorf("9 of 95 are not far below: %+v", &y)
	}
	if _, calm := y.calm(1, now); calm {
		t.Errorf("10 of 95 are far below: %+v", &y)
	}
}

// TestTheLastOfFewTokens: a token whose invalid answer is at hand is none of the valid ones, though the store has it among them
// until the answer is settled. Otherwise few phones that are pushed one after the other would all be quarantined.
func TestTheLastOfFewTokens(t *testing.T) {
	t.Parallel()
	start := time.Unix(1000, 0)
	for _, tt := range []struct {
		name       string
		valid      int64
		acceptedAt time.Time
		blown      bool
	}{
		{"the last", 1, start.Add(-time.Minute), true},
		{"another is valid", 2, start.Add(-time.Minute), false},
		{"accepted too long ago to be counted", 1, start.Add(-2 * fuse.Window), false},
		{"none is valid", 0, start.Add(-2 * fuse.Window), true},
	} {
		a := &attempt{lane: &lane{store: &counted{valid: tt.valid, invalid: 6}}}
		pass := []live{{state: store.FenceState{AcceptedAt: tt.acceptedAt}}}
		if blown, err := a.fused(t.Context(), pass, []message.Outcome{{Class: message.InvalidToken}}, start); blown != tt.blown || err != nil {
			t.Errorf("%s: blown is %t, want %t: %v", tt.name, blown, tt.blown, err)
		}
	}
}
