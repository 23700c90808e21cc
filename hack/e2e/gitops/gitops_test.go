//go:build e2e

// Package gitops lets Flux install an app on the real node of KUBECONFIG from a Git repository that the test serves, and
// rotates, breaks, reverts, prunes and restores it by commits. It needs root on that node.
package gitops

import (
	"context"
	"testing"
	"time"
)

func TestFlux(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
	defer cancel()
	w := newWorld(ctx, t)
	for _, step := range []struct {
		title string
		run   func(context.Context) error
	}{
		{"The operator and Flux start", w.install},
		{"One commit installs everything, and a push arrives", w.begin},
		{"A second sync changes nothing", w.repeat},
		{"What somebody deletes comes back", w.drift},
		{"Two commits rotate the credential, and no pod restarts", w.rotate},
		{"A broken commit fails its health check, says why, and pushes go on", w.spoil},
		{"A revert is healthy", w.revert},
		{"A prune leaves keys and volume", w.prune},
		{"The app comes back, and the phone need not register again", w.comeBack},
	} {
		began := time.Now()
		if !t.Run(step.title, func(t *testing.T) { must(t, step.run(ctx)) }) {
			t.FailNow() // the next step stands on this one
		}
		w.Say("[%5.1fs] %s", time.Since(began).Seconds(), step.title)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
