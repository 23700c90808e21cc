package peer

import (
	"testing"
	"time"
)

// Only who has answered for a while makes all sessions look by falling silent.
func TestSilenceMattersOnce(t *testing.T) {
	t.Parallel()
	var p pulse
	now := time.Now()
	for i, step := range []struct {
		after    time.Duration
		answered bool
		silent   bool
	}{
		{0, false, false}, // It has never answered.
		{time.Second, true, false},
		{time.Second, false, true},
		{time.Second, false, false},
		{time.Second, true, false},
		{time.Second, false, false}, // It answers now and then.
		{time.Second, true, false},
		{steadyFor, true, false},
		{time.Second, false, true},
		{time.Hour, false, false},
	} {
		now = now.Add(step.after)
		if got := p.feel(step.answered, now); got != step.silent {
			t.Errorf("step %d: fell silent: %v", i, got)
		}
	}
}
