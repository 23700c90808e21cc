package tracing

import (
	"math"
	"testing"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/trace"
)

// newMessageID is an id as messages have it.
func newMessageID(tb testing.TB) string {
	tb.Helper()
	id, err := uuid.NewV7()
	if err != nil {
		tb.Fatal(err)
	}
	return id.String()
}

// The share of the messages that is traced is what was asked for, although their ids are not random throughout; and a
// greater share traces all that a smaller one does.
func TestShareOfMessages(t *testing.T) {
	t.Parallel()
	const n = 200_000
	shares := []int32{1, 10, 50, 99, 100}
	told := map[int32]int{}
	for range n {
		root, ok := rootOf(newMessageID(t))
		if !ok {
			t.Fatal("a message id is no trace id")
		}
		before := false
		for _, percent := range shares {
			is := draw(root.TraceID()) >= threshold(percent)
			if before && !is {
				t.Fatalf("%s is traced with a smaller share than %d%%, but not with this one", root.TraceID(), percent)
			}
			before = is
			if is {
				told[percent]++
			}
		}
	}
	for _, percent := range shares {
		p := float64(percent) / 100
		if deviation := math.Abs(float64(told[percent]) - n*p); deviation > 5*math.Sqrt(n*p*(1-p)) {
			t.Errorf("%d of %d messages are traced with %d%%", told[percent], n, percent)
		}
	}
	if told[100] != n {
		t.Errorf("%d of %d messages are traced with 100%%", told[100], n)
	}
}

// A marked id is that of a message still, of the same time, and is traced whatever the share is.
func TestMark(t *testing.T) {
	t.Parallel()
	for range 1000 {
		plain := newMessageID(t)
		id := Mark(plain)
		parsed, err := uuid.Parse(id)
		if err != nil || parsed.Version() != 7 || parsed.Variant() != uuid.RFC4122 || id[:18] != plain[:18] {
			t.Fatalf("%s became %s: %v", plain, id, err)
		}
		root, _ := rootOf(id)
		for _, percent := range []int32{0, 1, 100} {
			if draw(root.TraceID()) < threshold(percent) {
				t.Errorf("%s is not traced with %d%%", id, percent)
			}
		}
	}
	if got := Mark("no id"); got != "no id" {
		t.Errorf("no id became %q", got)
	}
}

// The ids of a message's root are the message's, so that every process and every person can tell them.
func TestRootOf(t *testing.T) {
	t.Parallel()
	root, ok := rootOf("019a0000-0000-7abc-8def-0123456789ab")
	if !ok || root.TraceID().String() != "019a000000007abc8def0123456789ab" || root.SpanID().String() != "8def0123456789ab" || !root.IsSampled() {
		t.Errorf("got %+v", root)
	}
	for _, bad := range []string{"", "m", "00000000-0000-0000-0000-000000000000"} {
		if root, ok := rootOf(bad); ok {
			t.Errorf("%q has the root %+v", bad, root)
		}
	}
}

func TestNewIDs(t *testing.T) {
	t.Parallel()
	root, _ := rootOf(newMessageID(t))
	seen := map[trace.SpanID]bool{root.SpanID(): true}
	for range 100 {
		child, other := newIDs(root), newIDs(trace.SpanContext{})
		if child.TraceID() != root.TraceID() || !child.IsValid() || !other.IsValid() || other.TraceID() == root.TraceID() {
			t.Fatalf("child %+v, other %+v", child, other)
		}
		if seen[child.SpanID()] {
			t.Fatal("two spans have one id")
		}
		seen[child.SpanID()] = true
	}
}
