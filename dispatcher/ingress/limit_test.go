package ingress

import (
	"fmt"
	"testing"
	"time"
)

func TestSources(t *testing.T) {
	t.Parallel()
	l := newLimiter()
	now := time.Now()
	took := func(addr string) (n int) {
		for range 100 {
			if _, ok := l.take(sourceOf(addr), 2, 1, now); ok {
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

func TestLimiterSaysHowLongToWait(t *testing.T) {
	t.Parallel()
	l := newLimiter()
	now := time.Now()
	if _, ok := l.take("a", 10, 50, now); !ok {
		t.Fatal("refused a burst")
	}
	for range 3 { // A refusal takes nothing.
		if wait, ok := l.take("a", 10, 20, now); ok || wait != 2*time.Second {
			t.Errorf("%v %v, want to wait for two seconds", ok, wait)
		}
	}
	if _, ok := l.take("a", 10, 20, now.Add(2*time.Second)); !ok {
		t.Error("refused after the wait")
	}
	if wait, ok := l.take("b", 10, 1000, now); !ok {
		t.Errorf("what is more than a burst can never pass: %v", wait)
	}
	if _, ok := l.take("b", 10, 1, now); ok {
		t.Error("what is more than a burst did not empty the bucket")
	}
}

func TestLimiterFollowsTheRate(t *testing.T) {
	t.Parallel()
	l := newLimiter()
	now := time.Now()
	for range 5 {
		l.take("a", 1, 1, now)
	}
	if _, ok := l.take("a", 1, 1, now); ok {
		t.Fatal("took more than a burst")
	}
	l.take("a", 1000, 1, now)
	if _, ok := l.take("a", 1000, 100, now.Add(time.Second)); !ok {
		t.Error("a raised rate is not in force")
	}
	if _, ok := l.take("a", 1, 6, now.Add(time.Second)); !ok {
		t.Error("refused a burst of the lowered rate")
	}
	if wait, ok := l.take("a", 1, 5, now.Add(time.Second)); ok || wait > 5*time.Second {
		t.Errorf("a lowered rate is not in force: %v", wait)
	}
}

func TestLimiterIsBounded(t *testing.T) {
	t.Parallel()
	l := newLimiter()
	now := time.Now()
	take := func(key string) bool {
		_, ok := l.take(key, 1, 1, now)
		return ok
	}
	for i := range maxKeys {
		if !take(fmt.Sprint(i)) {
			t.Fatal("refused key", i)
		}
	}
	if take("one more") || len(l.buckets) != maxKeys {
		t.Errorf("took one key too many: %d", len(l.buckets))
	}
	if !take("0") {
		t.Error("refused a key that it knows")
	}
	now = now.Add(time.Minute)
	if !take("one more") || len(l.buckets) != 1 {
		t.Errorf("kept keys that are idle: %d", len(l.buckets))
	}
}
