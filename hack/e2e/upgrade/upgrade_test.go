//go:build e2e

// Package upgrade replaces dispatchers and managers and drains a node under load, on two real nodes of KUBECONFIG:
// hack/cluster/up.sh 2. It needs root on their machine.
package upgrade

import (
	"testing"

	"github.com/offlinepush/operator/hack/e2e/quickstart"
)

func TestUpgrade(t *testing.T) {
	quickstart.EachStore(t, func(t *testing.T, w *quickstart.World) {
		t.Helper()
		u := quickstart.NewUpgrade(w)
		t.Cleanup(u.Close)
		quickstart.Test(t, w, u.Install, u.Steps)
	})
}
