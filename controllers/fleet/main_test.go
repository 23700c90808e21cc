// Package fleet_test proves against a real kube-apiserver what many apps cost, and that managers come and go, and the
// kube-apiserver too, without an app noticing. Every manager is a process of its own, which tests measure and kill.
package fleet_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/offlinepush/operator/controllers/managertest"
	"github.com/offlinepush/operator/controllers/testenv"
)

var environment *testenv.Environment

func TestMain(m *testing.M) {
	if settings := os.Getenv(managerVariable); settings != "" {
		if err := runManager(settings); err != nil {
			fmt.Fprintln(os.Stderr, "manager:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	managertest.Logging(&managertest.Logs{}) // What plays the cluster has nothing to tell.
	os.Exit(testenv.Main(m, &environment))
}
