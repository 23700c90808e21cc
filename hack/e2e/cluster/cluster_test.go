//go:build e2e

// Package cluster runs the quickstart's story as assertions on the real node
// of KUBECONFIG, and then breaks things. It needs root on that node.
package cluster

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/offlinepush/operator/hack/e2e/quickstart"
)

// lines passes the story on to the test's log.
type lines struct{ t *testing.T }

func (l lines) Write(b []byte) (int, error) {
	l.t.Helper()
	l.t.Logf("%s", b)
	return len(b), nil
}

func TestQuickstart(t *testing.T) {
	// One after the other: both are the same app, whose store is changed.
	for _, store := range []quickstart.Store{quickstart.SQLite, quickstart.Postgres} {
		if !t.Run(string(store), func(t *testing.T) { run(t, store) }) {
			t.FailNow()
		}
	}
}

func run(t *testing.T, store quickstart.Store) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute)
	defer cancel()
	w := &quickstart.World{Root: "../../..", Out: lines{t}, Store: store}
	if !t.Run("install", func(t *testing.T) { must(t, w.Install(ctx)) }) {
		t.FailNow()
	}
	story := quickstart.NewStory(w)
	for _, step := range slices.Concat(story.Steps(), story.Scenarios(), story.Breakage()) {
		if !t.Run(step.Title, func(t *testing.T) { must(t, step.Run(ctx)) }) {
			t.FailNow() // the next step stands on this one
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
