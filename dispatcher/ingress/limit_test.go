package ingress

import (
	"fmt"
	"testing"
	"time"
)

func TestLimiterPerSource(t *testing.T) {
	t.Parallel()
	l := newLimiter(Rates{PerSource: 2, Total: 1000})
	now := time.Now()
	took := func(addr string) (n int) {
		for range 100 {
			if l.allowSource(addr, now) {
				n++
			}
		}
		return n
	}
	tests := []struct {
		name, addr string
		want       int
	}{
		{"first", "192.0.2.1:1000", 10},
		{"same host, other port", "192.0.2.1:2000", 0},
		{"same host, mapped", "[::ffff:192.0.2.1]:1", 0},
		{"other host", "192.0.2.2:1000", 10},
		{"IPv6", "[2001:db8::1]:1", 10},
		{"same subscriber", "[2001:db8::ffff]:1", 0},
		{"other subscriber", "[2001:db8:0:1::1]:1", 10},
		{"unknown", "@", 10},
		{"also unknown", "", 0},
	}
	for _, tt := range tests { // in this order
		if got := took(tt.addr); got != tt.want {
			t.Errorf("%s: took %d, want %d", tt.name, got, tt.want)
		}
	}
	now = now.Add(time.Second)
	if got := took("192.0.2.1:1"); got != 2 {
		t.Errorf("a second later: took %d, want 2", got)
	}
}

func TestLimiterIsBounded(t *testing.T) {
	t.Parallel()
	l := newLimiter(Rates{PerSource: 1, Total: 1e9})
	now := time.Now()
	for i := range maxSources {
		if !l.allowSource(fmt.Sprintf("10.%d.%d.1:1", i/256, i%256), now) {
			t.Fatal("refused source", i)
		}
	}
	if l.allowSource("192.0.2.1:1", now) || len(l.sources) != maxSources {
		t.Errorf("took one source too many: %d", len(l.sources))
	}
	now = now.Add(time.Minute)
	if !l.allowSource("192.0.2.1:1", now) || len(l.sources) != 1 {
		t.Errorf("kept sources that are idle: %d", len(l.sources))
	}
}
