package process

import (
	"testing"
	"time"
)

// The judge of the tests has to be right itself.
func TestHistory(t *testing.T) {
	t.Parallel()
	at := func(n int) time.Time { return time.Unix(int64(n), 0) }
	from := func(start, answer int) Span { return Span{at(start), at(answer)} }
	h := &History{}
	h.Register(at(0))
	h.Bind(from(1, 2), 0, "ann")
	h.Bind(from(10, 12), 0, "ben") // takes over
	h.Bind(from(20, 24), 0, "ann")
	h.Logout(from(21, 23), 0) // may have come before that binding
	h.Logout(from(30, 31), 0)
	h.Bind(from(40, 41), 0, "ben")
	h.Register(at(50))
	h.Bind(from(55, 56), 0, "ann") // on the installation that is retired
	for _, c := range []struct {
		user string
		at   int
		want bool
	}{
		{"ann", 0, false},
		{"ann", 1, true},
		{"ann", 11, true}, // the takeover is not answered
		{"ann", 13, false},
		{"ben", 9, false},
		{"ben", 11, true},
		{"ben", 25, false}, // ann took it back
		{"ann", 25, true},
		{"ann", 30, true},
		{"ann", 32, false},
		{"ben", 49, true},
		{"ben", 51, false},
		{"ann", 57, false},
	} {
		if got := h.Allows(c.user, at(c.at)); got != c.want {
			t.Errorf("%s at %d: %t, want %t", c.user, c.at, got, c.want)
		}
	}
}
