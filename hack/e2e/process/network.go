package process

import (
	"context"
	"os"
	"os/exec"
	"syscall"
	"testing"
)

const ownNetwork = "OFFLINEPUSH_OWN_NETWORK"

// InOwnNetwork runs the calling test once more, in a process that has a network
// namespace of its own with nothing but loopback, and reports whether this is
// that run. The namespace ends with the process, and all rules in it.
func InOwnNetwork(t *testing.T) bool {
	t.Helper()
	if os.Getenv(ownNetwork) != "" {
		command(t.Context(), t, "ip", "link", "set", "lo", "up")
		return true
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v") //nolint:gosec // this test again
	cmd.Env = append(os.Environ(), ownNetwork+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	out, err := cmd.CombinedOutput()
	t.Logf("in a network namespace of its own:\n%s", out)
	if err != nil {
		t.Errorf("%v; a network namespace needs root", err)
	}
	return false
}

// Cut makes an address of this namespace silent: what is sent to it or from it
// is lost, and nobody is told. The function that it returns heals it.
func Cut(t *testing.T, address string) (heal func()) {
	t.Helper()
	rules := [][]string{{"INPUT", "-d", address, "-j", "DROP"}, {"INPUT", "-s", address, "-j", "DROP"}}
	for _, rule := range rules {
		command(t.Context(), t, "iptables", append([]string{"-A"}, rule...)...)
	}
	return func() {
		for _, rule := range rules {
			command(t.Context(), t, "iptables", append([]string{"-D"}, rule...)...)
		}
	}
}

func command(ctx context.Context, t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(ctx, name, args...).CombinedOutput(); err != nil { //nolint:gosec // constants and loopback addresses
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
}
