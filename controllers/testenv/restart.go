package testenv

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
)

// RestartAPIServer kills the kube-apiserver, runs away while it is gone, and starts it again at the same address.
func (e *Environment) RestartAPIServer(t *testing.T, away func()) {
	t.Helper()
	server := e.cluster.ControlPlane.GetAPIServer()
	if err := e.killAPIServer(); err != nil {
		t.Fatalf("killing kube-apiserver: %v", err)
	}
	// Until its end is noticed, stopping it is an error.
	err := wait.PollUntilContextTimeout(t.Context(), 10*time.Millisecond, patience, true, func(context.Context) (bool, error) {
		return server.Stop() == nil, nil
	})
	if err != nil {
		t.Fatalf("waiting for the end of kube-apiserver: %v", err)
	}
	away()
	// While nobody listens on its port, a connection of somebody else may have it for a moment.
	var failed error
	err = wait.PollUntilContextTimeout(t.Context(), time.Second, patience, true, func(context.Context) (bool, error) {
		failed = server.Start()
		return failed == nil, nil
	})
	if err != nil {
		t.Fatalf("starting kube-apiserver again: %v", failed)
	}
}

// killAPIServer finds the process by its folder of certificates, which no other has. Asked to stop, it would wait for its
// clients for a minute.
func (e *Environment) killAPIServer() error {
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return fmt.Errorf("listing processes: %w", err)
	}
	for _, file := range files {
		line, err := os.ReadFile(file)
		if err != nil || !bytes.Contains(line, []byte("--cert-dir="+e.certificates)) {
			continue // Processes come and go.
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err != nil {
			return fmt.Errorf("reading %s: %w", file, err)
		}
		return syscall.Kill(pid, syscall.SIGKILL)
	}
	return errors.New("no process has --cert-dir=" + e.certificates)
}
