package receipt

import (
	"testing"
	"time"
)

// A vendor's time that cannot be right, such as one in another unit, is no time.
func TestDated(t *testing.T) {
	t.Parallel()
	made := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	p := period{from: made.Add(-24 * time.Hour), to: made.Add(24 * time.Hour)}
	for name, tt := range map[string]struct {
		at   time.Time
		want bool
	}{
		"right":           {made.Add(time.Second), true},
		"a little early":  {made.Add(-time.Minute), true},
		"not told":        {time.Time{}, false},
		"in seconds":      {time.UnixMilli(made.Unix()), false},
		"in microseconds": {time.UnixMilli(made.UnixMicro()), false},
		"tomorrow":        {p.to.Add(time.Second), false},
	} {
		got := p.dated(tt.at, made)
		if got.IsZero() == tt.want || tt.want && !got.Equal(tt.at) {
			t.Errorf("%s: %s became %s", name, tt.at, got)
		}
	}
}
