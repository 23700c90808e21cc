//go:build e2e

// Package cluster runs the quickstart's story as assertions on the real node
// of KUBECONFIG, and then breaks things. It needs root on that node.
package cluster

import (
	"slices"
	"testing"

	"github.com/offlinepush/operator/hack/e2e/quickstart"
)

func TestQuickstart(t *testing.T) {
	quickstart.EachStore(t, func(t *testing.T, w *quickstart.World) {
		t.Helper()
		quickstart.Test(t, w, w.Install, func() []quickstart.Step {
			story := quickstart.NewStory(w)
			return slices.Concat(story.Steps(), story.Scenarios(), story.Breakage())
		})
	})
}
