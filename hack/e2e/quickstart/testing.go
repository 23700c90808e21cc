package quickstart

import (
	"context"
	"testing"
	"time"
)

// testLimit bounds a story.
const testLimit = 20 * time.Minute

// lines passes a story on to a test's log.
type lines struct{ t *testing.T }

func (l lines) Write(b []byte) (int, error) {
	l.t.Helper()
	l.t.Logf("%s", b)
	return len(b), nil
}

// EachStore tells a story with each store, one after the other: it is the same app, whose store is changed.
func EachStore(t *testing.T, tell func(*testing.T, *World)) {
	t.Helper()
	for _, store := range []Store{SQLite, Postgres} {
		w := &World{Root: "../../..", Store: store}
		if !t.Run(string(store), func(t *testing.T) { tell(t, w) }) {
			t.FailNow()
		}
	}
}

// Test installs something and runs steps as subtests; each stands on those before.
func Test(t *testing.T, w *World, install func(context.Context) error, steps func() []Step) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testLimit)
	defer cancel()
	run := func(s Step) {
		passed := t.Run(s.Title, func(t *testing.T) {
			w.Out = lines{t}
			if err := s.Run(ctx); err != nil {
				t.Fatal(err)
			}
		})
		if !passed {
			t.FailNow()
		}
	}
	run(Step{"install", install})
	for _, s := range steps() {
		run(s)
	}
}
